/**
 * The morning digest: what came of the nights of the last day, over all telescopes.
 *
 * It reads what is there whoever ran the nights: the CSV logs, the last manifest of each
 * night and, where a watcher works, its journal.
 *
 * @module
 */

import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { Site } from "../config/site.ts";
import type { Manifest } from "../stages/manifest.ts";
import { readManifest } from "../stages/manifest_file.ts";
import { Journal, journalPath, type Night } from "./journal.ts";
import { formatDepth, formatDuration, plain } from "./notice_text.ts";
import type { NoticeBody } from "./notices.ts";
import type { Notifier } from "./notify.ts";
import { summariseRun } from "./run_summary.ts";

/** One run of one night. */
export interface DigestNight {
  readonly unit: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** `done`, `partial`, or what the log says of a failure. */
  readonly note: string;
  readonly elapsedS: number;
  /** What its last manifest says; undefined if there is none. */
  readonly summary: NoticeBody | undefined;
}

/** What the digest tells. */
export interface Digest {
  /** The end of the day that it tells of, milliseconds since 1970. */
  readonly nowMs: number;
  /** Last runs of the nights, by unit and date. */
  readonly nights: readonly DigestNight[];
  /** Nights that wait for somebody. */
  readonly parked: readonly string[];
  /** Nights that are tried again. */
  readonly retried: readonly string[];
}

/** Nights that the digest lists one by one. */
const SHOWN = 30;

/**
 * Gathers the digest.
 *
 * @param site Knows the folders and the telescopes.
 * @param nowMs The time, milliseconds since 1970.
 * @param hours How far back it looks.
 * @returns What the runs that ended in that time came to.
 */
export async function gatherDigest(site: Site, nowMs: number, hours = 24): Promise<Digest> {
  const nights: DigestNight[] = [];
  for (const unit of [...site.units.keys()].sort()) {
    const runs = new Map<string, LogLine>();
    for (const line of await readLog(site.paths.log(unit))) {
      const age = nowMs - line.endMs;
      if (age >= 0 && age < hours * 3_600_000) runs.set(line.date, line);
    }
    for (const [date, { note, startMs, endMs }] of runs) {
      const manifest = await lastManifest(join(site.paths.work, unit), date);
      const summary = manifest && summariseRun(manifest);
      nights.push({ unit, date, note, elapsedS: (endMs - startMs) / 1000, summary });
    }
  }
  const waiting = readJournal(journalPath(site.paths));
  const names = (state: Night["state"]) =>
    waiting.filter((night) => night.state === state).map(({ unit, folder }) => `${unit} ${folder}`);
  return { nowMs, nights, parked: names("parked"), retried: names("retry") };
}

/**
 * Sends the digest of a day, once however many processes try.
 *
 * @param site Knows the folders and the telescopes.
 * @param notifier Where it goes.
 * @param nowMs The time, milliseconds since 1970.
 * @param day The day that it is the digest of, see {@linkcode digestDay}.
 * @returns False if it was sent before, or notices are off.
 */
export async function sendDigest(
  site: Site,
  notifier: Notifier,
  nowMs: number,
  day: string = digestDay(0, nowMs),
): Promise<boolean> {
  if (!notifier.active) return false;
  const text = describeDigest(await gatherDigest(site, nowMs));
  return notifier.say({ key: `digest/${day}`, text }) === true;
}

/**
 * The day whose digest is due, when days begin at an hour.
 *
 * @param hourUtc When the digest is due, hours of UTC, 0 to 24.
 * @param nowMs The time, milliseconds since 1970.
 * @returns YYYY-MM-DD; changes at that hour.
 */
export function digestDay(hourUtc: number, nowMs: number): string {
  return new Date(nowMs - hourUtc * 3_600_000).toISOString().slice(0, 10);
}

/**
 * The text of a digest.
 *
 * @param digest What it tells.
 * @returns Lines in Slack's markup.
 */
export function describeDigest({ nowMs, nights, parked, retried }: Digest): string {
  const done = nights.filter(({ note }) => note === "done").length;
  const partial = nights.filter(({ note }) => note === "partial").length;
  const failed = nights.length - done - partial;
  const date = new Date(nowMs).toISOString().slice(0, 10);
  const icon = failed + parked.length === 0 ? ":sunrise:" : ":sunrise: :red_circle:";
  const more = nights.length > SHOWN ? [`• and ${nights.length - SHOWN} more`] : [];
  const transients = sum(nights, ({ transients }) => transients ?? 0);
  return [
    `${icon} *Morning digest* ${date}: ${nights.length} nights: ${done} done, ${partial} with ` +
    `something left behind, ${failed} failed`,
    ...(nights.length === 0 ? [] : [
      `Together: ${sum(nights, ({ counts }) => counts?.["frame"] ?? 0)} frames from ` +
      `${sum(nights, ({ counts }) => counts?.["raw"] ?? 0)} raw ones, ${transients} transients`,
    ]),
    ...nights.slice(0, SHOWN).map(describeNight),
    ...more,
    ...(parked.length === 0 ? [] : [`Parked, waiting for \`gppy retry\`: ${names(parked)}`]),
    ...(retried.length === 0 ? [] : [`Tried again later: ${names(retried)}`]),
  ].join("\n");
}

function describeNight({ unit, date, note, elapsedS, summary }: DigestNight): string {
  const title = `• *${plain(unit)}* ${plain(date)}: ${plain(note.slice(0, 200))} in ` +
    formatDuration(elapsedS);
  if (summary === undefined) return title;
  const count = (kind: string) => summary.counts?.[kind] ?? 0;
  const depth = formatDepth((summary.depths ?? []).map(({ depth5 }) => depth5));
  const { transients, candidates, left = [], gates = [] } = summary;
  return [
    `${title}: ${count("frame")} frames of ${count("raw")} raw`,
    `${count("stack")} stacks${depth === undefined ? "" : ` to ${depth}`}`,
    ...(typeof transients === "number" ? [`${transients} transients of ${candidates ?? "?"}`] : []),
    ...(gates.length === 0 ? [] : [`${gates.length} gates not passed`]),
    ...(left.length === 0 ? [] : [`${left.length} left behind`]),
  ].join(", ");
}

function sum(nights: readonly DigestNight[], of: (summary: NoticeBody) => number): number {
  return nights.reduce((total, { summary }) => total + (summary ? of(summary) : 0), 0);
}

function names(list: readonly string[]): string {
  const more = list.length > SHOWN ? ` and ${list.length - SHOWN} more` : "";
  return list.slice(0, SHOWN).map(plain).join(", ") + more;
}

interface LogLine {
  readonly date: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly note: string;
}

/** Lines of the log that can be read; a log that cannot be read has none. */
async function readLog(path: string): Promise<LogLine[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  const rows: string[][] = parse(text, { relax_column_count: true, relax_quotes: true });
  return rows.map(([date = "", start = "", end = "", note = ""]) => ({
    date,
    startMs: Date.parse(start),
    endMs: Date.parse(end),
    note,
  })).filter(({ startMs, endMs }) => startMs <= endMs);
}

/** The manifest of the last stage of a night; undefined if there is none that can be read. */
async function lastManifest(folder: string, date: string): Promise<Manifest | undefined> {
  const found: string[] = [];
  for (const night of await namesIn(folder)) {
    if (!night.startsWith(date)) continue;
    const stages = (await namesIn(join(folder, night))).filter((name) =>
      /^\d+-.*\.json$/.test(name)
    );
    const last = stages.sort((a, b) => parseInt(a) - parseInt(b)).at(-1);
    if (last !== undefined) found.push(join(folder, night, last));
  }
  const last = found.sort().at(-1);
  return last === undefined ? undefined : await readManifest(last).catch(() => undefined);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Nights of the journal; none where no watcher works. */
function readJournal(path: string): Night[] {
  try {
    if (!Deno.statSync(path).isFile) return [];
    using journal = Journal.open(path);
    return journal.nights();
  } catch {
    return [];
  }
}
