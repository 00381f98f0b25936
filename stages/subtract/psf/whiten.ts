/**
 * Kernels that make the noise of a difference white (DMTN-021, Reiss & Lupton 2016).
 *
 * @module
 */

import { Fourier, power, type Spectrum } from "./fourier.ts";
import type { NoiseCorrelation } from "../pair.ts";

/** Noise of an image at a place. */
export interface LocalNoise {
  /** Variance of a pixel, ADU². */
  readonly variance: number;
  readonly correlation: NoiseCorrelation;
}

/** Noise that resampling took away altogether is not brought back: a part of the mean power at least is assumed. */
const LEAST_POWER = 0.1;

/**
 * The power spectrum of the noise of an image.
 *
 * @param noise Variance and correlation of the pixels.
 * @param fourier The frequencies.
 * @returns `[size, size]`, ADU²; its mean is the variance of a pixel.
 */
export function noisePower(noise: LocalNoise, fourier: Fourier): Float64Array {
  const { re } = fourier.forward(smoothing(noise.correlation.values));
  return re.map((value) => noise.variance * Math.max(value, LEAST_POWER));
}

/**
 * Interpolation leaves the mean of many pixels as noisy as it was and single ones
 * less, so correlations sum to 1 at least. Where they do not, unresolved stars
 * were taken for noise: what is negative is made smaller.
 *
 * @param correlation By offset, 1 in the middle.
 * @returns The same where its sum is at least 1.
 */
export function smoothing(correlation: Float64Array): Float64Array {
  const middle = (correlation.length - 1) / 2;
  let positive = 0, negative = 0;
  correlation.forEach((value, i) => {
    if (i === middle) return;
    if (value > 0) positive += value;
    else negative -= value;
  });
  if (negative <= positive) return correlation;
  return correlation.map((value) => value < 0 ? (value * positive) / negative : value);
}

/**
 * The power spectrum of the noise of a difference.
 *
 * @param moved Noise of the image that was convolved.
 * @param still Noise of the other.
 * @param kernel The kernel, `[side, side]`.
 * @param fourier The frequencies.
 * @param before What the other image was convolved with itself, `[side, side]`; nothing if left out.
 * @returns `[size, size]`, ADU² of the image that was not convolved.
 */
export function differencePower(
  moved: LocalNoise,
  still: LocalNoise,
  kernel: Float64Array,
  fourier: Fourier,
  before?: Float64Array,
): Float64Array {
  const through = power(fourier.forward(kernel));
  const own = before && power(fourier.forward(before));
  const convolved = noisePower(moved, fourier);
  return noisePower(still, fourier).map((value, i) => {
    return value * (own?.[i] ?? 1) + convolved[i]! * through[i]!;
  });
}

/** Of the noise at the lowest frequency: what a frequency has not after two PSFs is not brought back. */
const LEAST_NOISE = 1e-2;

/** A kernel and what it does to noise. */
export interface WhiteningKernel {
  /** `[side, side]`, its sum 1, so that fluxes stay. */
  readonly kernel: Float64Array;
  /** Variance of a pixel after it over that before it. */
  readonly gain: number;
}

/**
 * The kernel that makes noise white and keeps fluxes: φ̂(k) = √(P(0) / P(k)).
 *
 * @param noise Power spectrum of the noise, `[size, size]`.
 * @param fourier The frequencies.
 * @param halfPx Half-width of the kernel, px; what it needs up to 20 when left out.
 * @returns The kernel, and how it changes the variance.
 */
export function whiteningKernel(
  noise: Float64Array,
  fourier: Fourier,
  halfPx?: number,
): WhiteningKernel {
  const transfer = noise.map((value) => {
    return Math.sqrt(noise[0]! / Math.max(value, LEAST_NOISE * noise[0]!));
  });
  const spectrum = { re: transfer, im: new Float64Array(transfer.length) };
  const kernel = halfPx === undefined
    ? compactKernel(spectrum, fourier)
    : fourier.inverse(spectrum, halfPx);
  const sum = kernel.reduce((a, b) => a + b, 0);
  const unit = kernel.map((value) => value / sum);
  return { kernel: unit, gain: noiseGain(unit, noise, fourier) };
}

/**
 * Variance of noise after a kernel over that before it.
 *
 * @param kernel `[side, side]`.
 * @param noise Power spectrum of the noise, `[size, size]`.
 * @param fourier The frequencies.
 * @returns The factor.
 */
export function noiseGain(kernel: Float64Array, noise: Float64Array, fourier: Fourier): number {
  const through = power(fourier.forward(kernel));
  let before = 0, after = 0;
  noise.forEach((value, i) => {
    before += value;
    after += value * through[i]!;
  });
  return after / before;
}

/** Part of the squares of a kernel that may be cut off. */
const CUT_OFF = 1e-6;
/** Largest half-width of a kernel, px. */
const MOST_HALF_PX = 20;

/**
 * The kernel of a transfer function, no wider than it needs to be.
 *
 * @param spectrum The transfer function.
 * @param fourier The frequencies.
 * @param mostHalfPx Largest half-width, px.
 * @returns `[side, side]`; up to a millionth of its squares is cut off, more where it is wider than allowed.
 */
export function compactKernel(
  spectrum: Spectrum,
  fourier: Fourier,
  mostHalfPx = MOST_HALF_PX,
): Float64Array {
  const whole = fourier.inverse(spectrum, fourier.size / 2 - 1);
  return fourier.inverse(spectrum, Math.min(mostHalfPx, halfWidth(whole)));
}

/**
 * The smallest half-width that holds nearly all of a kernel's squares.
 *
 * @param kernel `[side, side]`.
 * @param cutOff Part of them that may lie beyond; a millionth if left out.
 * @returns Half-width, px, at least 2.
 */
export function halfWidth(kernel: Float64Array, cutOff = CUT_OFF): number {
  const side = Math.round(Math.sqrt(kernel.length)), half = (side - 1) / 2;
  const rings = new Float64Array(half + 1);
  kernel.forEach((value, i) => {
    const dx = Math.abs((i % side) - half), dy = Math.abs(Math.floor(i / side) - half);
    rings[Math.max(dx, dy)]! += value * value;
  });
  let left = rings.reduce((a, b) => a + b, 0);
  const most = cutOff * left;
  for (let reach = 0; reach < half; reach++) {
    left -= rings[reach]!;
    if (left <= most) return Math.max(2, reach);
  }
  return Math.max(2, half);
}
