/**
 * Model profiles of stars, and kernels sampled from them.
 *
 * @module
 */

/** Full width at half maximum of a Gaussian over its standard deviation. */
export const FWHM_PER_SIGMA: number = 2 * Math.sqrt(2 * Math.LN2);

/** A round profile whose total flux is 1. */
export interface Profile {
  /** Brightness at a distance from the centre, a px². */
  at(radiusPx: number): number;
  /** Share of the flux within a circle. */
  enclosed(radiusPx: number): number;
}

/**
 * A Moffat profile.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const profile = moffat(4, 3);
 * assert.ok(Math.abs(profile.at(2) / profile.at(0) - 0.5) < 1e-12);
 * ```
 *
 * @param fwhmPx Full width at half maximum.
 * @param beta Falls off as the distance to -2 beta; above 1, 2.5 to 4 for seeing.
 * @returns The profile, total flux 1.
 */
export function moffat(fwhmPx: number, beta: number): Profile {
  const alpha = fwhmPx / 2 / Math.sqrt(2 ** (1 / beta) - 1);
  const peak = (beta - 1) / (Math.PI * alpha * alpha);
  return {
    at: (radiusPx) => peak * (1 + (radiusPx / alpha) ** 2) ** -beta,
    enclosed: (radiusPx) => 1 - (1 + (radiusPx / alpha) ** 2) ** (1 - beta),
  };
}

/**
 * A Gaussian profile.
 *
 * @param fwhmPx Full width at half maximum.
 * @returns The profile, total flux 1.
 */
export function gaussian(fwhmPx: number): Profile {
  const sigma = fwhmPx / FWHM_PER_SIGMA;
  const peak = 1 / (2 * Math.PI * sigma * sigma);
  return {
    at: (radiusPx) => peak * Math.exp(-0.5 * (radiusPx / sigma) ** 2),
    enclosed: (radiusPx) => 1 - Math.exp(-0.5 * (radiusPx / sigma) ** 2),
  };
}

/** How {@linkcode sampleKernel} samples. */
export interface KernelOptions {
  /** Side in px, odd. */
  readonly size: number;
  /** Where the profile sits relative to the middle pixel; 0. */
  readonly offsetX?: number;
  /** As `offsetX`. */
  readonly offsetY?: number;
  /** Each pixel is the mean of this many points a side; 5. */
  readonly oversampling?: number;
  /** Scale so that the kernel sums to 1; true. Otherwise the share beyond the square is missing. */
  readonly normalize?: boolean;
}

/**
 * Samples a profile as pixels see it.
 *
 * @param profile What to sample.
 * @param options Size, place, sampling.
 * @returns `[size, size]` row-major.
 */
export function sampleKernel(profile: Profile, options: KernelOptions): Float64Array {
  const { size, offsetX = 0, offsetY = 0, oversampling = 5, normalize = true } = options;
  const kernel = new Float64Array(size * size);
  const middle = (size - 1) / 2;
  const steps = Array.from({ length: oversampling }, (_, i) => (i + 0.5) / oversampling - 0.5);
  let total = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let sum = 0;
      for (const dy of steps) {
        for (const dx of steps) {
          sum += profile.at(Math.hypot(x + dx - middle - offsetX, y + dy - middle - offsetY));
        }
      }
      kernel[y * size + x] = sum / oversampling ** 2;
      total += kernel[y * size + x]!;
    }
  }
  if (normalize) { for (let i = 0; i < kernel.length; i++) kernel[i]! /= total; }
  return kernel;
}

/**
 * The width by which the sharper of two images must be blurred to match the other, for Gaussians.
 *
 * @param sharpFwhmPx Width of the sharper image.
 * @param blurredFwhmPx Width of the other.
 * @returns Full width at half maximum; 0 when the first is not sharper.
 */
export function matchingFwhmPx(sharpFwhmPx: number, blurredFwhmPx: number): number {
  return Math.sqrt(Math.max(0, blurredFwhmPx ** 2 - sharpFwhmPx ** 2));
}
