/**
 * The noise of an image and of what a kernel makes of it.
 *
 * @module
 */

import type { Compute } from "../../gpu/compute.ts";
import { meanAround } from "../../gpu/kernels/cut_stars/mean_around.ts";
import {
  kernelAt,
  type KernelField,
  polynomialValues,
  spatialKernels,
} from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import {
  type NoiseProducts,
  type SkyImage,
  sumNoiseProducts,
} from "../../gpu/kernels/noise_products/noise_products.ts";
import { UNUSABLE } from "../../sky/mask.ts";
import { correlate } from "./fit/basis.ts";
import type { Box, ImageSize, NoiseCorrelation, PairImage } from "./pair.ts";

/** Side of the squares over which level and noise of the sky are held constant, px. */
const BLOCK_PX = 8;
/** The same where the correlation of the noise is measured. */
const SKY_BLOCK_PX = 32;
/** The correlation is measured in a square of at most this side, px. */
const WINDOW_PX = 1024;

/**
 * Variance of a part of an image: the noise of the sky, and the photons of what
 * stands above it. The signal is smoothed over 3 × 3 pixels and counts from one σ
 * on, so that the noise of the sky does not enter its own variance.
 *
 * @param image The image with its sky and gain.
 * @param size Its size, px.
 * @param box The part, which lies within the image.
 * @param into Takes the result when given, `[box.height, box.width]`.
 * @returns `[box.height, box.width]`, ADU²; 0 where there is no data.
 */
export function varianceIn(
  image: Pick<PairImage, "data" | "skyAt" | "sigmaAt" | "gainEAdu" | "coverage">,
  size: ImageSize,
  box: Box,
  into?: Float32Array,
): Float32Array {
  const { data, gainEAdu, coverage } = image;
  const { width, height } = size;
  const out = into ?? new Float32Array(box.width * box.height);
  const right = box.left + box.width, bottom = box.top + box.height;
  for (let top = box.top; top < bottom;) {
    const below = Math.min(bottom, (Math.floor(top / BLOCK_PX) + 1) * BLOCK_PX);
    for (let left = box.left; left < right;) {
      const end = Math.min(right, (Math.floor(left / BLOCK_PX) + 1) * BLOCK_PX);
      const x = blockMiddle(left, width), y = blockMiddle(top, height);
      const level = image.skyAt(x, y), sigma = image.sigmaAt(x, y);
      for (let row = top; row < below; row++) {
        for (let column = left; column < end; column++) {
          const i = row * width + column;
          const value = data[i]!;
          const at = (row - box.top) * box.width + column - box.left;
          if (!Number.isFinite(value)) {
            out[at] = 0;
            continue;
          }
          const signal = value - level > sigma ? meanAround(data, i, width, height) - level : 0;
          const weight = coverage?.weight[i] ?? 0;
          const sky = weight > 0 ? coverage!.unit ** 2 / weight : sigma * sigma;
          out[at] = sky + (signal > sigma ? signal / gainEAdu : 0);
        }
      }
      left = end;
    }
    top = below;
  }
  return out;
}

/** The middle of the block that a pixel lies in. */
function blockMiddle(at: number, end: number): number {
  const first = Math.floor(at / BLOCK_PX) * BLOCK_PX;
  return (first + Math.min(end, first + BLOCK_PX) - 1) / 2;
}

/** What {@linkcode measureNoise} finds. */
export interface MeasuredNoise {
  readonly correlation: NoiseCorrelation;
  /** Share of the variance of bare sky that is unresolved stars, not noise. */
  readonly confusion: number;
}

/** Largest offset at which noise itself is correlated after resampling, px. */
const NOISE_REACH_PX = 2;
/** Of so many rows one is looked at for the noise, and for unresolved stars. */
const NOISE_ROW_STEP = 2;
const SOURCE_ROW_STEP = 8;
/** Offsets up to here tell of unresolved stars, px. */
const SOURCE_REACH_PX = 5;

/** Pulls beyond this are no noise. */
const MOST_PULL = 3;

/**
 * Measures how the noise of neighbouring pixels is correlated, as resampling
 * makes it, from pairs of pixels of bare sky by their offset.
 *
 * Unresolved stars correlate too, but over the width of the PSF, where noise no
 * longer does: what is seen at 3 to 5 px gives their share, which is taken off.
 *
 * @param compute Where.
 * @param image The image, and where it shows bare sky.
 * @param fwhmPx Width of the PSF.
 * @param signal Stops it.
 * @returns The correlation of the noise alone; that of white noise when there is too little sky.
 */
export async function measureNoise(
  compute: Compute,
  image: SkyImage,
  fwhmPx: number,
  signal?: AbortSignal,
): Promise<MeasuredNoise> {
  // what tells of sources is smooth and spread over many offsets: fewer rows will do
  const products = await sumNoiseProducts(compute, image, {
    ...{
      windowPx: WINDOW_PX,
      blockPx: SKY_BLOCK_PX,
      unusable: UNUSABLE,
      mostPull: MOST_PULL,
      signal,
    },
    ...{ reachPx: SOURCE_REACH_PX, nearPx: NOISE_REACH_PX },
    ...{ nearStep: NOISE_ROW_STEP, farStep: SOURCE_ROW_STEP },
  });
  const measured = covarianceOf(products);
  const side = 2 * NOISE_REACH_PX + 1;
  const white = Float64Array.from(
    { length: side * side },
    (_, k) => k === (side * side - 1) / 2 ? 1 : 0,
  );
  if (measured === undefined) {
    return { correlation: { reachPx: NOISE_REACH_PX, values: white }, confusion: 0 };
  }
  const sources = sourceCovariance(measured, fwhmPx);
  const total = measured(0, 0);
  const noise = total - sources(0, 0);
  // Where unresolved stars make most of the variance their model decides what is left: not to be trusted.
  if (noise < 0.5 * total) {
    return { correlation: { reachPx: NOISE_REACH_PX, values: white }, confusion: 0.5 };
  }
  const values = white.map((_, k) => {
    const dx = (k % side) - NOISE_REACH_PX, dy = Math.floor(k / side) - NOISE_REACH_PX;
    const value = (measured(dx, dy) - sources(dx, dy)) / noise;
    // Half a per cent is what the samples resolve.
    return Math.abs(value) < 0.005 ? 0 : value;
  });
  return { correlation: { reachPx: NOISE_REACH_PX, values }, confusion: 1 - noise / total };
}

type Covariance = (dx: number, dy: number) => number;

/** Undefined where there is too little sky. */
function covarianceOf({ sums, counts }: NoiseProducts): Covariance | undefined {
  const side = 2 * SOURCE_REACH_PX + 1, middle = (side * side - 1) / 2;
  if (counts[middle]! < 500 || !(sums[middle]! > 0)) return undefined;
  return (dx, dy) => {
    const k = (dy + SOURCE_REACH_PX) * side + dx + SOURCE_REACH_PX;
    return counts[k] === 0 ? 0 : sums[k]! / counts[k]!;
  };
}

/** A Gaussian PSF with itself, its height by least squares from the offsets beyond the noise. */
function sourceCovariance(measured: Covariance, fwhmPx: number): Covariance {
  const spread = 4 * (fwhmPx / 2.3548) ** 2;
  const shape: Covariance = (dx, dy) => Math.exp(-(dx * dx + dy * dy) / spread);
  let data = 0, model = 0;
  for (let dy = -SOURCE_REACH_PX; dy <= SOURCE_REACH_PX; dy++) {
    for (let dx = -SOURCE_REACH_PX; dx <= SOURCE_REACH_PX; dx++) {
      if (Math.hypot(dx, dy) < NOISE_REACH_PX + 1) continue;
      data += measured(dx, dy) * shape(dx, dy);
      model += shape(dx, dy) ** 2;
    }
  }
  const height = model > 0.1 ? data / model / measured(0, 0) : 0;
  // Under a tenth it is as likely the tail of the resampling.
  const share = height < 0.1 ? 0 : Math.min(height, 1);
  return (dx, dy) => share * measured(0, 0) * shape(dx, dy);
}

/**
 * What a kernel makes of the variance of the noise of the sky: Σ A(d) ρ(d), A the autocorrelation of
 * the kernel and ρ the correlation of the noise before it; Σ K² for white noise.
 *
 * @param field The kernel.
 * @param correlation Of the noise before the kernel.
 * @returns The factor at a place, px.
 */
export function varianceFactor(
  field: KernelField,
  correlation: NoiseCorrelation,
): (x: number, y: number) => number {
  const { images, order, width, height, halfPx } = spatialKernels(field);
  const spread = images.map((image) => correlate(image, 2 * halfPx + 1, correlation));
  const terms = images.length;
  const products = Float64Array.from({ length: terms * terms }, (_, k) => {
    const a = spread[Math.floor(k / terms)]!, b = images[k % terms]!;
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum;
  });
  return (x, y) => {
    const f = polynomialValues(x, y, { width, height, order });
    let sum = 0;
    for (let k = 0, at = 0; k < terms; k++) {
      let row = 0;
      for (let l = 0; l < terms; l++) row += f[l]! * products[at++]!;
      sum += f[k]! * row;
    }
    return sum;
  };
}

/**
 * How much more variance correlated noise has after a kernel than white noise of the same variance.
 *
 * @param field The kernel; judged at the middle of the image.
 * @param factor From {@linkcode varianceFactor} by the correlation of the noise before the kernel.
 * @returns The factor; 1 for white noise.
 */
export function correlatedGain(
  field: KernelField,
  factor: ReturnType<typeof varianceFactor>,
): number {
  const x = (field.width - 1) / 2, y = (field.height - 1) / 2;
  const gain = factor(x, y) / kernelAt(field, x, y).reduce((sum, tap) => sum + tap * tap, 0);
  return gain > 0 ? gain : 1;
}
