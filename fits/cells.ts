/**
 * Cells of binary tables: bytes to values.
 *
 * @module
 */

import type { Column } from "./tform.ts";

const latin1 = new TextDecoder("latin1");

/** Text of a cell: it ends at the first NUL, trailing blanks are dropped. */
export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return latin1.decode(end < 0 ? bytes : bytes.subarray(0, end)).trimEnd();
}

/**
 * Decodes the elements of one cell.
 *
 * @param view The table's bytes.
 * @param at Where the cell starts.
 * @param out Takes the values, as many as there are elements, two for a complex one; NaN where
 * the value is undefined.
 */
export function decodeValues(
  view: DataView,
  at: number,
  column: Column,
  out: Float64Array,
): void {
  const { scale, zero } = column;
  decodeStored(view, at, column, out);
  if (scale === 1 && zero === 0) return;
  if (column.code === "K" && scale === 1) return addToWide(view, at, column, out);
  for (let i = 0; i < out.length; i++) out[i] = out[i]! * scale + zero;
}

function decodeStored(view: DataView, at: number, column: Column, out: Float64Array): void {
  const blank = column.blank === undefined ? NaN : Number(column.blank);
  for (let i = 0; i < out.length; i++) {
    const value = readElement(view, at, column.code, i);
    out[i] = value === blank ? NaN : value;
  }
}

function readElement(view: DataView, at: number, code: Column["code"], i: number): number {
  switch (code) {
    case "D":
    case "M":
      return view.getFloat64(at + 8 * i);
    case "E":
    case "C":
      return view.getFloat32(at + 4 * i);
    case "J":
      return view.getInt32(at + 4 * i);
    case "I":
      return view.getInt16(at + 2 * i);
    case "B":
    case "A":
      return view.getUint8(at + i);
    case "K":
      return Number(view.getBigInt64(at + 8 * i));
    case "L":
      return logical(view.getUint8(at + i));
    case "X":
      return (view.getUint8(at + (i >> 3)) >> (7 - (i & 7))) & 1;
  }
}

function logical(byte: number): number {
  if (byte === 0x54 || byte === 0x74) return 1;
  return byte === 0x46 || byte === 0x66 ? 0 : NaN;
}

/** Unsigned 64-bit integers: the offset 2⁶³ is added before the rounding to a double. */
function addToWide(view: DataView, at: number, column: Column, out: Float64Array): void {
  const zero = Number.isInteger(column.zero) ? BigInt(column.zero) : undefined;
  for (let i = 0; i < out.length; i++) {
    if (Number.isNaN(out[i])) continue;
    out[i] = zero === undefined
      ? out[i]! + column.zero
      : Number(view.getBigInt64(at + 8 * i) + zero);
  }
}
