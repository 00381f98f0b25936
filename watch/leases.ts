/**
 * Leases: who works on a night. A holder counts its beats up; another may take the
 * lease over when the holder is known to be dead, or its beats have stood still for long enough by
 * the other's own monotonic clock. No wall clock is compared, so none can deceive.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "./clock.ts";
import type { Journal, Row } from "./journal.ts";
import { isAlive, ownMark, type ProcessMark } from "../config/process_mark.ts";
import { killMarked } from "./process_mark.ts";

/** A lease that this process holds. */
export interface Lease {
  readonly night: number;
  /** Every write about the night is made only while this token is in the journal. */
  readonly token: string;
}

/**
 * Takes the lease of a night that nobody holds.
 *
 * @param journal The journal.
 * @param night The night.
 * @param now Milliseconds of UTC since 1970.
 * @param mark Who takes it; this process if left out.
 * @returns The lease, or undefined when somebody else was faster.
 */
export function takeLease(
  journal: Journal,
  night: number,
  now: number,
  mark: ProcessMark = ownMark(),
): Lease | undefined {
  const token = `${mark.host}-${mark.pid}-${randomUUID()}`;
  const taken = journal.run(
    "INSERT INTO leases (night, token, host, boot, pid, started, taken) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (night) DO NOTHING",
    night,
    token,
    mark.host,
    mark.boot,
    mark.pid,
    mark.started,
    Math.round(now),
  );
  return taken === 1 ? { night, token } : undefined;
}

/**
 * Counts the beats of leases up.
 *
 * @param journal The journal.
 * @param leases What this process holds.
 * @returns Those that were taken away.
 */
export function beatLeases(journal: Journal, leases: readonly Lease[]): Lease[] {
  return journal.transaction(() =>
    leases.filter(({ token }) =>
      journal.run("UPDATE leases SET beat = beat + 1 WHERE token = ?", token) === 0
    )
  );
}

/** Whether a lease is still in the journal. */
export function holdsLease(journal: Journal, lease: Lease): boolean {
  return journal.get("SELECT 1 FROM leases WHERE token = ?", lease.token) !== undefined;
}

/** Gives a lease back. */
export function releaseLease(journal: Journal, lease: Lease): boolean {
  return journal.run("DELETE FROM leases WHERE token = ?", lease.token) === 1;
}

/** Looks for leases whose holders are gone. */
export class LeaseWatch {
  readonly #seen = new Map<string, { beat: number; since: number }>();
  readonly #clock: Clock;
  readonly #patienceMs: number;

  /**
   * @param clock Its monotonic side measures how long beats stand still.
   * @param patienceMs After how long a holder on another host counts as dead.
   */
  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /**
   * Ends the leases of dead holders, after killing what they left running on this host, and
   * records their tries as lost. The night goes on with the step that was lost.
   *
   * @param journal The journal.
   * @returns The nights that were set free.
   */
  endDead(journal: Journal): number[] {
    const rows = journal.all("SELECT * FROM leases");
    const tokens = new Set(rows.map((row) => String(row["token"])));
    for (const token of this.#seen.keys()) if (!tokens.has(token)) this.#seen.delete(token);
    return rows.filter((row) => this.#isDead(row)).flatMap((row) => {
      killMarked(String(row["token"]));
      return endLease(journal, row, this.#clock.now()) ? [Number(row["night"])] : [];
    });
  }

  #isDead(row: Row): boolean {
    const mark: ProcessMark = {
      host: String(row["host"]),
      boot: String(row["boot"]),
      pid: Number(row["pid"]),
      started: String(row["started"]),
    };
    if (isDeepStrictEqual(mark, ownMark())) return false;
    if (isAlive(mark) === false) return true;
    const token = String(row["token"]);
    const beat = Number(row["beat"]);
    const seen = this.#seen.get(token);
    if (seen?.beat !== beat) {
      this.#seen.set(token, { beat, since: this.#clock.mono() });
      return false;
    }
    return this.#clock.mono() - seen.since > this.#patienceMs;
  }
}

/** Only if the holder has not beaten meanwhile. */
function endLease(journal: Journal, row: Row, now: number): boolean {
  return journal.transaction(() => {
    const ended = journal.run(
      "DELETE FROM leases WHERE token = ? AND beat = ?",
      row["token"] as string,
      row["beat"] as number,
    );
    if (ended === 0) return false;
    journal.run(
      "UPDATE stages SET ended = ?, outcome = 'lost' WHERE night = ? AND ended IS NULL",
      Math.round(now),
      row["night"] as number,
    );
    journal.run("UPDATE nights SET lost = lost + 1 WHERE id = ?", row["night"] as number);
    return true;
  });
}
