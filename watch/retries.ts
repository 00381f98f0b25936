/**
 * Lets nights that failed be tried again when their wait is over. The journal keeps
 * the wall-clock time for people and for restarts; the wait itself runs on the monotonic clock, so
 * that a clock that is set neither skips nor lengthens it.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { Journal } from "./journal.ts";

/** The waits of nights that failed. */
export class Retries {
  readonly #deadlines = new Map<number, { key: string; at: number }>();
  readonly #journal: Journal;
  readonly #clock: Clock;

  /**
   * @param journal The journal.
   * @param clock Both clocks.
   */
  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /**
   * Puts nights back into the queue.
   *
   * @returns How many.
   */
  release(): number {
    const rows = this.#journal.all(
      "SELECT id, attempts, not_before, wait_ms FROM nights WHERE state = 'retry'",
    );
    const present = new Set(rows.map((row) => Number(row["id"])));
    for (const id of this.#deadlines.keys()) if (!present.has(id)) this.#deadlines.delete(id);
    let released = 0;
    for (const row of rows) {
      const id = Number(row["id"]);
      const at = this.#deadline(id, Number(row["not_before"]), Number(row["wait_ms"]));
      if (at > this.#clock.mono()) continue;
      released += this.#journal.run(
        "UPDATE nights SET state = 'ready', not_before = NULL " +
          "WHERE id = ? AND state = 'retry' AND attempts = ?",
        id,
        Number(row["attempts"]),
      );
    }
    return released;
  }

  #deadline(id: number, notBefore: number, waitMs: number): number {
    const key = String(notBefore);
    const known = this.#deadlines.get(id);
    if (known?.key === key) return known.at;
    const rest = Math.min(Math.max(0, notBefore - this.#clock.now()), waitMs);
    const at = this.#clock.mono() + rest;
    this.#deadlines.set(id, { key, at });
    return at;
  }
}
