/**
 * The photometric reference: where its file is, and which of its stars are in an image.
 *
 * @module
 */

import { join } from "node:path";
import { readReferenceCsv, type ReferenceStar } from "../../sky/catalogue.ts";
import { crossMatch } from "../../sky/match.ts";

/** Stars of an image beside the same stars of the reference. */
export interface ReferenceMatches {
  /** Rows of the image's catalogue. */
  readonly row: Int32Array;
  /** Magnitude in the reference, same order, mag. */
  readonly mag: Float64Array;
  /** Distance between both, arcsec. */
  readonly distanceArcsec: Float64Array;
}

/** What limits the choice of reference stars. */
export interface ReferenceLimits {
  /** Brightest and faintest magnitude in the reference. */
  readonly minMag: number;
  readonly maxMag: number;
}

/** Enough for the first line of any reference. */
const HEAD_BYTES = 65_536;

/**
 * Finds the reference file of an object.
 *
 * @param folder Folder of the references.
 * @param object Name of the object or tile.
 * @returns Path of `gaiaxp_dr3_synphot_<object>.csv`, else of `<object>.csv`, else undefined.
 */
export async function findReference(folder: string, object: string): Promise<string | undefined> {
  for (const name of [`gaiaxp_dr3_synphot_${object}.csv`, `${object}.csv`]) {
    const path = join(folder, name);
    if (await isFile(path)) return path;
  }
  return undefined;
}

/**
 * Tells whether there is a file.
 *
 * @param path Where.
 * @returns Whether it is there and no folder.
 */
export async function isFile(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isFile ?? false;
}

/**
 * Tells whether a reference has magnitudes in a filter, by its first line.
 *
 * @param path CSV file.
 * @param filter Name of the filter.
 * @returns Whether there is a column `mag_<filter>`.
 */
export async function referenceHasFilter(path: string, filter: string): Promise<boolean> {
  const head = new Uint8Array(HEAD_BYTES);
  using file = await Deno.open(path);
  const length = await file.read(head) ?? 0;
  const line = new TextDecoder().decode(head.subarray(0, length)).split(/\r?\n/, 1)[0] ?? "";
  const wanted = `mag_${filter}`.toLowerCase();
  return line.split(",").some((name) => name.trim().replaceAll('"', "").toLowerCase() === wanted);
}

/**
 * Reads the reference stars of a filter that lie between the magnitude limits.
 *
 * @param path CSV file with `ra`, `dec` and `mag_<filter>`.
 * @param filter Name of the filter.
 * @param limits Magnitude limits.
 * @returns The stars.
 * @throws {DataError} If the file cannot be used.
 */
export async function readReference(
  path: string,
  filter: string,
  limits: ReferenceLimits,
): Promise<ReferenceStar[]> {
  const stars = await readReferenceCsv(path, filter);
  return stars.filter(({ mag }) => mag >= limits.minMag && mag <= limits.maxMag);
}

/**
 * Pairs sources of an image with reference stars, nearest first, one to one.
 *
 * @param sources Positions, degrees; rows with NaN match nothing.
 * @param rows The rows that may be matched.
 * @param stars The reference.
 * @param radiusArcsec Largest distance.
 * @returns The pairs.
 */
export function matchReference(
  sources: { readonly raDeg: ArrayLike<number>; readonly decDeg: ArrayLike<number> },
  rows: readonly number[],
  stars: readonly ReferenceStar[],
  radiusArcsec: number,
): ReferenceMatches {
  const chosen = {
    raDeg: Float64Array.from(rows, (i) => sources.raDeg[i] ?? NaN),
    decDeg: Float64Array.from(rows, (i) => sources.decDeg[i] ?? NaN),
  };
  const pairs = crossMatch(chosen, {
    raDeg: Float64Array.from(stars, (star) => star.raDeg),
    decDeg: Float64Array.from(stars, (star) => star.decDeg),
  }, radiusArcsec);
  return {
    row: Int32Array.from(pairs, (pair) => rows[pair.i] ?? 0),
    mag: Float64Array.from(pairs, (pair) => stars[pair.j]?.mag ?? NaN),
    distanceArcsec: Float64Array.from(pairs, (pair) => pair.distanceArcsec),
  };
}
