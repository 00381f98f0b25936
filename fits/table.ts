/**
 * Binary tables of FITS files.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { openForReading, readAt } from "./_disk.ts";
import { decodeText, decodeValues } from "./cells.ts";
import { type Hdu, walkUnits } from "./file.ts";
import type { FitsHeader } from "./header.ts";
import { type Column, columnsOf, ELEMENT_BYTES } from "./tform.ts";

export type { Column, ColumnCode } from "./tform.ts";
export { type ColumnData, type ColumnSpec, type TableSpec, writeTables } from "./table_writer.ts";

/**
 * Reads a table.
 *
 * @param which Unit of the file, or EXTNAME (upper and lower case alike); left out: the first table.
 * @throws {DataError} If the file is truncated, damaged, or has no such table.
 */
export async function readTable(path: string, which?: number | string): Promise<Table> {
  using file = await openForReading(path);
  for await (const unit of walkUnits(file, path)) {
    if (matches(unit, which)) return await loadTable(file, unit);
  }
  const wanted = which === undefined ? "table" : `table '${which}'`;
  throw new DataError(`Cannot read '${path}': it has no ${wanted}`, {
    details: { file: path, table: which ?? null },
  });
}

/** Reads every binary table of a file, in order. */
export async function readTables(path: string): Promise<Table[]> {
  using file = await openForReading(path);
  const tables: Table[] = [];
  for await (const unit of walkUnits(file, path)) {
    if (unit.kind === "table") tables.push(await loadTable(file, unit));
  }
  return tables;
}

function matches(unit: Hdu, which: number | string | undefined): boolean {
  if (typeof which === "number") return unit.index === which;
  if (unit.kind !== "table") return false;
  return which === undefined || unit.name.trim().toUpperCase() === which.toUpperCase();
}

async function loadTable(file: Deno.FsFile, unit: Hdu): Promise<Table> {
  if (unit.kind !== "table") {
    throw new DataError(`Cannot read '${unit.header.where}': it is no binary table`, {
      details: { file: unit.header.where, kind: unit.kind },
    });
  }
  const bytes = new Uint8Array(unit.dataBytes);
  await readAt(file, bytes, unit.dataOffset);
  return new Table(unit.name, unit.header, bytes);
}

/** A binary table in memory; columns are decoded when they are asked for. */
export class Table {
  /** EXTNAME. */
  readonly name: string;
  /** Header of the unit that holds the table. */
  readonly header: FitsHeader;
  /** How many rows. */
  readonly rows: number;
  /** The columns in the order of the file. */
  readonly columns: readonly Column[];
  readonly #bytes: Uint8Array;
  readonly #rowBytes: number;
  readonly #heap: number;

  /**
   * Made by {@linkcode readTable}.
   *
   * @param bytes Rows and heap, as in the file.
   */
  constructor(name: string, header: FitsHeader, bytes: Uint8Array) {
    this.name = name.trim();
    this.header = header;
    this.rows = header.requireNumber("NAXIS2");
    this.columns = columnsOf(header);
    this.#bytes = bytes;
    this.#rowBytes = header.requireNumber("NAXIS1");
    const expected = this.rows * this.#rowBytes;
    if (bytes.length < expected) {
      throw new DataError(
        `Cannot read '${header.where}': ${expected} bytes of rows expected and ${bytes.length} found`,
        {
          details: { file: header.where, expectedBytes: expected, actualBytes: bytes.length },
        },
      );
    }
    this.#heap = header.number("THEAP") ?? this.#rowBytes * this.rows;
  }

  /** Whether there is a column of this name; upper and lower case are alike. */
  has(name: string): boolean {
    return this.#lookUp(name) !== undefined;
  }

  /**
   * A column with one number a row.
   *
   * Scaled by TSCAL and TZERO, logical values as 0 and 1; NaN where the value is undefined.
   * Integers beyond 2⁵³ are rounded, see {@linkcode bigints}.
   *
   * @throws {DataError} If there is no such column, or it holds text or vectors.
   */
  column(name: string): Float64Array {
    const column = this.#require(name);
    if (column.variable || column.repeat !== 1 || isPair(column)) {
      throw this.#unfit(column, "not one number a row");
    }
    return this.values(name);
  }

  /**
   * A column with a vector a row.
   *
   * @returns `[rows, repeat]`, flat; complex columns give `[rows, repeat, 2]`, bits 0 and 1.
   * @throws {DataError} If there is no such column, or it holds text or arrays of varied length.
   */
  values(name: string): Float64Array {
    const column = this.#require(name);
    if (column.variable) throw this.#unfit(column, "arrays of varied length");
    if (column.code === "A") throw this.#unfit(column, "text");
    const width = column.repeat * (isPair(column) ? 2 : 1);
    const out = new Float64Array(this.rows * width);
    const view = this.#view();
    for (let row = 0; row < this.rows; row++) {
      const at = row * this.#rowBytes + column.offset;
      decodeValues(view, at, column, out.subarray(row * width, (row + 1) * width));
    }
    return out;
  }

  /**
   * A column of text, trailing blanks removed.
   *
   * Numbers are given as text too, so that a key can be read without knowing its type.
   *
   * @throws {DataError} If there is no such column.
   */
  text(name: string): string[] {
    const column = this.#require(name);
    if (column.variable) return this.#cells(column).map((cell) => decodeText(this.#part(cell)));
    if (column.code === "K") return Array.from(this.bigints(name), String);
    if (column.code !== "A") return Array.from(this.column(name), String);
    return Array.from({ length: this.rows }, (_, row) => {
      const at = row * this.#rowBytes + column.offset;
      return decodeText(this.#bytes.subarray(at, at + column.bytes));
    });
  }

  /**
   * A column of integers, exact to 64 bits.
   *
   * @throws {DataError} If there is no such column or it is not one 64-bit integer a row.
   */
  bigints(name: string): BigInt64Array {
    const column = this.#require(name);
    const plain = column.code === "K" && column.repeat === 1 && !column.variable;
    if (!plain || column.scale !== 1 || !Number.isInteger(column.zero)) {
      throw this.#unfit(column, "no 64-bit integers");
    }
    const view = this.#view();
    const zero = BigInt(column.zero);
    return BigInt64Array.from(
      { length: this.rows },
      (_, row) => view.getBigInt64(row * this.#rowBytes + column.offset) + zero,
    );
  }

  /**
   * A column whose rows are arrays of different length (TFORM P or Q).
   *
   * @returns One array a row.
   * @throws {DataError} If there is no such column, or its heap is damaged.
   */
  arrays(name: string): Float64Array[] {
    const column = this.#require(name);
    if (!column.variable || column.code === "A") throw this.#unfit(column, "no arrays of numbers");
    const view = this.#view();
    return this.#cells(column).map(({ start, count }) => {
      const values = new Float64Array(count * (isPair(column) ? 2 : 1));
      decodeValues(view, start, column, values);
      return values;
    });
  }

  #view(): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  #part({ start, count }: { start: number; count: number }): Uint8Array {
    return this.#bytes.subarray(start, start + count);
  }

  /** Where the array of each row lies in the heap. */
  #cells(column: Column): { start: number; count: number }[] {
    const view = this.#view();
    return Array.from({ length: this.rows }, (_, row) => {
      const at = row * this.#rowBytes + column.offset;
      const wide = column.variable === "Q";
      const count = wide ? Number(view.getBigInt64(at)) : view.getInt32(at);
      const start = this.#heap + (wide ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4));
      const end = start + Math.ceil(count * ELEMENT_BYTES[column.code]);
      if (count >= 0 && start >= this.#heap && end <= this.#bytes.length) return { start, count };
      throw new DataError(
        `Cannot read column '${column.name}' of '${this.header.where}': row ${row + 1} points to ` +
          `byte ${end} of ${this.#bytes.length}`,
        {
          details: { file: this.header.where, expectedBytes: end, actualBytes: this.#bytes.length },
        },
      );
    });
  }

  #lookUp(name: string): Column | undefined {
    const wanted = name.toUpperCase();
    return this.columns.find((column) => column.name === name) ??
      this.columns.find((column) => column.name.toUpperCase() === wanted);
  }

  #require(name: string): Column {
    const column = this.#lookUp(name);
    if (column) return column;
    const known = this.columns.map((each) => each.name).join(", ");
    throw new DataError(
      `Cannot read column '${name}' of '${this.header.where}': its columns are ${known}`,
      { details: { file: this.header.where, column: name } },
    );
  }

  #unfit(column: Column, what: string): DataError {
    return new DataError(
      `Cannot read column '${column.name}' of '${this.header.where}': it holds ${what}`,
      { details: { file: this.header.where, column: column.name } },
    );
  }
}

function isPair(column: Column): boolean {
  return column.code === "C" || column.code === "M";
}
