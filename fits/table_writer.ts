/**
 * Writing binary tables.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { AtomicFile } from "./_disk.ts";
import { datasum, encodeWithChecksum } from "./checksum.ts";
import { encodeColumn, type EncodedColumn } from "./column_encoding.ts";
import { padded } from "./file.ts";
import { FitsHeader } from "./header.ts";
import { descriptiveCards } from "./structure.ts";

/** The formats of TDISP (FITS standard 4.0, table 20). */
const DISPLAY = /^(?:[AL]\d+|[IBOZ]\d+(?:\.\d+)?|F\d+\.\d+|E[NS]\d+\.\d+|[EGD]\d+\.\d+(?:E\d+)?)$/;

/** What can be written as a column. */
export type ColumnData =
  | readonly number[]
  | readonly bigint[]
  | readonly boolean[]
  | readonly string[]
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array;

/** A column to be written. */
export interface ColumnSpec {
  /** TTYPE. */
  readonly name: string;
  /** One value a row, or `[rows, repeat]` flat; NaN is an undefined value. */
  readonly data: ColumnData;
  /**
   * TFORM, such as `1D`, `1E`, `1J`, `3E`, `20A`. Left out, it follows from the data: `number[]`
   * becomes D, text gets the width of the longest entry, unsigned integers a TZERO.
   */
  readonly format?: string;
  /** TUNIT. */
  readonly unit?: string;
  /** Comment of the TTYPE card. */
  readonly comment?: string;
  /** TDISP, such as `F10.4`; left out of the file where it is none the standard knows. */
  readonly display?: string;
  /** TDIM, in FORTRAN order. */
  readonly shape?: readonly number[];
}

/** A table to be written. */
export interface TableSpec {
  /** EXTNAME. */
  readonly name: string;
  /** The columns in the order of the file. */
  readonly columns: readonly ColumnSpec[];
  /** How many rows; needed only where there may be no column to tell it. */
  readonly rows?: number;
  /** Cards to take over; those that describe the layout of the data are replaced. */
  readonly header?: FitsHeader;
}

/**
 * Writes a file of tables behind an empty primary unit.
 *
 * @param primary Cards for the primary unit.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readTable } from "./table.ts";
 *
 * const path = await Deno.makeTempFile({ suffix: ".fits" });
 * const columns = [{ name: "MAG", data: [17.2, NaN], unit: "mag" }, { name: "NAME", data: ["a", "bc"] }];
 * await writeTables(path, [{ name: "STARS", columns }]);
 * const stars = await readTable(path, "STARS");
 * assert.deepEqual([...stars.column("MAG")], [17.2, NaN]);
 * assert.deepEqual(stars.text("NAME"), ["a", "bc"]);
 * await Deno.remove(path);
 * ```
 * @throws {DataError} If columns of a table differ in length, or the file cannot be written.
 */
export async function writeTables(
  path: string,
  tables: readonly TableSpec[],
  primary?: FitsHeader,
): Promise<void> {
  const units = [encodePrimary(primary), ...tables.map((table) => encodeTable(path, table))];
  const file = await AtomicFile.create(path);
  try {
    for (const unit of units) for (const bytes of unit) await file.write(bytes);
    await file.commit();
  } finally {
    if (file.open) await file.abort();
  }
}

function encodePrimary(cards: FitsHeader | undefined): Uint8Array[] {
  const header = FitsHeader.from({
    SIMPLE: [true, "conforms to FITS standard"],
    BITPIX: [8, "array data type"],
    NAXIS: [0, "no array"],
    EXTEND: [true, "tables follow"],
  });
  if (cards) header.append(descriptiveCards(cards));
  return [encodeWithChecksum(header, 0)];
}

function encodeTable(path: string, table: TableSpec): Uint8Array[] {
  const columns = table.columns.map((column) => encodeColumn(path, column, table.rows));
  const rows = table.rows ?? columns[0]?.rows ?? 0;
  const odd = columns.find((column) => column.rows !== rows);
  if (odd) {
    throw new DataError(
      `Cannot write '${path}': column '${odd.spec.name}' of table '${table.name}' has ` +
        `${odd.rows} rows, not ${rows}`,
      { details: { file: path, column: odd.spec.name, rows: odd.rows, expectedRows: rows } },
    );
  }
  const rowBytes = columns.reduce((sum, column) => sum + column.bytes, 0);
  const data = new Uint8Array(padded(rows * rowBytes));
  let offset = 0;
  for (const column of columns) {
    interleave(column, data, offset, rowBytes);
    offset += column.bytes;
  }
  const header = tableHeader(table, columns, rows, rowBytes);
  return [encodeWithChecksum(header, datasum(data)), data];
}

function interleave(
  column: EncodedColumn,
  data: Uint8Array,
  offset: number,
  rowBytes: number,
): void {
  const { bytes, cells, rows } = column;
  for (let row = 0; row < rows; row++) {
    const target = row * rowBytes + offset;
    const source = row * bytes;
    for (let i = 0; i < bytes; i++) data[target + i] = cells[source + i]!;
  }
}

function tableHeader(
  table: TableSpec,
  columns: readonly EncodedColumn[],
  rows: number,
  rowBytes: number,
): FitsHeader {
  const header = FitsHeader.from({
    XTENSION: ["BINTABLE", "binary table extension"],
    BITPIX: [8, "array data type"],
    NAXIS: [2, "number of array dimensions"],
    NAXIS1: [rowBytes, "bytes of a row"],
    NAXIS2: [rows, "rows"],
    PCOUNT: [0, "no heap"],
    GCOUNT: [1, "one group"],
    TFIELDS: [columns.length, "columns"],
    EXTNAME: [table.name, "name of this table"],
  });
  columns.forEach(({ spec, format, zero, blank }, index) => {
    const n = index + 1;
    header.set(`TTYPE${n}`, spec.name, spec.comment ?? "");
    header.set(`TFORM${n}`, format);
    if (spec.unit) header.set(`TUNIT${n}`, spec.unit);
    if (spec.display && DISPLAY.test(spec.display)) header.set(`TDISP${n}`, spec.display);
    if (spec.shape) header.set(`TDIM${n}`, `(${spec.shape.join(",")})`);
    if (zero !== 0) header.set(`TSCAL${n}`, 1).set(`TZERO${n}`, zero);
    if (blank !== undefined) header.set(`TNULL${n}`, blank);
  });
  return table.header ? header.append(descriptiveCards(table.header)) : header;
}
