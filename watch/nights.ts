/**
 * How nights enter the journal and change while nobody works on them.
 *
 * @module
 */

import type { Journal, Night } from "./journal.ts";
import { addNotice } from "./notices.ts";

/** Error class of a night that somebody put aside: new files do not bring it back. */
const BY_HAND = "parked";

/** A raw folder that looks like a night. */
export interface NightFolder {
  readonly unit: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Name of the folder. */
  readonly folder: string;
  /** Absolute. */
  readonly path: string;
  /** 1: target of opportunity, 0: any other. */
  readonly priority: number;
}

/** What was seen in a raw folder. */
export interface FolderState {
  /** Changes with every name, size and time. */
  readonly signature: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Makes a night known.
 *
 * @param journal The journal.
 * @param found The folder.
 * @param now Milliseconds of UTC since 1970.
 * @returns The night as the journal has it.
 */
export function knowNight(journal: Journal, found: NightFolder, now: number): Night {
  const known = journal.nightAt(found.path);
  if (known) return known;
  journal.run(
    "INSERT INTO nights (unit, date, folder, path, priority, state, first_seen) " +
      "VALUES (?, ?, ?, ?, ?, 'arriving', ?) ON CONFLICT (path) DO NOTHING",
    found.unit,
    found.date,
    found.folder,
    found.path,
    found.priority,
    Math.round(now),
  );
  return journal.nightAt(found.path)!;
}

/**
 * Records what is in the folder of a night. New or changed files send a night that
 * was done, parked, waiting or not yet begun back to `arriving`; a run that has begun goes on, and
 * what came too late for it makes an addendum afterwards.
 *
 * @param journal The journal.
 * @param id The night.
 * @param state What was seen.
 * @param now Milliseconds of UTC since 1970.
 * @returns The night afterwards.
 */
export function observeFolder(
  journal: Journal,
  id: number,
  state: FolderState,
  now: number,
): Night {
  return journal.transaction(() => {
    const night = journal.night(id)!;
    if (night.signature !== state.signature) {
      journal.run(
        "UPDATE nights SET signature = ?, files = ?, bytes = ?, still_since = ? WHERE id = ?",
        state.signature,
        state.files,
        state.bytes,
        Math.round(now),
        id,
      );
    }
    if (!night.running && needsArrival(night, state)) arrive(journal, id);
    return journal.night(id)!;
  });
}

/**
 * Whether what is in a folder sends its night back to `arriving`.
 *
 * @param night The night as the journal has it.
 * @param state What was seen.
 */
export function needsArrival(night: Night, state: FolderState): boolean {
  if (night.state === "vanished") return true;
  if (night.state === "parked" && night.errorClass === BY_HAND) return false;
  const begun = night.state === "ready" && night.started !== null;
  return night.state !== "arriving" && !begun && night.runSignature !== state.signature;
}

function arrive(journal: Journal, id: number): void {
  journal.run(
    "UPDATE nights SET run = CASE WHEN state IN ('done', 'partial') THEN run + 1 ELSE run END, " +
      "state = 'arriving', step = 0, attempts = 0, lost = 0, not_before = NULL, started = NULL, " +
      "error_class = NULL, error = NULL, waiting_for = NULL WHERE id = ?",
    id,
  );
}

/**
 * Says why a night is not ready.
 *
 * @param journal The journal.
 * @param id The night.
 * @param reason Null when nothing is waited for.
 */
export function setWaitingFor(journal: Journal, id: number, reason: string | null): void {
  journal.run(
    "UPDATE nights SET waiting_for = ? WHERE id = ? AND waiting_for IS NOT ?",
    reason,
    id,
    reason,
  );
}

/**
 * Lets the next run of an arriving night begin.
 *
 * @param journal The journal.
 * @param night The night as it was judged; nothing happens if it has changed since.
 * @param options `incomplete` lists files that never became whole.
 * @returns Whether it is ready now.
 */
export function makeReady(
  journal: Journal,
  night: Night,
  options: { readonly now: number; readonly incomplete?: readonly string[] },
): boolean {
  return journal.transaction(() => {
    const changed = journal.run(
      "UPDATE nights SET state = 'ready', run = max(run, 1), step = 0, attempts = 0, lost = 0, " +
        "run_signature = signature, waiting_for = NULL, started = NULL, finished = NULL " +
        "WHERE id = ? AND state = 'arriving' AND signature = ?",
      night.id,
      night.signature,
    );
    const frames = options.incomplete ?? [];
    if (changed === 1 && frames.length > 0) {
      const { unit, date, folder } = night;
      const body = { unit, date, folder, run: Math.max(1, night.run), frames };
      const once = `incomplete ${night.path} ${night.signature}`;
      addNotice(journal, { kind: "incomplete", night: night.id, body, once }, options.now);
    }
    return changed === 1;
  });
}

/**
 * Records that the folder of a night is gone.
 *
 * @param journal The journal.
 * @param night The night.
 * @param now Milliseconds of UTC since 1970.
 */
export function markVanished(journal: Journal, night: Night, now: number): void {
  journal.transaction(() => {
    const changed = journal.run(
      "UPDATE nights SET state = 'vanished', signature = '' WHERE id = ? " +
        "AND state IN ('arriving', 'ready', 'retry') AND NOT EXISTS " +
        "(SELECT 1 FROM leases WHERE night = id)",
      night.id,
    );
    if (changed === 0) return;
    const { unit, date, folder } = night;
    const message = `The folder "${night.path}" is gone`;
    addNotice(journal, {
      kind: "vanished",
      night: night.id,
      body: { unit, date, folder, run: night.run, message },
      once: `vanished ${night.path} ${night.firstSeen} ${night.run}`,
    }, now);
  });
}

/**
 * Puts a night that failed or was parked back into the queue, where it stopped.
 *
 * @param journal The journal.
 * @param id The night.
 * @returns False when it is neither waiting nor parked.
 */
export function retryNight(journal: Journal, id: number): boolean {
  return journal.run(
    "UPDATE nights SET state = CASE WHEN run_signature IS signature THEN 'ready' " +
      "ELSE 'arriving' END, attempts = 0, " +
      "lost = 0, not_before = NULL WHERE id = ? AND state IN ('retry', 'parked')",
    id,
  ) === 1;
}

/**
 * Begins a night that is done again from its frames, as an addendum.
 *
 * @param journal The journal.
 * @param id The night.
 * @returns False when it is not done.
 */
export function redoNight(journal: Journal, id: number): boolean {
  return journal.run(
    "UPDATE nights SET state = 'ready', run = run + 1, step = 0, attempts = 0, lost = 0, " +
      "started = NULL, finished = NULL, run_signature = signature " +
      "WHERE id = ? AND state IN ('done', 'partial')",
    id,
  ) === 1;
}

/**
 * Puts a night aside. A step that runs at this moment ends, and no other follows.
 *
 * @param journal The journal.
 * @param id The night.
 * @param reason Why.
 * @returns False when it is done or parked already.
 */
export function parkNight(journal: Journal, id: number, reason: string): boolean {
  return journal.run(
    "UPDATE nights SET state = 'parked', error_class = ?, error = ?, not_before = NULL " +
      "WHERE id = ? AND state IN ('arriving', 'ready', 'retry')",
    BY_HAND,
    reason,
    id,
  ) === 1;
}
