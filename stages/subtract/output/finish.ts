/**
 * From what an engine gives to the difference that is kept: joined masks, an
 * even background, inverse variance.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import {
  joinMasks,
  weighDifference,
  zeroGaps,
} from "../../../gpu/kernels/finish_difference/finish_difference.ts";
import { laySurface } from "../../../gpu/kernels/spline_surface/spline_surface.ts";
import { meshSurface } from "../../../sky/background.ts";
import { bit, UNUSABLE } from "../../../sky/mask.ts";
import { growSaturated } from "./grow_saturated.ts";
import { removeHalos } from "./halos.ts";
import type { CompanionRows } from "./companion_files.ts";
import type { AlignedPair, DifferenceStrip, EngineResult } from "../pair.ts";
import { residualSky } from "./residual_sky.ts";
import { SharedArrays } from "../shared_arrays.ts";
import { together } from "../../../config/together.ts";

/** A difference ready to be judged and written; images `[height, width]`. To be disposed of. */
export interface FinishedDifference extends Disposable {
  readonly result: EngineResult;
  /** ADU of the science frame; 0 where there is no data. */
  readonly difference: Float32Array<ArrayBufferLike>;
  /** Planes of both images, those of the convolved one grown. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  /** Inverse variance, ADU⁻²; 0 where a pixel may not be used. */
  readonly weight: Float32Array<ArrayBufferLike>;
  /** Fraction of pixels that may not be used. */
  readonly maskedFraction: number;
}

/** Where halos begin, in half-widths of the kernel. */
const HALO_FROM = 0.8;

/** How a difference is finished. */
export interface FinishOptions {
  /** 1 at pixels of bare sky, `[height, width]`. */
  readonly quiet: Uint8Array<ArrayBufferLike>;
  /** Side of the squares of the remaining background, px; 0 leaves it. */
  readonly skyMeshPx: number;
  readonly compute: Compute;
  readonly signal?: AbortSignal | undefined;
  /** Told of rows that will not change any more, from the first to the last; waited for. */
  readonly onRows?: ((rows: CompanionRows) => Promise<void>) | undefined;
  /** Told how many rows the engine has given. */
  readonly progress?: ((rows: number) => void) | undefined;
}

/** Planes of an input that its neighbours inherit through the kernel. */
export const CARRIED = bit(
  ...["BAD", "SAT", "CR", "INTRP", "SUSPECT", "NO_DATA", "EDGE", "STREAK", "CROSSTALK"] as const,
);
const NO_DATA = bit("NO_DATA");

/**
 * Collects the strips of a difference, joins the masks, takes the remaining
 * large-scale background off, and turns variance into inverse variance.
 *
 * @param pair The pair.
 * @param result What the engine made of it.
 * @param options Sky, where it is computed.
 * @returns The difference as it is written.
 */
export async function finishDifference(
  pair: AlignedPair,
  result: EngineResult,
  options: FinishOptions,
): Promise<FinishedDifference> {
  const { compute } = options;
  const pixels = pair.width * pair.height;
  const arrays = new SharedArrays(compute);
  try {
    const whole = {
      difference: arrays.floats(pixels),
      mask: arrays.words(pixels),
      weight: arrays.floats(pixels),
    };
    const { onRows, ...silent } = options;
    const haloFrom = pair.bright?.length ? HALO_FROM * (result.kernelHalfPx ?? 0) : 0;
    const masked = await weighStrips(pair, result, whole, haloFrom > 0 ? silent : options);
    if (options.skyMeshPx > 0) await flatten(pair, whole, options);
    if (haloFrom > 0) {
      removeHalos({ ...pair, ...whole }, pair.bright!, haloFrom);
      if (onRows) await tellRows(whole, pair, onRows);
    }
    return {
      ...{ result, ...whole, maskedFraction: masked / pixels },
      [Symbol.dispose]: () => arrays[Symbol.dispose](),
    };
  } catch (error) {
    arrays[Symbol.dispose]();
    throw error;
  }
}

type Whole = Pick<FinishedDifference, "difference" | "mask" | "weight">;

/** Tells of all rows once the whole difference is done. */
async function tellRows(
  { mask, weight }: Whole,
  { width, height }: AlignedPair,
  onRows: NonNullable<FinishOptions["onRows"]>,
): Promise<void> {
  for (let firstRow = 0; firstRow < height; firstRow += STRIP_ROWS) {
    const from = firstRow * width, to = Math.min(height, firstRow + STRIP_ROWS) * width;
    await onRows({ mask: mask.subarray(from, to), weight: weight.subarray(from, to) });
  }
}

/** Takes the engine's strips; gives how many pixels may not be used. */
async function weighStrips(
  pair: AlignedPair,
  result: EngineResult,
  whole: Whole,
  options: FinishOptions,
): Promise<number> {
  // rows are written while the next ones are made
  let writing: Promise<void> | undefined;
  let masked = 0;
  try {
    for await (const strip of result.strips()) {
      const { into, unusable } = await weighStrip(pair, result, strip, whole, options);
      masked += unusable;
      options.progress?.(strip.firstRow + strip.rows);
      await writing;
      writing = options.onRows?.(into);
      writing?.catch(() => undefined); // told where it is waited for
    }
    await writing;
  } finally {
    await writing?.catch(() => undefined); // it reads memory that may be freed now
  }
  return masked;
}

async function weighStrip(
  pair: AlignedPair,
  result: EngineResult,
  { firstRow, rows, difference, variance }: DifferenceStrip,
  whole: Whole,
  { compute, signal }: FinishOptions,
): Promise<{ readonly into: Whole; readonly unusable: number }> {
  const { width } = pair;
  using arrays = new SharedArrays(compute);
  const joined = arrays.words(rows * width);
  await joinStrip(pair, result, firstRow, joined, { compute, arrays, signal });
  const part = <Pixels extends Float32Array | Uint16Array>(array: Pixels) =>
    array.subarray(firstRow * width, (firstRow + rows) * width) as Pixels;
  const into = {
    difference: part(whole.difference),
    mask: part(whole.mask),
    weight: part(whole.weight),
  };
  const strip = { width, joined, difference, variance };
  const planes = { noData: NO_DATA, unusable: UNUSABLE, signal };
  return { into, unusable: await weighDifference(compute, strip, into, planes) };
}

/** Joins rows of the masks: of both images, and of the engine where it has one. */
async function joinStrip(
  pair: AlignedPair,
  result: EngineResult,
  firstRow: number,
  joined: Uint16Array<ArrayBufferLike>,
  { compute, arrays, signal }: Pick<FinishOptions, "compute" | "signal"> & {
    readonly arrays: SharedArrays;
  },
): Promise<void> {
  const { width, height } = pair;
  const { convolvedSide, growPx: reachPx, mask: own } = result;
  const [science, reference] = [pair.science.mask, pair.reference.mask];
  const grow = { reachPx, carried: CARRIED, edge: bit("EDGE"), signal };
  const first = convolvedSide === "science" || convolvedSide === "both"
    ? { width, height, moved: science, still: reference }
    : { width, height, moved: reference, still: science };
  await joinMasks(compute, first, firstRow, joined, grow);
  const add = (planes: Uint16Array) => planes.forEach((value, i) => joined[i]! |= value);
  if (convolvedSide === "both") {
    const other = arrays.words(joined.length);
    const second = { width, height, moved: reference, still: science };
    await joinMasks(compute, second, firstRow, other, grow);
    add(other);
  }
  if (result.kernelHalfPx !== undefined) {
    const rows = { firstRow, rows: joined.length / width, mask: joined };
    const moved = convolvedSide === "both" ? [science, reference] : [first.moved];
    for (const mask of moved) growSaturated(mask, pair, result.kernelHalfPx, rows);
  }
  if (own) add(own.subarray(firstRow * width, firstRow * width + joined.length));
}

/** Rows of the background that are taken off at once. */
const STRIP_ROWS = 512;

async function flatten(
  pair: AlignedPair,
  whole: Whole,
  options: FinishOptions,
): Promise<void> {
  const { width, height } = pair;
  const { compute, signal, quiet, skyMeshPx } = options;
  const pixels = { width, height, ...whole, quiet };
  const sky = await residualSky(compute, pixels, { cellPx: skyMeshPx, signal });
  if (sky === undefined) return;
  const surface = meshSurface(sky.levels, sky.columns, skyMeshPx);
  using arrays = new SharedArrays(compute);
  const flat = arrays.floats(Math.min(STRIP_ROWS, height) * width);
  const work: Promise<void>[] = []; // jobs run in the order of the calls
  for (let firstRow = 0; firstRow < height; firstRow += STRIP_ROWS) {
    const end = Math.min(height, firstRow + STRIP_ROWS) * width;
    const image = whole.difference.subarray(firstRow * width, end);
    const mask = whole.mask.subarray(firstRow * width, end);
    const into = flat.subarray(0, image.length);
    work.push(laySurface(compute, surface, { width, into, firstRow, image, signal }));
    work.push(zeroGaps(compute, { width, values: into, mask }, image, { noData: NO_DATA, signal }));
  }
  await together(work);
}
