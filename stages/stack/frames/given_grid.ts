/**
 * Grids and tiles that a file gives.
 *
 * @module
 */

import { parse } from "csv-parse/sync";
import { DataError, GppyError, UsageError } from "../../../config/errors.ts";
import { reasonOf } from "../../../config/reason.ts";
import type { Target } from "../../../config/site.ts";
import { targetTable } from "../../../config/site_tables.ts";
import { parseTable } from "../../../config/table.ts";
import { readHeader } from "../../../fits/file.ts";
import { FitsHeader } from "../../../fits/header.ts";
import { parseDec, parseRa } from "../../../sky/angle.ts";
import { wcsFromHeader } from "../../../sky/wcs.ts";
import type { Grid } from "./grid.ts";

/** FITS files begin so. */
const FITS_START = "SIMPLE  =";

/**
 * Reads a grid from a header: that of an image, or a text with one card a line, as SWarp's `.head`.
 *
 * @param path A FITS file or a text.
 * @returns The map and the size in its cards.
 * @throws {UsageError} If it cannot be read.
 * @throws {DataError} If it has no WCS, or no NAXIS1 and NAXIS2.
 */
export async function readGrid(path: string): Promise<Grid> {
  const header = await readCards(path);
  const [width, height] = [header.number("NAXIS1"), header.number("NAXIS2")];
  if (!(width! > 0 && height! > 0)) {
    throw new DataError(`Cannot take the grid of "${path}": it has no NAXIS1 and NAXIS2`, {
      details: { file: path },
    });
  }
  const wcs = wcsFromHeader(header);
  if (wcs === undefined) {
    throw new DataError(`Cannot take the grid of "${path}": it has no WCS`, {
      details: { file: path },
    });
  }
  return { wcs, width: width!, height: height! };
}

async function readCards(path: string): Promise<FitsHeader> {
  return await reading(path, "the grid of", async () => {
    const first = new Uint8Array(80);
    using file = await Deno.open(path);
    await file.read(first);
    const card = new TextDecoder().decode(first);
    if (card.startsWith(FITS_START) && !card.includes("\n")) return await readHeader(path);
    return FitsHeader.fromText(await Deno.readTextFile(path), path);
  });
}

async function reading<Result>(
  path: string,
  what: string,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof GppyError) throw cause;
    throw new UsageError(`Cannot take ${what} "${path}": ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Where the telescope was told to point: OBJCTRA and OBJCTDEC, else RA and DEC.
 *
 * @param header Of a frame.
 * @returns The place; undefined where the cards are absent or cannot be read.
 */
export function pointingOf(header: FitsHeader): { raDeg: number; decDeg: number } | undefined {
  for (const [ra, dec] of [["OBJCTRA", "OBJCTDEC"], ["RA", "DEC"]] as const) {
    const [raValue, decValue] = [ra, dec].map((card) => header.number(card) ?? header.text(card));
    if (raValue === undefined || decValue === undefined) continue;
    try {
      return { raDeg: parseRa(raValue), decDeg: parseDec(decValue) };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  return undefined;
}

const NAME_COLUMNS = ["tile", "object", "name", "id", "tile_id"];

/**
 * Finds a tile in a table: one like `alltarget.dat`, or values with commas under names with commas.
 *
 * @param path The table, with columns `ra`, `dec` and `tile` (or `object`, `name`, `id`, `tile_id`);
 * degrees, or `hh:mm:ss` and `dd:mm:ss`.
 * @param object Name of the tile, letters in either case; `9614` is `T09614`.
 * @returns The tile; undefined if it is not there.
 * @throws {UsageError} If the table cannot be read.
 */
export async function findTile(path: string, object: string): Promise<Target | undefined> {
  const text = await reading(path, "tiles from", () => Deno.readTextFile(path));
  const first = text.split(/\r?\n/).find((line) => line.trim() !== "" && !line.startsWith("#"));
  const wanted = tileKey(object);
  if (first?.includes(",") !== true) {
    const rows = parseTable(text, path, targetTable).map(({ row }) => row);
    return rows.find((row) => tileKey(row.object) === wanted);
  }
  let rows: Record<string, string>[];
  try {
    rows = parse(text, {
      columns: (names: string[]) => names.map((name) => name.trim().toLowerCase()),
      comment: "#",
      trim: true,
      skip_empty_lines: true,
    });
  } catch (cause) {
    throw new UsageError(`Cannot take tiles from "${path}": ${reasonOf(cause)}`, { cause });
  }
  const name = NAME_COLUMNS.find((column) => rows[0]?.[column] !== undefined);
  if (name === undefined || rows[0]!.ra === undefined || rows[0]!.dec === undefined) {
    throw new UsageError(`Cannot take tiles from "${path}": columns tile, ra and dec are wanted`);
  }
  const row = rows.find((one) => tileKey(one[name]!) === wanted);
  if (row === undefined) return undefined;
  return { object, raDeg: parseRa(row.ra!), decDeg: parseDec(row.dec!) };
}

function tileKey(name: string): string {
  const number = /^t?0*(\d+)$/i.exec(name.trim())?.[1];
  return number === undefined ? name.trim().toLowerCase() : `tile ${number}`;
}
