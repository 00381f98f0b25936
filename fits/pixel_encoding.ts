/**
 * Physical values into the bytes of a FITS image.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { type Bitpix, type PixelLayout, swap32, swap64 } from "./pixels.ts";

/** Arrays that can be written as pixels. */
export type PixelArray =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array;

/** Smallest and largest stored integer of the types up to 32 bits. */
const RANGE: Readonly<Record<8 | 16 | 32, readonly [number, number]>> = {
  8: [0, 255],
  16: [-32768, 32767],
  32: [-2147483648, 2147483647],
};

/** The stored integer that stands for NaN unless another one is asked for. */
export function defaultBlank(bitpix: Bitpix): number | bigint {
  if (bitpix === 8) return 255;
  return bitpix === 64 ? -(2n ** 63n) : RANGE[bitpix === 16 ? 16 : 32][0];
}

/**
 * Turns physical values into stored pixels.
 *
 * Integers are rounded, values out of range saturate, NaN becomes BLANK, and a
 * value that would be stored as BLANK by chance moves by one.
 *
 * @param raw Takes the bytes, at an offset divisible by 8, as many as the values need.
 * @throws {DataError} If an integer type meets NaN and has no BLANK, or counts that do not fit.
 */
export function encodePixels(data: PixelArray, layout: PixelLayout, raw: Uint8Array): void {
  const { bitpix, bscale, bzero } = layout;
  if (bitpix === -32 || bitpix === -64) {
    return encodeReal(data, layout, raw);
  }
  if (bitpix === 64) return encode64(data, layout, raw);
  if (data instanceof Uint16Array && bitpix === 16 && bzero === 32768 && bscale === 1) {
    return encodeUint16(data, new Uint16Array(raw.buffer, raw.byteOffset, data.length));
  }
  encodeInteger(data, layout, bitpix, raw);
}

function encodeReal(data: PixelArray, layout: PixelLayout, raw: Uint8Array): void {
  const { bitpix, bscale, bzero } = layout;
  const out = bitpix === -32
    ? new Float32Array(raw.buffer, raw.byteOffset, data.length)
    : new Float64Array(raw.buffer, raw.byteOffset, data.length);
  if (bscale === 1 && bzero === 0) out.set(data);
  else for (let i = 0; i < out.length; i++) out[i] = (data[i]! - bzero) / bscale;
  const words = new Uint32Array(out.buffer, out.byteOffset, out.byteLength / 4);
  if (bitpix === -32) swap32(words);
  else swap64(words);
}

function encodeUint16(data: Uint16Array, out: Uint16Array): void {
  for (let i = 0; i < out.length; i++) {
    const v = data[i]! ^ 0x8000;
    out[i] = (v << 8) | (v >>> 8);
  }
}

function encodeInteger(
  data: PixelArray,
  layout: PixelLayout,
  bitpix: 8 | 16 | 32,
  raw: Uint8Array,
): void {
  const { bscale, bzero } = layout;
  const blank = layout.blank === undefined ? NaN : Number(layout.blank);
  const [low, high] = RANGE[bitpix];
  const exact = !(data instanceof Float32Array || data instanceof Float64Array);
  const view = bitpix === 8
    ? raw
    : bitpix === 16
    ? new Uint16Array(raw.buffer, raw.byteOffset, data.length)
    : new Uint32Array(raw.buffer, raw.byteOffset, data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    let stored = Math.floor((value - bzero) / bscale + 0.5);
    if (stored !== stored) stored = requireBlank(blank);
    else if (stored < low || stored > high) {
      if (exact) throw outOfRange(value, layout);
      stored = stored < low ? low : high;
      if (stored === blank) stored += stored === low ? 1 : -1;
    } else if (stored === blank) stored += stored === high ? -1 : 1;
    view[i] = bitpix === 16 ? ((stored & 0xff) << 8) | ((stored >> 8) & 0xff) : stored;
  }
  if (bitpix === 32) swap32(new Uint32Array(raw.buffer, raw.byteOffset, data.length));
}

function encode64(data: PixelArray, layout: PixelLayout, raw: Uint8Array): void {
  const { bscale, bzero } = layout;
  const blank = layout.blank === undefined ? undefined : BigInt(layout.blank);
  const view = new DataView(raw.buffer, raw.byteOffset, data.length * 8);
  const zero = Number.isInteger(bzero) && bscale === 1 ? BigInt(bzero) : undefined;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value !== value) {
      if (blank === undefined) requireBlank(NaN);
      view.setBigInt64(8 * i, blank ?? 0n);
      continue;
    }
    const finite = Math.min(Math.max(value, -1.8e19), 1.8e19);
    const exact = zero === undefined
      ? BigInt(Math.floor((finite - bzero) / bscale + 0.5))
      : BigInt(Math.floor(finite + 0.5)) - zero;
    const stored = exact < -(2n ** 63n)
      ? -(2n ** 63n)
      : exact >= 2n ** 63n
      ? 2n ** 63n - 1n
      : exact;
    view.setBigInt64(8 * i, stored === blank ? (stored > 0n ? stored - 1n : stored + 1n) : stored);
  }
}

function requireBlank(blank: number): number {
  if (blank === blank) return blank;
  throw new DataError("Cannot write NaN as an integer pixel: no BLANK was given");
}

function outOfRange(value: number, { bitpix, bzero }: PixelLayout): DataError {
  return new DataError(
    `Cannot write ${value} as a pixel: it does not fit BITPIX ${bitpix} with BZERO ${bzero}`,
    { details: { value, bitpix, bzero } },
  );
}
