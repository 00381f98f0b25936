/**
 * The noise of an image and of what a kernel makes of it.
 *
 * @module
 */

import { kernelAt, type KernelField } from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import type { NoiseCorrelation } from "./pair.ts";

/** What the noise of an image is made of. */
export interface NoiseParts {
  readonly width: number;
  readonly height: number;
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Level of the sky at a pixel, ADU. */
  readonly sky: (x: number, y: number) => number;
  /** Noise of the sky at a pixel, ADU. */
  readonly skySigma: (x: number, y: number) => number;
}

/** Side of the squares over which level and noise of the sky are held constant, px. */
const BLOCK_PX = 8;
/** The correlation is measured in a square of at most this side, px. */
const WINDOW_PX = 1024;

/**
 * Variance of an image: the noise of the sky as measured, and the photons of
 * what stands above it. The signal is smoothed over 3 × 3 pixels and counts from
 * one σ on, so that the noise of the sky does not enter its own variance.
 *
 * @param data `[height, width]`, ADU, NaN where there is no data.
 * @param parts Gain and sky.
 * @returns `[height, width]`, ADU²; 0 where there is no data.
 */
export function varianceOf(data: Float32Array, parts: NoiseParts): Float32Array {
  const { width, height } = parts;
  const variance = new Float32Array(data.length);
  for (let top = 0; top < height; top += BLOCK_PX) {
    for (let left = 0; left < width; left += BLOCK_PX) {
      const bottom = Math.min(height, top + BLOCK_PX), right = Math.min(width, left + BLOCK_PX);
      const x = (left + right - 1) / 2, y = (top + bottom - 1) / 2;
      const level = parts.sky(x, y), sigma = parts.skySigma(x, y);
      for (let row = top; row < bottom; row++) {
        for (let i = row * width + left, end = row * width + right; i < end; i++) {
          const value = data[i]!;
          if (Number.isNaN(value)) continue;
          const signal = value - level > sigma ? smoothed(data, i, width, height) - level : 0;
          variance[i] = sigma * sigma + (signal > sigma ? signal / parts.gainEAdu : 0);
        }
      }
    }
  }
  return variance;
}

function smoothed(data: Float32Array, i: number, width: number, height: number): number {
  const x = i % width, y = (i - x) / width;
  let sum = 0, count = 0;
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
      const value = data[row * width + column]!;
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
  }
  return sum / count;
}

/**
 * Measures how the noise of neighbouring pixels is correlated, as resampling
 * makes it: pixels within 3 σ of the sky, in pairs by their offset.
 *
 * @param data `[height, width]`, ADU.
 * @param quiet 1 at pixels of bare sky, `[height, width]`.
 * @param parts Size, level and noise of the sky.
 * @param reachPx Largest offset, px.
 * @returns The correlation; 1 at the centre alone when there is too little sky.
 */
export function noiseCorrelation(
  data: Float32Array,
  quiet: Uint8Array,
  parts: Omit<NoiseParts, "gainEAdu">,
  reachPx = 2,
): NoiseCorrelation {
  const side = 2 * reachPx + 1;
  const sums = new Float64Array(side * side), counts = new Float64Array(side * side);
  const window = pullsOfWindow(data, quiet, parts);
  const { width, height, pulls } = window;
  for (let y = reachPx; y < height - reachPx; y++) {
    for (let x = reachPx; x < width - reachPx; x++) {
      const at = y * width + x;
      const here = pulls[at]!;
      if (Number.isNaN(here)) continue;
      for (let k = 0; k < side * side; k++) {
        const there = pulls[at + (Math.floor(k / side) - reachPx) * width + (k % side) - reachPx]!;
        if (Number.isNaN(there)) continue;
        sums[k]! += here * there;
        counts[k]!++;
      }
    }
  }
  return { reachPx, values: normalise(sums, counts) };
}

/** The noise of the middle of the image in units of σ; NaN where it is no bare sky. */
function pullsOfWindow(
  data: Float32Array,
  quiet: Uint8Array,
  parts: Omit<NoiseParts, "gainEAdu">,
): { readonly width: number; readonly height: number; readonly pulls: Float32Array } {
  const width = Math.min(parts.width, WINDOW_PX), height = Math.min(parts.height, WINDOW_PX);
  const x0 = Math.floor((parts.width - width) / 2), y0 = Math.floor((parts.height - height) / 2);
  const pulls = new Float32Array(width * height).fill(NaN);
  for (let y = 0; y < height; y++) {
    let level = 0, sigma = 1;
    for (let x = 0; x < width; x++) {
      if (x % BLOCK_PX === 0) {
        level = parts.sky(x0 + x, y0 + y);
        sigma = parts.skySigma(x0 + x, y0 + y);
      }
      const i = (y0 + y) * parts.width + x0 + x;
      const pull = quiet[i] ? (data[i]! - level) / sigma : NaN;
      if (Math.abs(pull) < 3) pulls[y * width + x] = pull;
    }
  }
  return { width, height, pulls };
}

function normalise(sums: Float64Array, counts: Float64Array): Float64Array {
  const middle = (sums.length - 1) / 2;
  const power = sums[middle]! / counts[middle]!;
  if (counts[middle]! < 1000 || !(power > 0)) {
    return sums.map((_, k) => (k === middle ? 1 : 0));
  }
  // Both offsets of a pair tell the same; 0.5 % is what the largest samples resolve.
  return sums.map((sum, k) => {
    const mirrored = sums.length - 1 - k;
    const value = (sum + sums[mirrored]!) / (counts[k]! + counts[mirrored]!) / power;
    return Math.abs(value) < 0.005 ? 0 : value;
  });
}

/**
 * How much more variance correlated noise has after a kernel than white noise
 * of the same variance: Σ A(d) ρ(d) / A(0), A the autocorrelation of the kernel.
 *
 * @param field The kernel; judged at the middle of the image.
 * @param correlation Of the noise before the kernel.
 * @returns The factor; 1 for white noise.
 */
export function correlatedGain(field: KernelField, correlation: NoiseCorrelation): number {
  const kernel = kernelAt(field, (field.width - 1) / 2, (field.height - 1) / 2);
  const size = 2 * field.halfPx + 1;
  const { reachPx, values } = correlation;
  const side = 2 * reachPx + 1;
  let gain = 0;
  for (let k = 0; k < side * side; k++) {
    if (values[k] === 0) continue;
    const dx = (k % side) - reachPx, dy = Math.floor(k / side) - reachPx;
    gain += values[k]! * autocorrelation(kernel, size, dx, dy);
  }
  const factor = gain / autocorrelation(kernel, size, 0, 0);
  return factor > 0 ? factor : 1;
}

function autocorrelation(kernel: Float64Array, size: number, dx: number, dy: number): number {
  let sum = 0;
  for (let y = Math.max(0, -dy); y < Math.min(size, size - dy); y++) {
    for (let x = Math.max(0, -dx); x < Math.min(size, size - dx); x++) {
      sum += kernel[y * size + x]! * kernel[(y + dy) * size + x + dx]!;
    }
  }
  return sum;
}
