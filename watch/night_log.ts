/**
 * The CSV log of nights, one file a telescope: `date,start,end,note`.
 *
 * @module
 */

import { dirname } from "node:path";
import type { Logger } from "@logtape/logtape";
import { reasonOf } from "../config/reason.ts";
import type { Site } from "../config/site.ts";
import type { Manifest } from "../stages/manifest.ts";

/**
 * Appends one line to the log of a telescope. A log that cannot be written is
 * reported and does not stop the night.
 *
 * @param site Knows where the log is.
 * @param night Unit and date.
 * @param started When the run began.
 * @param remark How it ended; commas and line ends are replaced.
 * @param log Told when the file cannot be written.
 * @param ended When it ended, now if left out; a line that stands there already is not written again.
 * @returns False when the file could not be written.
 */
export function appendNightLog(
  site: Site,
  night: Pick<Manifest["night"], "unit" | "date">,
  started: Date,
  remark: string,
  log: Logger,
  ended: Date = new Date(),
): boolean {
  const path = site.paths.log(night.unit);
  try {
    Deno.mkdirSync(dirname(path), { recursive: true });
    const known = readIfThere(path);
    const header = known ? "" : "date,start,end,note\n";
    const text = remark.replace(/[\r\n]+/g, " ").replaceAll(",", ";");
    const fields = [night.date, started.toISOString(), ended.toISOString(), text];
    const line = `${fields.join(",")}\n`;
    if (known?.includes(`\n${line}`)) return true;
    const gap = known && !known.endsWith("\n") ? "\n" : ""; // a line that was cut off
    Deno.writeTextFileSync(path, `${header}${gap}${line}`, { append: true });
    return true;
  } catch (error) {
    log.warn('Cannot write the log "{path}": {reason}', { path, reason: reasonOf(error) });
    return false;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
