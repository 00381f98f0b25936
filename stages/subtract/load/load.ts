/**
 * Images with their masks, held whole where every thread reaches them.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { type ImageReader, openImage } from "../../../fits/image.ts";
import type { Compute } from "../../../gpu/compute.ts";
import { storedBytes } from "../../../gpu/kernels/decode/decode.ts";
import {
  type GapPlanes,
  markGaps,
  type StoredRows,
} from "../../../gpu/kernels/mark_gaps/mark_gaps.ts";
import { bit, bitTable } from "../../../sky/mask.ts";
import { SharedArrays } from "../shared_arrays.ts";

/** An image with its mask, in memory that every thread reaches. */
export interface HeldImage {
  readonly width: number;
  readonly height: number;
  /** ADU, NaN where there is no data. */
  readonly data: Float32Array<ArrayBufferLike>;
  /** Bit planes; NO_DATA exactly where `data` is NaN. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  readonly header: FitsHeader;
  /** Level at which a pixel is saturated, ADU; Infinity when unknown. */
  readonly saturationAdu: number;
  /** Fraction of the pixels that have data. */
  readonly coverage: number;
}

/** What the file itself may not say; asked for where it does not. */
export interface ImageFacts {
  readonly gainEAdu: () => number | undefined;
  readonly saturationAdu: () => number | undefined;
}

/** Where images are held, and what stops it. */
export interface LoadContext {
  readonly compute: Compute;
  /** Lends the memory of what is loaded. */
  readonly arrays: SharedArrays;
  readonly signal: AbortSignal;
}

/** Bytes that are read at once. */
const STRIP_BYTES = 4 << 20;
/** A stack has left the streak out where both are set. */
const CLIPPED_STREAK = { all: bit("STREAK", "CLIPPED"), drop: bit("STREAK") };

/** Planes that are set while an image is loaded. */
export function gapPlanes(level: number): GapPlanes {
  const planes = { noData: bit("NO_DATA"), saturated: bit("SAT"), level };
  return { ...planes, conditional: CLIPPED_STREAK };
}

/**
 * Reads an image and its mask; without a mask, pixels at saturation and gaps
 * are marked.
 *
 * @param path FITS file.
 * @param maskPath Its mask, if there is one.
 * @param facts Saturation where the header has none.
 * @param context Where to.
 * @returns Image and mask.
 * @throws {DataError} If the image has no finite pixel or the mask another size.
 */
export async function holdImage(
  path: string,
  maskPath: string | undefined,
  facts: ImageFacts,
  context: LoadContext,
): Promise<HeldImage> {
  using image = await openImage(path);
  using mask = maskPath === undefined ? undefined : await openImage(maskPath);
  requireSize(mask, image);
  const { width, height, header } = image;
  const saturationAdu = header.number("SATURATE") ?? facts.saturationAdu() ?? Infinity;
  const held = {
    data: context.arrays.floats(width * height),
    mask: context.arrays.words(width * height),
  };
  const known = await readStrips({ image, mask }, held, saturationAdu, context);
  if (known === 0) {
    throw new DataError(`Cannot subtract "${path}": it has no pixel with data`, {
      details: { file: path },
    });
  }
  return { width, height, header, saturationAdu, ...held, coverage: known / (width * height) };
}

function requireSize(mask: ImageReader | undefined, image: ImageReader): void {
  if (mask === undefined) return;
  if (mask.width === image.width && mask.height === image.height) return;
  throw new DataError(
    `Cannot use mask "${mask.path}": it is ${mask.width} by ${mask.height} px, ` +
      `"${image.path}" is ${image.width} by ${image.height}`,
    { details: { file: mask.path, width: mask.width, height: mask.height } },
  );
}

interface Files {
  readonly image: ImageReader;
  readonly mask: ImageReader | undefined;
}

/** Reads strips by turns into two buffers, so that one is computed on while the next is read. */
async function readStrips(
  files: Files,
  into: Pick<HeldImage, "data" | "mask">,
  saturationAdu: number,
  { compute, signal }: LoadContext,
): Promise<number> {
  const { width, height, layout } = files.image;
  const rowBytes = width * storedBytes(layout);
  const rows = Math.max(1, Math.min(height, Math.floor(STRIP_BYTES / rowBytes)));
  using arrays = new SharedArrays(compute);
  const buffers = [0, 1].map(() => ({
    pixels: arrays.bytes(rows * rowBytes),
    mask: arrays.bytes(files.mask ? rows * width * 2 : 0),
  }));
  let known = 0;
  let work: Promise<number> = Promise.resolve(0);
  for (let first = 0, turn = 0; first < height; first += rows, turn = 1 - turn) {
    signal.throwIfAborted();
    const count = Math.min(rows, height - first);
    const stored = await readRows(files, first, count, buffers[turn]!);
    known += await work;
    const part = {
      values: into.data.subarray(first * width, (first + count) * width),
      mask: into.mask.subarray(first * width, (first + count) * width),
    };
    work = markGaps(compute, stored, gapPlanes(saturationAdu), part, signal);
    work.catch(() => undefined); // told below
  }
  return known + await work;
}

async function readRows(
  { image, mask }: Files,
  first: number,
  count: number,
  into: {
    readonly pixels: Uint8Array<ArrayBufferLike>;
    readonly mask: Uint8Array<ArrayBufferLike>;
  },
): Promise<StoredRows> {
  const { width, layout } = image;
  const pixels = into.pixels.subarray(0, count * width * storedBytes(layout));
  await image.readRowBytes(first, count, pixels);
  const rows = { width, rows: count, pixels, layout };
  if (mask === undefined) return rows;
  const planes = into.mask.subarray(0, count * width * 2);
  const table = bitTable(mask.header);
  const { bitpix, bzero, bscale } = mask.layout;
  if (table === undefined && bitpix === 16 && bzero === 32768 && bscale === 1) {
    await mask.readRowBytes(first, count, planes);
    return { ...rows, mask: planes, swapMask: true };
  }
  const words = new Uint16Array(planes.buffer, planes.byteOffset, count * width);
  await mask.readRowsUint16(first, count, words);
  if (table !== undefined) words.forEach((value, i) => words[i] = table[value]!);
  return { ...rows, mask: planes };
}

/**
 * Reads an image of weights.
 *
 * @param path FITS file.
 * @param size What its size must be.
 * @param context Where to.
 * @returns `[height, width]`; undefined when it is of another size.
 */
export async function holdWeight(
  path: string,
  size: { readonly width: number; readonly height: number },
  context: LoadContext,
): Promise<Float32Array<ArrayBufferLike> | undefined> {
  using image = await openImage(path);
  if (image.width !== size.width || image.height !== size.height) return undefined;
  const pixels = size.width * size.height;
  const weight = context.arrays.floats(pixels);
  using scratch = new SharedArrays(context.compute);
  // their gaps are of no interest: a weight of NaN is none
  const held = { data: weight, mask: scratch.words(pixels) };
  await readStrips({ image, mask: undefined }, held, Infinity, context);
  return weight;
}
