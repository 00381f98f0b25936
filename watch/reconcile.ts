/**
 * Once a day: is every raw light of the last nights in a product, or does it have a reason?
 *
 * @module
 */

import { basename } from "node:path";
import type { Clock } from "./clock.ts";
import { type Journal, type Night, SELECT_NIGHTS, toNight } from "./journal.ts";
import { observeFolder } from "./nights.ts";
import { addNotice } from "./notices.ts";
import { readFolder } from "./readiness.ts";

const FITS_NAME = /\.(fits|fit|fts)(\.fz)?$/i;
/** Under this name the journal keeps the last result. */
const FACT = "reconciled";

/** What came of it. */
export interface Reconciliation {
  /** Milliseconds of UTC since 1970. */
  readonly at: number;
  readonly nights: number;
  /** Raw lights in those nights. */
  readonly lights: number;
  readonly used: number;
  readonly left: number;
  readonly unaccounted: number;
}

/**
 * Accounts for the raw frames of the last nights that are done. Files that no run has taken send
 * their night back to `arriving`; lights that a run lost without a reason make a notice.
 *
 * @param journal The journal.
 * @param options Telescopes, and how many of the last nights of each.
 * @param clock For the time.
 * @returns The sums, which the journal keeps too.
 */
export function reconcile(
  journal: Journal,
  options: { readonly units: readonly string[]; readonly nights: number },
  clock: Clock,
): Reconciliation {
  const sums = { nights: 0, lights: 0, used: 0, left: 0, unaccounted: 0 };
  for (const unit of options.units) {
    const nights = journal.all(
      `${SELECT_NIGHTS} WHERE n.unit = ? AND n.state IN ('done', 'partial') ` +
        "ORDER BY n.date DESC, n.folder DESC LIMIT ?",
      unit,
      options.nights,
    ).map(toNight);
    for (const night of nights) {
      if (addLateFiles(journal, night, clock)) continue;
      const counts = countLights(journal, night);
      sums.nights++;
      sums.used += counts.used;
      sums.left += counts.left;
      sums.unaccounted += counts.unaccounted.length;
      sums.lights += counts.used + counts.left + counts.unaccounted.length;
      if (counts.unaccounted.length > 0) report(journal, night, counts.unaccounted, clock.now());
    }
  }
  const result = { at: clock.now(), ...sums };
  if (sums.nights > 0) journal.setFact(FACT, JSON.stringify(result));
  return result;
}

/**
 * The last reconciliation.
 *
 * @param journal The journal.
 */
export function lastReconciliation(journal: Journal): Reconciliation | undefined {
  const text = journal.fact(FACT);
  return text === undefined ? undefined : JSON.parse(text) as Reconciliation;
}

function addLateFiles(journal: Journal, night: Night, clock: Clock): boolean {
  const content = readFolder(night.path);
  if (!content) return false; // archived
  const state = observeFolder(journal, night.id, content, clock.now()).state;
  if (state === "arriving") return true;
  const known = new Set(
    journal.all("SELECT path FROM frames WHERE night = ?", night.id).map((row) => row["path"]),
  );
  const unknown = content.list.map((file) => file.path).filter((path) =>
    FITS_NAME.test(path) && !basename(path).startsWith(".") && !path.includes("/.") &&
    !known.has(path) && !/\.(mask|weight)\.fits$/i.test(path)
  );
  if (unknown.length > 0) {
    report(
      journal,
      night,
      unknown.map((path) => basename(path)),
      clock.now(),
    );
  }
  return false;
}

function countLights(
  journal: Journal,
  night: Night,
): { used: number; left: number; unaccounted: string[] } {
  const rows = journal.all(
    "SELECT id, state FROM frames WHERE night = ? AND coalesce(image_type, 'light') = 'light'",
    night.id,
  );
  const of = (state: string) => rows.filter((row) => row["state"] === state);
  return {
    used: of("used").length,
    left: of("left").length,
    unaccounted: of("unaccounted").map((row) => String(row["id"])),
  };
}

function report(journal: Journal, night: Night, frames: readonly string[], now: number): void {
  const { unit, date, folder, run } = night;
  const message = `${frames.length} raw lights are in no product and have no reason`;
  addNotice(journal, {
    kind: "unaccounted",
    night: night.id,
    body: { unit, date, folder, run, message, frames },
    once: `unaccounted ${night.path} ${night.firstSeen} run ${run} ${frames.length}`,
  }, now);
}
