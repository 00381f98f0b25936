/**
 * Columns of binary tables: values to bytes.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import type { ColumnData, ColumnSpec } from "./table_writer.ts";
import { type ColumnCode, ELEMENT_BYTES } from "./tform.ts";

/** A column ready to be put into the rows. */
export interface EncodedColumn {
  /** What was asked for. */
  readonly spec: ColumnSpec;
  /** TFORM. */
  readonly format: string;
  /** How many cells. */
  readonly rows: number;
  /** Bytes in a row. */
  readonly bytes: number;
  /** The cells one after the other. */
  readonly cells: Uint8Array;
  /** TZERO; 0 if there is none. */
  readonly zero: number;
  /** TNULL, where the data have undefined values. */
  readonly blank: number | undefined;
}

const FORMAT = /^(\d*)([LBIJKAEDCM])$/;
const LIMITS: Readonly<Partial<Record<ColumnCode, readonly [number, number]>>> = {
  B: [0, 255],
  I: [-32768, 32767],
  J: [-2147483648, 2147483647],
};

/**
 * Encodes one column.
 *
 * @param rows How many rows there are; left out: it follows from the data.
 * @throws {DataError} If the data do not fit the format.
 */
export function encodeColumn(path: string, spec: ColumnSpec, rows?: number): EncodedColumn {
  const { code, repeat } = formOf(path, spec, rows);
  const perRow = code === "A" ? 1 : repeat * (code === "C" || code === "M" ? 2 : 1);
  const count = perRow === 0 ? rows ?? 0 : spec.data.length / perRow;
  if (!Number.isInteger(count)) {
    throw unfit(path, spec, `${spec.data.length} values do not make rows of ${perRow}`);
  }
  const bytes = repeat * ELEMENT_BYTES[code];
  const cells = new Uint8Array(count * bytes);
  const made = { spec, format: `${repeat}${code}`, rows: count, bytes, cells };
  if (code === "A") {
    fillText(path, spec, repeat, cells);
    return { ...made, zero: 0, blank: undefined };
  }
  const zero = unsignedZero(spec.data, code);
  const limits = LIMITS[code];
  const blank = limits ? fillIntegers(path, spec, code, zero, cells) : undefined;
  if (!limits) fillOthers(spec, code, cells);
  return { ...made, zero, blank };
}

function formOf(
  path: string,
  spec: ColumnSpec,
  rows: number | undefined,
): { code: ColumnCode; repeat: number } {
  if (spec.format !== undefined) {
    const match = FORMAT.exec(spec.format);
    if (!match) throw unfit(path, spec, `'${spec.format}' is no format that can be written`);
    return { code: match[2] as ColumnCode, repeat: match[1] === "" ? 1 : Number(match[1]) };
  }
  const code = codeOf(spec.data);
  if (code === "A") {
    const longest = Math.max(1, ...lengths(spec.data));
    return { code, repeat: longest };
  }
  const repeat = rows !== undefined && rows > 0 ? spec.data.length / rows : 1;
  return { code, repeat: Math.max(1, Math.floor(repeat)) };
}

function* lengths(data: ColumnData): Generator<number> {
  for (const value of data) yield String(value).length;
}

function codeOf(data: ColumnData): ColumnCode {
  if (data instanceof Float32Array) return "E";
  if (data instanceof Int32Array || data instanceof Uint32Array) return "J";
  if (data instanceof Int16Array || data instanceof Uint16Array) return "I";
  if (data instanceof Uint8Array) return "B";
  if (data instanceof BigInt64Array || typeof data[0] === "bigint") return "K";
  if (typeof data[0] === "string") return "A";
  return typeof data[0] === "boolean" ? "L" : "D";
}

function unsignedZero(data: ColumnData, code: ColumnCode): number {
  if (data instanceof Uint16Array && code === "I") return 32768;
  return data instanceof Uint32Array && code === "J" ? 2147483648 : 0;
}

function fillText(path: string, spec: ColumnSpec, width: number, cells: Uint8Array): void {
  cells.fill(0x20);
  for (let row = 0; row < spec.data.length; row++) {
    const text = String(spec.data[row]).trimEnd();
    if (text.length > width) {
      throw unfit(path, spec, `'${text}' in row ${row + 1} is longer than ${width}`);
    }
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      cells[row * width + i] = code >= 0x20 && code < 0x7f ? code : 0x3f;
    }
  }
}

/** Fills integers up to 32 bits; gives TNULL where a value is undefined. */
function fillIntegers(
  path: string,
  spec: ColumnSpec,
  code: ColumnCode,
  zero: number,
  cells: Uint8Array,
): number | undefined {
  const view = new DataView(cells.buffer);
  const [low, high] = LIMITS[code]!;
  const missing = code === "B" ? high : low;
  let blank: number | undefined;
  for (let i = 0; i < spec.data.length; i++) {
    const value = Number(spec.data[i]);
    const undefinedValue = Number.isNaN(value);
    if (undefinedValue) blank = missing;
    const stored = undefinedValue ? missing : Math.round(value - zero);
    if (stored < low || stored > high) {
      throw unfit(path, spec, `${value} does not fit ${ELEMENT_BYTES[code]} bytes`);
    }
    if (code === "B") cells[i] = stored;
    else if (code === "I") view.setInt16(2 * i, stored);
    else view.setInt32(4 * i, stored);
  }
  return blank;
}

function fillOthers(spec: ColumnSpec, code: ColumnCode, cells: Uint8Array): void {
  const view = new DataView(cells.buffer);
  const { data } = spec;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (code === "L") cells[i] = value === true || value === 1 ? 0x54 : logicalRest(value);
    else if (code === "K") view.setBigInt64(8 * i, toBigint(value));
    else if (code === "E" || code === "C") view.setFloat32(4 * i, Number(value));
    else view.setFloat64(8 * i, Number(value));
  }
}

function logicalRest(value: unknown): number {
  return Number.isNaN(value) ? 0 : 0x46;
}

function toBigint(value: number | bigint | boolean | string): bigint {
  return typeof value === "number" ? BigInt(Math.round(value)) : BigInt(value);
}

function unfit(path: string, { name }: ColumnSpec, state: string): DataError {
  return new DataError(`Cannot write column '${name}' of '${path}': ${state}`, {
    details: { file: path, column: name },
  });
}
