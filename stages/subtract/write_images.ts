/**
 * Writes images that are held whole: encoded and checksummed by all threads, strip by strip, while
 * the strip before is written.
 *
 * @module
 */

import type { FitsHeader } from "../../fits/header.ts";
import { createImage, type ImageSpec, type ImageWriter } from "../../fits/image.ts";
import type { Compute } from "../../gpu/compute.ts";
import {
  encodeFloats,
  encodeMask,
  foldMaskSums,
  foldSums,
  MASK_PLANES,
} from "../../gpu/kernels/encode/encode.ts";
import { setPlaneCards } from "../../sky/mask.ts";
import { SharedArrays } from "./shared_arrays.ts";

/** Where and what. */
export interface WriteImageOptions {
  readonly width: number;
  readonly height: number;
  readonly header: FitsHeader;
  readonly compute: Compute;
  readonly signal?: AbortSignal | undefined;
}

/** Rows of a strip; even, so that a mask's strips end with whole words. */
const STRIP_ROWS = 128;

/**
 * Writes an image as float32.
 *
 * @param path Where to; written beside and renamed.
 * @param data `[height, width]`.
 * @param options Size, header.
 */
export async function writeFloats(
  path: string,
  data: Float32Array<ArrayBufferLike>,
  options: WriteImageOptions,
): Promise<void> {
  const { width, compute, signal } = options;
  await writeStrips(path, { ...options, bitpix: -32 }, options, async (from, to, raw) => {
    const sums = new Uint32Array((to - from) * 2);
    const strip = data.subarray(from * width, to * width);
    await encodeFloats(compute, strip, { raw, sums }, { width, signal });
    return foldSums(sums);
  });
}

/**
 * Writes a mask with its `MP_<NAME>` cards.
 *
 * @param path Where to; written beside and renamed.
 * @param mask `[height, width]`.
 * @param options Size, header.
 */
export async function writeMaskPlanes(
  path: string,
  mask: Uint16Array<ArrayBufferLike>,
  options: WriteImageOptions,
): Promise<void> {
  const { width, compute, signal } = options;
  const header = setPlaneCards(options.header.clone());
  for (const card of ["BUNIT", "BLANK", "DATAMIN", "DATAMAX"]) header.delete(card);
  const spec = { ...options, header, bitpix: 16, bscale: 1, bzero: 32768 } as const;
  await writeStrips(path, spec, options, async (from, to, raw) => {
    const rows = to - from;
    const sums = new Uint32Array(rows * 2), counts = new Uint32Array(rows * MASK_PLANES);
    const strip = mask.subarray(from * width, to * width);
    await encodeMask(compute, strip, { raw, sums, counts }, { width, signal });
    return foldMaskSums(sums, width);
  });
}

/** Encodes rows `from` to `to` and gives the sum of their words if it is known. */
type Encode = (from: number, to: number, raw: Uint8Array) => Promise<number | undefined>;

async function writeStrips(
  path: string,
  spec: ImageSpec,
  { width, height, compute }: WriteImageOptions,
  encode: Encode,
): Promise<void> {
  const rowBytes = width * Math.abs(spec.bitpix ?? -32) / 8;
  using arrays = new SharedArrays(compute);
  const rooms = [0, 1].map(() => arrays.bytes(Math.min(STRIP_ROWS, height) * rowBytes));
  await using writer = await createImage(path, spec);
  const begin = (from: number) => {
    const to = Math.min(height, from + STRIP_ROWS);
    const raw = rooms[(from / STRIP_ROWS) % 2]!.subarray(0, (to - from) * rowBytes);
    const sum = encode(from, to, raw);
    sum.catch(() => undefined); // told where it is waited for
    return { raw, sum };
  };
  await writeInTurn(writer, height, begin);
  await writer.finish();
}

async function writeInTurn(
  writer: ImageWriter,
  height: number,
  begin: (from: number) => { readonly raw: Uint8Array; readonly sum: Promise<number | undefined> },
): Promise<void> {
  let next = begin(0);
  for (let from = 0; from < height; from += STRIP_ROWS) {
    const { raw, sum } = next;
    const known = await sum;
    if (from + STRIP_ROWS < height) next = begin(from + STRIP_ROWS);
    await writer.writeRowBytes(raw, known);
  }
}
