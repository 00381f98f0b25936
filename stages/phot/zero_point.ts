/**
 * The zero point of an image in one aperture: a clipped median over reference stars.
 *
 * @module
 */

import { mad, MAD_TO_SIGMA, median } from "../../sky/stats.ts";

/** A zero point and how well it is known. */
export interface ZeroPoint {
  /** Magnitude of a source of 1 ADU in the image, mag. */
  readonly mag: number;
  /** Scatter over √stars, mag. */
  readonly errorMag: number;
  /** 1.4826 × median absolute deviation of the stars kept, mag. */
  readonly scatterMag: number;
  /** Stars kept. */
  readonly stars: number;
  /** One entry a star given: whether it was kept. */
  readonly kept: readonly boolean[];
}

/** How the clipping is done. */
export interface ClipOptions {
  /** Stars farther than this from the median are left out, in units of the scatter. */
  readonly sigma?: number;
  readonly iterations?: number;
}

/** Stars this close to the median are never clipped, mag. */
const SMALLEST_SCATTER_MAG = 1e-4;

/**
 * Finds the zero point from single stars' differences of magnitude.
 *
 * The median of the stars within `sigma` robust deviations of it, repeated until
 * no more are left out. The error is the robust scatter over √N; for Gaussian scatter
 * the standard error of a median is 1.25 times that.
 *
 * @param differencesMag Reference minus instrumental magnitude of each star; NaN = left out.
 * @param options Clipping.
 * @returns The zero point, or undefined if no star is given.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { clippedZeroPoint } from "./zero_point.ts";
 * const found = clippedZeroPoint([25.01, 24.99, 25, 25.02, 24.98, 27]);
 * assert.equal(found?.mag, 25);
 * assert.deepEqual(found?.kept, [true, true, true, true, true, false]);
 * ```
 */
export function clippedZeroPoint(
  differencesMag: ArrayLike<number>,
  options: ClipOptions = {},
): ZeroPoint | undefined {
  const { sigma = 3, iterations = 20 } = options;
  const all = Array.from(differencesMag);
  let kept = all.map(Number.isFinite);
  for (let i = 0; i < iterations; i++) {
    const { mag, scatterMag } = summarize(all, kept);
    const limit = sigma * Math.max(scatterMag, SMALLEST_SCATTER_MAG);
    const next = all.map((value, j) => kept[j] === true && Math.abs(value - mag) <= limit);
    if (next.every((keep, j) => keep === kept[j])) break;
    kept = next;
  }
  const { mag, scatterMag, stars } = summarize(all, kept);
  if (stars === 0) return undefined;
  return { mag, scatterMag, stars, kept, errorMag: scatterMag / Math.sqrt(stars) };
}

function summarize(
  values: readonly number[],
  kept: readonly boolean[],
): { mag: number; scatterMag: number; stars: number } {
  const used = values.filter((_, i) => kept[i]);
  const mag = median(used);
  const scatterMag = MAD_TO_SIGMA * mad(used, mag);
  return { mag, scatterMag, stars: used.length };
}
