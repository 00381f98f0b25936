/**
 * Finds what a dead watcher left running, by a mark in the environment that programs pass on.
 *
 * @module
 */

import { type ProcessSource, processSource } from "../config/process_source.ts";

/** Name of the variable that marks what was started under a lease. */
export const LEASE_VARIABLE = "GPPY_LEASE";

/** How often what was killed is looked for again: what it was just starting goes with it. */
const ROUNDS = 50;
const ROUND_MS = 20;

/**
 * Kills every process of this host that was started under a lease, and waits a moment until
 * they are gone.
 *
 * @param token The lease.
 * @returns How many were killed.
 */
export function killMarked(token: string): number {
  const source = processSource();
  const mark = `${LEASE_VARIABLE}=${token}`;
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const found = marked(source, mark);
    if (found.length === 0) break;
    for (const pid of found) {
      source.kill(pid);
      killed.add(pid);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ROUND_MS);
  }
  return killed.size;
}

function marked(source: ProcessSource, mark: string): number[] {
  return source.withEnvironment(mark).filter((pid) => pid !== Deno.pid);
}
