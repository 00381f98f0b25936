/**
 * The reference catalogue of a field: found on disk, made from a frame, or left to a server.
 *
 * @module
 */

import { basename, join } from "node:path";
import { DataError } from "../../config/errors.ts";
import type { ReferenceKeys, ScampReference } from "../../external/scamp.ts";
import { FitsHeader } from "../../fits/header.ts";
import { readLdac, writeLdac } from "../../fits/ldac.ts";
import type { Wcs } from "../../sky/wcs.ts";

const CENTRE_KEYS = [
  ["X_WORLD", "Y_WORLD"],
  ["XWIN_WORLD", "YWIN_WORLD"],
  ["ALPHA_J2000", "DELTA_J2000"],
  ["ALPHAWIN_J2000", "DELTAWIN_J2000"],
  ["RA", "DEC"],
] as const;
const ERROR_KEYS = [["ERRA_WORLD", "ERRB_WORLD"], ["ERRAWIN_WORLD", "ERRBWIN_WORLD"]] as const;
const MAG_KEYS = ["MAG", "MAG_AUTO", "MAG_PSF", "MAG_G"] as const;
const MAG_ERROR_KEYS = ["MAGERR", "MAGERR_AUTO", "MAGERR_PSF", "MAGERR_G"] as const;

/** A reference catalogue, with a name for messages and headers. */
export interface FieldReference {
  /** Name for messages and headers. */
  readonly name: string;
  /** How SCAMP is told of it. */
  readonly scamp: ScampReference;
  /** Stars in it; undefined when a server is asked. */
  readonly stars?: number;
}

/**
 * Finds out which columns of a reference catalogue SCAMP shall use.
 *
 * @param path The catalogue, LDAC.
 * @returns The keys and the number of stars.
 * @throws {DataError} If it is no LDAC catalogue, is empty or lacks columns.
 */
export async function readReferenceKeys(
  path: string,
): Promise<{ keys: ReferenceKeys; stars: number }> {
  const { objects } = await readLdac(path);
  const hasAll = (names: readonly string[]) => names.every((name) => objects.has(name));
  const centre = CENTRE_KEYS.find(hasAll);
  const error = ERROR_KEYS.find(hasAll);
  const mag = MAG_KEYS.find((name) => objects.has(name));
  const magError = MAG_ERROR_KEYS.find((name) => objects.has(name));
  const missing = [
    ...(centre === undefined ? ["positions (X_WORLD, Y_WORLD)"] : []),
    ...(error === undefined ? ["their errors (ERRA_WORLD, ERRB_WORLD)"] : []),
    ...(mag === undefined ? ["magnitudes (MAG)"] : []),
    ...(magError === undefined ? ["their errors (MAGERR)"] : []),
    ...(objects.rows === 0 ? ["stars"] : []),
  ];
  if (!centre || !error || !mag || !magError || missing.length > 0) {
    throw new DataError(
      `Cannot use the reference catalogue "${path}": no ${missing.join(", no ")}`,
      {
        details: { file: path, stars: objects.rows },
      },
    );
  }
  const obsDate = objects.has("OBSDATE") ? { obsDate: "OBSDATE" } : {};
  return { keys: { centre, error, mag, magError, ...obsDate }, stars: objects.rows };
}

/**
 * Takes a catalogue on disk as reference.
 *
 * @param path The catalogue, LDAC.
 * @param name Its name for messages and headers.
 * @throws {DataError} If SCAMP could not use it.
 */
export async function fileReference(path: string, name = basename(path)): Promise<FieldReference> {
  const { keys, stars } = await readReferenceKeys(path);
  return { name, stars, scamp: { kind: "file", path, keys } };
}

/** Where the reference of a field is sought. */
export interface ReferenceSearch {
  /** A file that the user named. */
  readonly given: string | null;
  /** Folder of reference catalogues. */
  readonly folder: string;
  /** Whether a server may be asked. */
  readonly server: boolean;
}

/**
 * Finds the reference of a field.
 *
 * @param object Name of the field.
 * @param search Where to look.
 * @returns The file named, else `<folder>/<object>.cat` or `.ldac`, else the server.
 * @throws {DataError} If there is none and no server may be asked.
 */
export async function findReference(
  object: string,
  search: ReferenceSearch,
): Promise<FieldReference> {
  if (search.given !== null) return await fileReference(search.given);
  const names = [`${object}.cat`, `${object}.ldac`];
  for (const name of names) {
    const path = join(search.folder, name);
    const found = await Deno.stat(path).then((info) => info.isFile, () => false);
    if (found) return await fileReference(path);
  }
  if (search.server) return { name: "server", scamp: { kind: "server" } };
  throw new DataError(
    `Cannot solve the astrometry of "${object}": no reference catalogue ${names.join(" or ")} ` +
      `in "${search.folder}", and asking a server is switched off`,
    { details: { object, folder: search.folder } },
  );
}

const BAD_FLAGS = 0xf4;
/** Errors below this are not believed: pixels are not that regular, px. */
const LEAST_ERROR_PX = 0.01;

/**
 * Makes a reference catalogue of a frame's own sources.
 *
 * @param catalogue LDAC catalogue of the frame, with windowed pixel positions.
 * @param wcs The WCS that places the frame on the sky.
 * @param target The reference catalogue to write, LDAC.
 * @param epochYr When the frame was taken.
 * @returns How many stars it holds.
 * @throws {DataError} If no source is good enough.
 */
export async function makeFrameReference(
  catalogue: string,
  wcs: Wcs,
  target: string,
  epochYr: number,
): Promise<number> {
  const { objects } = await readLdac(catalogue);
  const [x, y] = [objects.column("XWIN_IMAGE"), objects.column("YWIN_IMAGE")];
  const [a, b] = [objects.column("ERRAWIN_IMAGE"), objects.column("ERRBWIN_IMAGE")];
  const [mag, magError] = [objects.column("MAG_AUTO"), objects.column("MAGERR_AUTO")];
  const flags = objects.column("FLAGS");
  const good = Array.from({ length: objects.rows }, (_, i) => i).filter((i) =>
    (Number(flags[i]) & BAD_FLAGS) === 0 && Number(mag[i]) < 90 && Number(a[i]) > 0
  );
  if (good.length === 0) {
    throw new DataError(`Cannot make a reference of "${catalogue}": no good source in it`, {
      details: { file: catalogue, sources: objects.rows },
    });
  }
  const sky = good.map((i) => wcs.pixelToSky(Number(x[i]) - 1, Number(y[i]) - 1));
  const degPx = wcs.pixelScaleArcsec / 3600;
  const errorDeg = (px: ArrayLike<number>, i: number) => Math.max(px[i]!, LEAST_ERROR_PX) * degPx;
  await writeLdac(target, {
    header: FitsHeader.from({ OBJECT: "reference", EQUINOX: 2000 }),
    columns: [
      { name: "X_WORLD", format: "1D", unit: "deg", data: sky.map(([raDeg]) => raDeg) },
      { name: "Y_WORLD", format: "1D", unit: "deg", data: sky.map(([, decDeg]) => decDeg) },
      { name: "ERRA_WORLD", format: "1E", unit: "deg", data: good.map((i) => errorDeg(a, i)) },
      { name: "ERRB_WORLD", format: "1E", unit: "deg", data: good.map((i) => errorDeg(b, i)) },
      { name: "MAG", format: "1E", unit: "mag", data: good.map((i) => Number(mag[i])) },
      { name: "MAGERR", format: "1E", unit: "mag", data: good.map((i) => Number(magError[i])) },
      { name: "OBSDATE", format: "1D", unit: "yr", data: good.map(() => epochYr) },
    ],
  });
  return good.length;
}
