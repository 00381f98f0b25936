/**
 * Keeps `gppy run` away from a night that a watcher works on at this moment.
 *
 * @module
 */

import { resolve } from "node:path";
import { DataError } from "../config/errors.ts";
import type { Site } from "../config/site.ts";
import { Journal, journalPath } from "./journal.ts";
import { readStatus } from "./status.ts";

/**
 * Fails when a watcher that lives works on a night.
 *
 * @param site Knows where the journal is.
 * @param source The raw folder of the night.
 * @throws {DataError} Naming the process.
 */
export function refuseIfWatched(site: Site, source: string): void {
  const given = site.stageSettings("watch")["journal"];
  const path = Deno.env.get("GPPY_WATCH_JOURNAL") ||
    (typeof given === "string" ? given : journalPath(site.paths));
  try {
    Deno.statSync(path);
  } catch {
    return; // no watcher has run here
  }
  using journal = Journal.open(path);
  const night = journal.nightAt(resolve(source));
  if (!night?.running) return;
  const { unit, folder } = night;
  const holder = readStatus(journal, { units: [unit], doneShown: 0 }).running
    .find((stage) => stage.folder === folder);
  if (!holder || holder.alive === false) return;
  throw new DataError(
    `Cannot run "${source}": a watcher works on it (process ${holder.pid} on ${holder.host}); ` +
      `gppy park ${unit} ${folder} keeps it away`,
    { details: { folder: source, process: holder.pid } },
  );
}
