/**
 * How the tiles of a compressed image lie in its table (FITS standard 4.0, section 10.1).
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import type { Hdu } from "../file.ts";
import type { FitsHeader } from "../header.ts";
import type { Bitpix } from "../pixels.ts";
import { type Column, columnsOf } from "../tform.ts";
import { ALGORITHMS } from "./algorithms.ts";

/** An image cut into tiles, a row of the table each. */
export interface TileForm {
  /** Type of the image's pixels. */
  readonly bitpix: Bitpix;
  /** ZCMPTYPE. */
  readonly algorithm: string;
  /** ZNAMEn and ZVALn. */
  readonly settings: ReadonlyMap<string, number>;
  /** Pixels along a row of the image. */
  readonly width: number;
  /** Rows of the image, of one plane. */
  readonly height: number;
  /** Planes, 1 but for a cube. */
  readonly planes: number;
  /** Columns of a tile, but for the last in a row. */
  readonly tileWidth: number;
  /** Rows of a tile, but for the last ones. */
  readonly tileHeight: number;
  /** The table's columns by name. */
  readonly columns: ReadonlyMap<string, Column>;
  /** ZQUANTIZ; undefined where the pixels are stored as they are. */
  readonly dither: 0 | 1 | 2 | undefined;
  /** ZDITHER0 − 1. */
  readonly seed: number;
  /** Stored integer for "no value" of all tiles (ZBLANK). */
  readonly blank: number | undefined;
  /** What was added to the stored integers before they were compressed. */
  readonly raised: number;
  /** Scale and offset of all tiles, where no column has them. */
  readonly scale: readonly [scale: number, zero: number] | undefined;
}

const DITHERS: Readonly<Record<string, 0 | 1 | 2>> = {
  NO_DITHER: 0,
  SUBTRACTIVE_DITHER_1: 1,
  SUBTRACTIVE_DITHER_2: 2,
};

/**
 * Reads the form of a compressed image from its header.
 *
 * @param hdu The unit that holds it.
 * @returns The form.
 * @throws {DataError} If it is compressed or cut in a way that is not known here.
 */
export function tileFormOf(hdu: Hdu): TileForm {
  const { header } = hdu;
  const algorithm = header.requireText("ZCMPTYPE").trim();
  if (ALGORITHMS[algorithm] === undefined) throw unknown(hdu, "ZCMPTYPE", algorithm);
  const axes = axesOf(header);
  const tile = axes.map((length, axis) => header.number(`ZTILE${axis + 1}`) ?? (axis ? 1 : length));
  const deep = tile.findIndex((length, axis) => !(length >= 1) || (axis > 1 && length !== 1));
  if (deep >= 0) throw unknown(hdu, `ZTILE${deep + 1}`, tile[deep]!);
  const settings = settingsOf(header);
  if (settings.get("SMOOTH")) throw unknown(hdu, "SMOOTH", settings.get("SMOOTH")!);
  const columns = new Map(columnsOf(header).map((column) => [column.name.toUpperCase(), column]));
  const bitpix = header.requireNumber("ZBITPIX") as Bitpix;
  const scaled = columns.has("ZSCALE") || header.has("ZSCALE");
  if (scaled && bitpix > 0) throw unknown(hdu, "ZBITPIX", bitpix);
  return {
    ...{ bitpix, algorithm, settings, columns },
    width: axes[0]!,
    height: axes[1] ?? 1,
    planes: axes.slice(2).reduce((product, length) => product * length, 1),
    tileWidth: tile[0]!,
    tileHeight: tile[1] ?? 1,
    dither: scaled ? ditherOf(hdu) : undefined,
    seed: (header.number("ZDITHER0") ?? 1) - 1,
    blank: header.number("ZBLANK") ?? header.number("BLANK"),
    // PLIO knows no negative integers
    raised: algorithm === "PLIO_1" && bitpix === 16 && header.number("BZERO") === 32768 ? 32768 : 0,
    scale: header.has("ZSCALE")
      ? [header.requireNumber("ZSCALE"), header.number("ZZERO") ?? 0]
      : undefined,
  };
}

function axesOf(header: FitsHeader): number[] {
  const count = header.requireNumber("ZNAXIS");
  return Array.from({ length: count }, (_, axis) => header.requireNumber(`ZNAXIS${axis + 1}`));
}

function settingsOf(header: FitsHeader): Map<string, number> {
  const settings = new Map<string, number>();
  for (let number = 1; header.has(`ZNAME${number}`); number++) {
    const name = header.requireText(`ZNAME${number}`).trim().toUpperCase();
    const value = header.number(`ZVAL${number}`);
    if (value !== undefined) settings.set(name, value);
  }
  return settings;
}

function ditherOf(hdu: Hdu): 0 | 1 | 2 | undefined {
  const name = hdu.header.text("ZQUANTIZ")?.trim() ?? "NO_DITHER";
  if (name === "NONE") return undefined;
  const dither = DITHERS[name];
  if (dither === undefined) throw unknown(hdu, "ZQUANTIZ", name);
  return dither;
}

function unknown(hdu: Hdu, card: string, value: string | number): DataError {
  const file = hdu.header.where;
  return new DataError(
    `Cannot read pixels of '${file}': it is tile-compressed with ${card} '${value}', which is not ` +
      "known; unpack it with funpack first",
    { details: { file, hdu: hdu.index, card, value } },
  );
}
