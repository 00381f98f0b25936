/**
 * Names of masters and calibrated frames.
 *
 * @module
 */

import type { Product } from "../../manifest.ts";
import type { MasterType } from "../frames/groups.ts";

/** An exposure as it stands in a name: whole seconds without a point, else up to three decimals. */
export function exposureText(exposureS: number): string {
  return String(Number(exposureS.toFixed(3)));
}

/** An object as it stands in a name: what could trouble a file system becomes `-`. */
export function nameText(text: string): string {
  return text.trim().replace(/[^A-Za-z0-9._+-]+/g, "-") || "none";
}

/** `20240423_025312` of `2024-04-23T02:53:12.345`. */
export function timeText(dateObs: string): string {
  const [date = "", time = ""] = dateObs.split("T");
  return `${date.replaceAll("-", "")}_${time.slice(0, 8).replaceAll(":", "")}`;
}

/** What a name is made of. */
export type Named = Pick<Product, "unit" | "object" | "dateObs" | "filter" | "exposureS">;

/**
 * The id of a calibrated frame.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const dateObs = "2024-04-23T02:53:12.500";
 * const frame = { unit: "7DT07", object: "T09614", dateObs, filter: "m600", exposureS: 100 };
 * assert.equal(calibratedId(frame), "calib_7DT07_T09614_20240423_025312_m600_100");
 * ```
 *
 * @param frame The raw frame.
 * @returns The file name without `.fits`.
 */
export function calibratedId(frame: Named): string {
  return [
    "calib",
    nameText(frame.unit ?? "none"),
    nameText(frame.object ?? "none"),
    timeText(frame.dateObs ?? "0000-00-00T00:00:00"),
    nameText(frame.filter ?? "none"),
    exposureText(frame.exposureS ?? 0),
  ].join("_");
}

/** What tells masters apart. */
export interface MasterKey {
  readonly type: MasterType;
  readonly filter: string;
  readonly exposureS: number;
}

/** The folder of each type below `<masters>/<UNIT>/`. */
export const MASTER_FOLDERS = { bias: "zero", dark: "dark", flat: "flat" } as const;

/**
 * The id of a master.
 *
 * @param key Type, filter and exposure.
 * @param night `YYYYMMDD`.
 * @returns The file name without `.fits`.
 */
export function masterId(key: MasterKey, night: string): string {
  if (key.type === "bias") return `${night}-zero`;
  if (key.type === "dark") return `${exposureText(key.exposureS)}-${night}-dark`;
  return `${night}-n${nameText(key.filter)}`;
}

/** The night in the name of a master, `YYYYMMDD`; undefined if it is none, as are its companions. */
export function nightOfMaster(name: string, type: MasterType): string | undefined {
  if (/\.(?:var|count)\.fits$/.test(name)) return undefined;
  const form = {
    bias: /^(\d{8})-zero[^/]*\.fits$/,
    dark: /^[\d.]+-(\d{8})-dark[^/]*\.fits$/,
    flat: /^(\d{8})-n[^/]*\.fits$/,
  }[type];
  return form.exec(name)?.[1];
}
