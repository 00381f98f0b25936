/**
 * Float32 pixels and masks to the bytes of a FITS file, with their checksum.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, type Kernel, type Pass, type Slot } from "../../job.ts";
import wgsl from "./encode.wgsl" with { type: "text" };
import wasm from "./encode.wasm.b64" with { type: "text" };

/** The kernel. */
export const ENCODE: Kernel = { name: "encode", wgsl, wasm };

/** Rows as a FITS file has them. */
export interface EncodedRows {
  /** `[rows, width, 4]`, filled. */
  readonly raw: Uint8Array<ArrayBufferLike>;
  /** `[rows, 2]` sums of the upper and of the lower halves of the words of a row; filled. */
  readonly sums: Uint32Array<ArrayBufferLike>;
}

/**
 * A pass that writes floats as big-endian bytes.
 *
 * @param slots Indices of the values and of the slots from {@linkcode encodedSlots}.
 */
export function encodePass(slots: readonly [values: number, raw: number, sums: number]): Pass {
  return { kernel: ENCODE, entry: "encodeFloats", slots, each: "row", sameRows: true };
}

/** The slots of encoded rows of at most 65 536 pixels. */
export function encodedSlots(width: number, { raw, sums }: EncodedRows): [Slot, Slot] {
  const bytes = bytesOf(sums);
  return [
    { role: "output", rowBytes: width * 4, bytes: raw },
    { role: "output", rowBytes: 8, bytes },
  ];
}

/** Rows to encode, and what stops it. */
export interface EncodeOptions {
  /** Pixels a row, at most 65 536. */
  readonly width: number;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes floats as big-endian bytes.
 *
 * @param compute Where.
 * @param values `[rows, width]`; NaN keeps its bits.
 * @param encoded Filled.
 * @param options Width.
 */
export async function encodeFloats(
  compute: Compute,
  values: Float32Array<ArrayBufferLike>,
  encoded: EncodedRows,
  options: EncodeOptions,
): Promise<void> {
  const { width, signal } = options;
  const bytes = bytesOf(values);
  await compute.run({
    label: "encode floats",
    width,
    rows: values.length / width,
    slots: [{ role: "input", rowBytes: width * 4, bytes }, ...encodedSlots(width, encoded)],
    passes: [encodePass([0, 1, 2])],
  }, signal);
}

/** Planes of a mask. */
export const MASK_PLANES = 16;

/** Rows of a mask as a FITS file has them (BITPIX 16, BZERO 32768), and what is in them. */
export interface EncodedMask {
  /** `[rows, width, 2]`, filled. */
  readonly raw: Uint8Array<ArrayBufferLike>;
  /** `[rows, 2]` sums of the first and of the second of each pair of pixels of a row; filled. */
  readonly sums: Uint32Array<ArrayBufferLike>;
  /** `[rows, 16]` pixels of a row that have each bit; filled. */
  readonly counts: Uint32Array<ArrayBufferLike>;
}

/**
 * A pass that writes a mask as big-endian bytes and counts its planes.
 *
 * @param slots Indices of the mask and of the slots from {@linkcode maskSlots}.
 */
export function encodeMaskPass(slots: readonly [mask: number, ...encoded: number[]]): Pass {
  return { kernel: ENCODE, entry: "encodeMask", slots, each: "row", sameRows: true };
}

/** The slots of an encoded mask of at most 65 536 pixels a row. */
export function maskSlots(width: number, { raw, sums, counts }: EncodedMask): [Slot, Slot, Slot] {
  const output = (rowBytes: number, array: Uint8Array | Uint32Array): Slot => {
    const bytes = bytesOf(array);
    return { role: "output", rowBytes, bytes };
  };
  return [output(width * 2, raw), output(8, sums), output(4 * MASK_PLANES, counts)];
}

/**
 * Writes a mask as big-endian bytes and counts its planes.
 *
 * @param compute Where.
 * @param mask `[rows, width]`.
 * @param encoded Filled.
 * @param options Width.
 */
export async function encodeMask(
  compute: Compute,
  mask: Uint16Array<ArrayBufferLike>,
  encoded: EncodedMask,
  options: EncodeOptions,
): Promise<void> {
  const { width, signal } = options;
  const bytes = bytesOf(mask);
  await compute.run({
    label: "encode a mask",
    width,
    rows: mask.length / width,
    slots: [{ role: "input", rowBytes: width * 2, bytes }, ...maskSlots(width, encoded)],
    passes: [encodeMaskPass([0, 1, 2, 3])],
  }, signal);
}

/**
 * Sum of all words of a mask, as {@linkcode foldSums}.
 *
 * @param sums `[rows, 2]` from {@linkcode EncodedMask}.
 * @param width Pixels a row; of an odd width every other row begins within a word.
 * @returns The sum; undefined where the last word is not whole.
 */
export function foldMaskSums(sums: Uint32Array, width: number): number | undefined {
  if (width % 2 === 0) return foldSums(sums);
  const rows = sums.length / 2;
  if (rows % 2 === 1) return undefined;
  const inOrder = sums.slice();
  for (let i = 2; i < sums.length; i += 4) inOrder.set([sums[i + 1]!, sums[i]!], i);
  return foldSums(inOrder);
}

/**
 * Sum of all words in ones' complement, as DATASUM asks (FITS 4.0, appendix J).
 *
 * @param sums `[rows, 2]` from {@linkcode EncodedRows}.
 * @returns 0 to 2³² − 1.
 */
export function foldSums(sums: Uint32Array): number {
  let upper = 0;
  let lower = 0;
  for (let i = 0; i < sums.length; i += 2) {
    upper += sums[i]!;
    lower += sums[i + 1]!;
  }
  // 2³² counts as 1
  upper += Math.floor(lower / 65536);
  lower = (lower % 65536) + Math.floor(upper / 65536);
  upper = (upper % 65536) + Math.floor(lower / 65536);
  lower %= 65536;
  while (upper >= 65536) {
    lower += Math.floor(upper / 65536);
    upper %= 65536;
  }
  return (upper * 65536 + lower) % 4294967295;
}
