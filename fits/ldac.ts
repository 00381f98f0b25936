/**
 * FITS_LDAC catalogues, as Source Extractor writes and SCAMP reads them.
 *
 * Each image of a catalogue is a pair of tables: LDAC_IMHEAD holds the image's
 * header in one cell, LDAC_OBJECTS the sources.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { CARD_LENGTH } from "./card.ts";
import { FitsHeader } from "./header.ts";
import { type ColumnSpec, readTables, type Table, writeTables } from "./table.ts";
import { conformingCards } from "./structure.ts";

/** One image's part of a catalogue. */
export interface Ldac {
  /** Header of the image that the sources were found in. */
  readonly header: FitsHeader;
  /** The sources, one a row. */
  readonly objects: Table;
}

/** One image's part of a catalogue to be written. */
export interface LdacSpec {
  /** Header of the image; SCAMP takes size, WCS and observation from it. */
  readonly header: FitsHeader;
  /** The sources, one a row. */
  readonly columns: readonly ColumnSpec[];
  /** How many sources; needed only where there may be no column. */
  readonly rows?: number;
}

/**
 * Reads a catalogue of one image.
 *
 * @throws {DataError} If the file is no FITS_LDAC catalogue.
 */
export async function readLdac(path: string): Promise<Ldac> {
  const [first] = await readLdacAll(path);
  if (first) return first;
  throw new DataError(`Cannot read '${path}': it holds no LDAC_OBJECTS table`, {
    details: { file: path },
  });
}

/** Reads a catalogue of several images, such as that of a frame with several amplifiers. */
export async function readLdacAll(path: string): Promise<Ldac[]> {
  const found: Ldac[] = [];
  let header: FitsHeader | undefined;
  for (const table of await readTables(path)) {
    if (table.name === "LDAC_IMHEAD") header = imageHeader(path, table);
    if (table.name !== "LDAC_OBJECTS") continue;
    found.push({ header: header ?? FitsHeader.from({}), objects: table });
    header = undefined;
  }
  return found;
}

/**
 * Writes a catalogue that SCAMP reads.
 *
 * @param image One image's header and sources, or several.
 * @throws {DataError} If columns differ in length, or the file cannot be written.
 */
export async function writeLdac(
  path: string,
  image: LdacSpec | readonly LdacSpec[],
): Promise<void> {
  const images: readonly LdacSpec[] = "columns" in image ? [image] : image;
  const tables = images.flatMap(({ header, columns, rows }) => [
    { name: "LDAC_IMHEAD", columns: [headerColumn(header)] },
    { name: "LDAC_OBJECTS", columns, ...(rows !== undefined && { rows }) },
  ]);
  await writeTables(path, tables);
}

function imageHeader(path: string, table: Table): FitsHeader {
  const name = table.columns[0]?.name;
  if (name === undefined || table.rows === 0) return FitsHeader.from({});
  const cards = Uint8Array.from(table.text(name)[0] ?? "", (letter) => letter.charCodeAt(0));
  return FitsHeader.parse(cards, `${path}[LDAC_IMHEAD]`);
}

function headerColumn(header: FitsHeader): ColumnSpec {
  const cards = header.clone().replace(conformingCards(header.cards)).toCards();
  const text = cards + "END".padEnd(CARD_LENGTH);
  return {
    name: "Field Header Card",
    data: [text],
    format: `${text.length}A`,
    shape: [CARD_LENGTH, text.length / CARD_LENGTH],
  };
}
