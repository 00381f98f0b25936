/**
 * Watchers as processes of their own, for tests.
 *
 * @module
 */

import { join } from "node:path";
import type { World } from "./_watch_world.ts";
import type { Journal, Night } from "./journal.ts";

/** The program that the tests start. */
const SCRIPT = join(import.meta.dirname ?? ".", "_test_watcher.ts");
/** Settings in which nothing takes long. */
export const FAST = {
  graceS: 0.1,
  brokenGraceS: 0.2,
  pollS: 0.1,
  recheckS: 0.2,
  minFreeDiskGb: 0,
  minFreeMemoryGb: 0,
  stopWaitS: 5,
  leaseS: 2,
  lostLimit: 1000,
  concurrency: 2,
};

/** Starts a process of the world. */
export function start(world: World, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", SCRIPT, world.site.paths.base, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

/** Starts a watcher. */
export function startWatch(world: World, how: "local" | "process", settings: object = FAST) {
  return start(world, ["watch", how, JSON.stringify(settings)]);
}

/** Waits for the end and gives what was printed. */
export async function output(
  child: Deno.ChildProcess,
): Promise<{ stdout: string; stderr: string }> {
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Looks at the nights until they are as wanted, or the time is up. */
export async function waitUntil(
  world: World,
  until: (nights: readonly Night[], journal: Journal) => boolean,
  limitMs = 30_000,
): Promise<Night[]> {
  const end = performance.now() + limitMs;
  using journal = world.journal();
  while (!until(journal.nights(), journal) && performance.now() < end) await pause(30);
  return journal.nights();
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
