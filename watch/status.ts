/**
 * What the journal says at this moment, for people and for machines.
 *
 * @module
 */

import type { Journal, Night, NightState } from "./journal.ts";
import { isAlive } from "../config/process_mark.ts";
import { lastReconciliation, type Reconciliation } from "./reconcile.ts";

/** A night that is worked on. */
export interface RunningStage {
  readonly unit: string;
  readonly folder: string;
  readonly stage: string;
  /** Milliseconds of UTC since 1970. */
  readonly since: number;
  readonly host: string;
  readonly pid: number;
  /** Null for processes of other hosts. */
  readonly alive: boolean | null;
}

/** Version of the form of `gppy status --json`; a later one takes nothing away from it. */
export const STATUS_VERSION = 1;

/** What the journal says at this moment; also the form of `gppy status --json`. */
export interface Status {
  readonly gppyStatus: typeof STATUS_VERSION;
  readonly journal: string;
  readonly counts: Readonly<Partial<Record<NightState, number>>>;
  readonly running: readonly RunningStage[];
  /** Those that are not done, and the last ones that are. */
  readonly nights: readonly Night[];
  readonly paused: string | null;
  readonly noticesWaiting: number;
  readonly reconciliation: Reconciliation | null;
}

/**
 * Reads the status.
 *
 * @param journal The journal.
 * @param options Only some telescopes; how many nights that are done to list.
 */
export function readStatus(
  journal: Journal,
  options: { readonly units: readonly string[]; readonly doneShown: number },
): Status {
  const mine = (night: Night) => options.units.length === 0 || options.units.includes(night.unit);
  const nights = journal.nights().filter(mine);
  const counts: Partial<Record<NightState, number>> = {};
  for (const { state } of nights) counts[state] = (counts[state] ?? 0) + 1;
  const isDone = ({ state }: Night) => state === "done" || state === "partial";
  const done = nights.filter(isDone).sort((a, b) => (b.finished ?? 0) - (a.finished ?? 0));
  const shown = new Set([
    ...nights.filter((night) => !isDone(night)),
    ...done.slice(0, options.doneShown),
  ]);
  return {
    gppyStatus: STATUS_VERSION,
    journal: journal.path,
    counts,
    running: readRunning(journal).filter(({ unit }) =>
      options.units.length === 0 || options.units.includes(unit)
    ),
    nights: nights.filter((night) => shown.has(night)),
    paused: journal.fact("paused") || null,
    noticesWaiting: Number(
      journal.get("SELECT count(*) AS n FROM notices WHERE sent IS NULL")?.["n"],
    ),
    reconciliation:
      lastReconciliation(journal, options.units.length === 0 ? undefined : options.units) ?? null,
  };
}

function readRunning(journal: Journal): RunningStage[] {
  return journal.all(
    "SELECT n.unit, n.folder, s.name, s.started AS since, l.host, l.boot, l.pid, l.started " +
      "FROM leases l JOIN nights n ON n.id = l.night " +
      "LEFT JOIN stages s ON s.holder = l.token AND s.ended IS NULL ORDER BY s.started",
  ).map((row) => {
    const mark = {
      host: String(row["host"]),
      boot: String(row["boot"]),
      pid: Number(row["pid"]),
      started: String(row["started"]),
    };
    return {
      unit: String(row["unit"]),
      folder: String(row["folder"]),
      stage: String(row["name"]),
      since: Number(row["since"]),
      host: mark.host,
      pid: mark.pid,
      alive: isAlive(mark) ?? null,
    };
  });
}

/** One try of one step. */
export interface Attempt {
  readonly unit: string;
  readonly folder: string;
  readonly run: number;
  readonly stage: string;
  readonly attempt: number;
  /** Milliseconds of UTC since 1970. */
  readonly started: number;
  readonly elapsedS: number | null;
  /** Null while it runs. */
  readonly outcome: string | null;
  readonly leftBehind: number | null;
  readonly error: string | null;
  readonly manifest: string | null;
}

/**
 * Reads what was tried.
 *
 * @param journal The journal.
 * @param options Only some nights; how many tries at most.
 * @returns The last ones, oldest first.
 */
export function readHistory(
  journal: Journal,
  options: { readonly nights: readonly number[] | undefined; readonly limit: number },
): Attempt[] {
  const which = options.nights === undefined
    ? ""
    : `WHERE s.night IN (${options.nights.map(Number).join(", ")})`;
  return journal.all(
    "SELECT s.*, n.unit, n.folder FROM stages s JOIN nights n ON n.id = s.night " +
      `${which} ORDER BY s.id DESC LIMIT ?`,
    options.limit,
  ).reverse().map((row) => ({
    unit: String(row["unit"]),
    folder: String(row["folder"]),
    run: Number(row["run"]),
    stage: String(row["name"]),
    attempt: Number(row["attempt"]),
    started: Number(row["started"]),
    elapsedS: row["elapsed_s"] === null ? null : Number(row["elapsed_s"]),
    outcome: row["outcome"] === null ? null : String(row["outcome"]),
    leftBehind: row["left_behind"] === null ? null : Number(row["left_behind"]),
    error: row["error"] === null ? null : String(row["error"]),
    manifest: row["manifest"] === null ? null : String(row["manifest"]),
  }));
}
