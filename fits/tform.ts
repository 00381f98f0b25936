/**
 * Column formats of binary tables (TFORM).
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import type { FitsHeader } from "./header.ts";

/** The element types of a binary table. */
export type ColumnCode =
  | "L" // logical
  | "X" // bit
  | "B" // unsigned 8-bit integer
  | "I" // 16-bit integer
  | "J" // 32-bit integer
  | "K" // 64-bit integer
  | "A" // character
  | "E" // 32-bit real
  | "D" // 64-bit real
  | "C" // pair of 32-bit reals
  | "M"; // pair of 64-bit reals

/** One column of a table as its header describes it. */
export interface Column {
  /** TTYPE, or `COL<n>`. */
  readonly name: string;
  /** Element type; of a variable-length column, the type in the heap. */
  readonly code: ColumnCode;
  /** Elements a row; characters of a string; 1 of a variable-length column. */
  readonly repeat: number;
  /** `P` or `Q` where the rows are arrays of different length in the heap. */
  readonly variable: "P" | "Q" | undefined;
  /** TUNIT, or `""`. */
  readonly unit: string;
  /** Comment of the TTYPE card. */
  readonly comment: string;
  /** TDISP, or `""`. */
  readonly display: string;
  /** Shape of a vector in FORTRAN order (TDIM), or empty. */
  readonly shape: readonly number[];
  /** Physical value = zero + scale · stored. */
  readonly scale: number;
  /** TZERO, 0 if there is none. */
  readonly zero: number;
  /** Stored integer for "no value". */
  readonly blank: number | bigint | undefined;
  /** Byte offset in a row. */
  readonly offset: number;
  /** Bytes in a row. */
  readonly bytes: number;
}

/** Bytes of one element; a bit counts as 1/8. */
export const ELEMENT_BYTES: Readonly<Record<ColumnCode, number>> = {
  L: 1,
  X: 1 / 8,
  B: 1,
  I: 2,
  J: 4,
  K: 8,
  A: 1,
  E: 4,
  D: 8,
  C: 8,
  M: 16,
};

const TFORM = /^\s*(\d*)([LXBIJKAEDCM]|([PQ])([LXBIJKAEDCM]))/;

/**
 * Reads the columns that a table's header describes.
 *
 * @throws {DataError} If a TFORM is missing or unknown, or the columns do not add up to a row.
 */
export function columnsOf(header: FitsHeader): Column[] {
  const columns: Column[] = [];
  let offset = 0;
  for (let number = 1; number <= header.requireNumber("TFIELDS"); number++) {
    const column = columnOf(header, number, offset);
    columns.push(column);
    offset += column.bytes;
  }
  const rowBytes = header.requireNumber("NAXIS1");
  if (offset > rowBytes) {
    throw new DataError(
      `Cannot read '${header.where}': its columns take ${offset} bytes, a row has ${rowBytes}`,
      { details: { file: header.where, expectedBytes: offset, actualBytes: rowBytes } },
    );
  }
  return columns;
}

function columnOf(header: FitsHeader, number: number, offset: number): Column {
  const form = header.requireText(`TFORM${number}`);
  const match = TFORM.exec(form);
  if (!match) {
    throw new DataError(`Cannot read '${header.where}': TFORM${number} is '${form}'`, {
      details: { file: header.where, card: `TFORM${number}`, value: form },
    });
  }
  const count = match[1] === "" ? 1 : Number(match[1]);
  const variable = match[3] as "P" | "Q" | undefined;
  const code = (match[4] ?? match[2]) as ColumnCode;
  const bytes = variable
    ? count * (variable === "P" ? 8 : 16)
    : Math.ceil(count * ELEMENT_BYTES[code]);
  const blank = header.get(`TNULL${number}`);
  return {
    name: header.text(`TTYPE${number}`)?.trim() ?? `COL${number}`,
    code,
    repeat: variable ? Math.min(count, 1) : count,
    variable,
    unit: header.text(`TUNIT${number}`)?.trim() ?? "",
    comment: header.comment(`TTYPE${number}`) ?? "",
    display: header.text(`TDISP${number}`)?.trim() ?? "",
    shape: shapeOf(header.text(`TDIM${number}`)),
    scale: header.number(`TSCAL${number}`) ?? 1,
    zero: header.number(`TZERO${number}`) ?? 0,
    blank: typeof blank === "number" || typeof blank === "bigint" ? blank : undefined,
    offset,
    bytes,
  };
}

function shapeOf(text: string | undefined): number[] {
  const match = /^\s*\(([\d,\s]*)\)/.exec(text ?? "");
  return match ? (match[1] ?? "").split(",").map(Number) : [];
}
