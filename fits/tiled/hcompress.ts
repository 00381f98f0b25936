/**
 * The H-transform with coded bit planes (White, Postman and Lattanzi 1992), as HCOMPRESS_1 of
 * the FITS standard 4.0, section 10.4.4.
 *
 * @module
 */

import { H_CODE, QuadtreeBits } from "./quadtree.ts";

/** Bytes before the bit planes: mark, rows, width, scale, sum, planes of three kinds of quarters. */
const HEAD_BYTES = 25;

/**
 * Decodes a tile.
 *
 * @param bytes The code.
 * @param tile Its rows and width.
 * @param out Takes the integers, `[rows, width]`.
 * @returns False if the code is damaged or of another size.
 */
export function decodeHcompress(
  bytes: Uint8Array,
  tile: { readonly width: number; readonly rows: number },
  out: Int32Array,
): boolean {
  if (bytes.length < HEAD_BYTES) return false;
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [rows, width] = [head.getInt32(2), head.getInt32(6)];
  if (head.getUint16(0) !== H_CODE || rows !== tile.rows || width !== tile.width) return false;
  // sums of many 32-bit integers: doubles hold them exactly
  const values = new Float64Array(rows * width);
  const bits = new QuadtreeBits(bytes, HEAD_BYTES);
  const planes = bytes.subarray(HEAD_BYTES - 3, HEAD_BYTES);
  if (!readQuarters(bits, planes, { rows, width }, values)) return false;
  values[0] = Number(head.getBigInt64(14));
  const scale = head.getInt32(10);
  if (scale > 1) { for (let i = 0; i < values.length; i++) values[i] = values[i]! * scale; }
  invert(values, rows, width);
  for (let i = 0; i < values.length; i++) out[i] = values[i]!;
  return true;
}

/** The bit planes of the four quarters, then the signs of what is not 0. */
function readQuarters(
  bits: QuadtreeBits,
  planes: Uint8Array,
  { rows, width }: { readonly rows: number; readonly width: number },
  values: Float64Array,
): boolean {
  const upper = (rows + 1) >> 1, left = (width + 1) >> 1;
  const lower = rows >> 1, right = width >> 1;
  const quarters = [
    { at: 0, rows: upper, width: left, planes: planes[0]! },
    { at: left, rows: upper, width: right, planes: planes[1]! },
    { at: width * upper, rows: lower, width: left, planes: planes[1]! },
    { at: width * upper + left, rows: lower, width: right, planes: planes[2]! },
  ];
  for (const quarter of quarters) {
    if (!bits.addPlanes(quarter, width, values)) return false;
  }
  if (bits.take(4) !== 0) return false;
  bits.skipToByte();
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0 && bits.take(1) === 1) values[i] = -values[i]!;
  }
  return bits.good;
}

/** Undoes the transform in place, from the sum of all to the single pixels. */
function invert(values: Float64Array, rows: number, width: number): void {
  const levels = Math.ceil(Math.log2(Math.max(rows, width)));
  if (levels === 0) return;
  const row = new Float64Array(Math.max(rows, width));
  let unit = 2 ** (levels - 1);
  values[0] = rounded(values[0]!, 4 * unit);
  for (let level = levels - 1; level >= 0; level--, unit /= 2) {
    const tall = Math.ceil(rows / 2 ** level), wide = Math.ceil(width / 2 ** level);
    for (let y = 0; y < tall; y++) interleave(values, y * width, 1, wide, row);
    for (let x = 0; x < wide; x++) interleave(values, x, width, tall, row);
    expand(values, { tall, wide, width, unit });
  }
}

/** Puts the second half of a line between the elements of the first. */
function interleave(
  values: Float64Array,
  start: number,
  step: number,
  count: number,
  line: Float64Array,
): void {
  const half = (count + 1) >> 1;
  for (let i = 0; i < half; i++) line[2 * i] = values[start + i * step]!;
  for (let i = half; i < count; i++) line[2 * (i - half) + 1] = values[start + i * step]!;
  for (let i = 0; i < count; i++) values[start + i * step] = line[i]!;
}

interface Level {
  /** Rows of this level. */
  readonly tall: number;
  /** Columns of this level. */
  readonly wide: number;
  /** Of a whole row. */
  readonly width: number;
  /** What the finest differences of this level are multiples of. */
  readonly unit: number;
}

/** Turns sum and differences of each 2×2 pixels into the four; what lies off the edge is left out. */
function expand(values: Float64Array, { tall, wide, width, unit }: Level): void {
  const share = unit === 1 ? 0.25 : 0.5;
  for (let y = 0; y < tall; y += 2) {
    for (let x = 0; x < wide; x += 2) {
      const at = y * width + x;
      const below = y + 1 < tall, beside = x + 1 < wide;
      const hx = below ? rounded(values[at + width]!, 2 * unit) : 0;
      const hy = beside ? rounded(values[at + 1]!, 2 * unit) : 0;
      const hc = below && beside ? rounded(values[at + width + 1]!, unit) : 0;
      const low = isOdd(hc / unit) ? unit : 0;
      const fullX = below && beside ? nearer(hx, low) : hx;
      const fullY = below && beside ? nearer(hy, low) : hy;
      const odd = isOdd(halves(hc, unit) + halves(fullX, unit) + halves(fullY, unit))
        ? 2 * unit
        : 0;
      const sum = values[at]!;
      const h0 = sum >= 0 ? sum + low - odd : sum + (low === 0 ? odd : low - odd);
      values[at] = Math.floor((h0 - fullX - fullY + hc) * share);
      if (beside) values[at + 1] = Math.floor((h0 - fullX + fullY - hc) * share);
      if (below) values[at + width] = Math.floor((h0 + fullX - fullY - hc) * share);
      if (below && beside) values[at + width + 1] = Math.floor((h0 + fullX + fullY + hc) * share);
    }
  }
}

/** To a multiple, halves of either sign away from 0. */
function rounded(value: number, unit: number): number {
  if (unit === 1) return value;
  return Math.floor((value + (value >= 0 ? unit / 2 : unit / 2 - 1)) / unit) * unit;
}

/** Takes what was rounded up off the magnitude. */
function nearer(value: number, low: number): number {
  return value >= 0 ? value - low : value + low;
}

function halves(value: number, unit: number): number {
  return Math.floor(value / (2 * unit));
}

function isOdd(value: number): boolean {
  return value % 2 !== 0;
}
