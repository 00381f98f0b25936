/**
 * Once a day: is every raw light of the last nights in a product, or does it have a reason?
 *
 * @module
 */

import { basename } from "node:path";
import { isFitsName } from "../fits/names.ts";
import type { Clock } from "./clock.ts";
import { type Journal, type Night, SELECT_NIGHTS, toNight } from "./journal.ts";
import { observeFolder } from "./nights.ts";
import { addNotice } from "./notices.ts";
import { readFolder } from "./readiness.ts";

/** Under this and the telescope the journal keeps the last result, as telescopes may have watchers of their own. */
const FACT = "reconciled/";

const NOTHING = { nights: 0, lights: 0, used: 0, left: 0, unaccounted: 0 };

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
  const results = options.units.map((unit) => {
    const result = reconcileUnit(journal, unit, options.nights, clock);
    const fact = `${FACT}${unit}`;
    if (result.nights > 0) journal.setFact(fact, JSON.stringify(result));
    else journal.run("DELETE FROM facts WHERE key = ?", fact);
    return result;
  });
  return results.reduce(add, { at: clock.now(), ...NOTHING });
}

function reconcileUnit(
  journal: Journal,
  unit: string,
  nights: number,
  clock: Clock,
): Reconciliation {
  const sums = { at: clock.now(), ...NOTHING };
  const last = journal.all(
    `${SELECT_NIGHTS} WHERE n.unit = ? AND n.state IN ('done', 'partial') ` +
      "ORDER BY n.date DESC, n.folder DESC LIMIT ?",
    unit,
    nights,
  ).map(toNight);
  for (const night of last) {
    if (addLateFiles(journal, night, clock)) continue;
    const counts = countLights(journal, night);
    sums.nights++;
    sums.used += counts.used;
    sums.left += counts.left;
    sums.unaccounted += counts.unaccounted.length;
    sums.lights += counts.used + counts.left + counts.unaccounted.length;
    if (counts.unaccounted.length > 0) report(journal, night, counts.unaccounted, clock.now());
  }
  return sums;
}

/**
 * The last reconciliation.
 *
 * @param journal The journal.
 * @param units Of these telescopes alone; of all if left out.
 * @returns The sums over the telescopes, as old as the oldest; undefined if there was none.
 */
export function lastReconciliation(
  journal: Journal,
  units?: readonly string[],
): Reconciliation | undefined {
  const rows = journal.all("SELECT key, value FROM facts WHERE key GLOB ?", `${FACT}*`);
  const results = rows.filter(({ key }) => units?.includes(String(key).slice(FACT.length)) ?? true)
    .map(({ value }) => JSON.parse(String(value)) as Reconciliation);
  return results.length === 0 ? undefined : results.reduce(add);
}

function add(a: Reconciliation, b: Reconciliation): Reconciliation {
  return {
    at: Math.min(a.at, b.at),
    nights: a.nights + b.nights,
    lights: a.lights + b.lights,
    used: a.used + b.used,
    left: a.left + b.left,
    unaccounted: a.unaccounted + b.unaccounted,
  };
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
    isFitsName(path) && !basename(path).startsWith(".") && !path.includes("/.") &&
    !known.has(path) && !/\.(mask|weight)\.fits(\.fz)?$/i.test(path)
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
