/**
 * Two images on one grid, and what a subtraction engine makes of them.
 *
 * Pixels of both images are held whole, in memory that every thread reaches. Everything
 * else that has the size of an image (variances, what engines give) is made row by row or
 * for a part of the image when it is needed: {@linkcode AlignedPair} with `varianceIn()` of
 * `noise.ts`, {@linkcode EngineResult.strips}.
 *
 * @module
 */

import type { KernelField } from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import type { BrightStar } from "./output/halos.ts";

/** Size of an image, px. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A rectangle of an image, px; `left` and `top` are its first column and row. */
export interface Box extends ImageSize {
  readonly left: number;
  readonly top: number;
}

/** One of the two images of a pair. */
export interface PairImage {
  /** The FITS file with these pixels, on the grid of the pair. */
  readonly path: string;
  /** ADU, `[height, width]` row-major; NaN where there is no data. */
  readonly data: Float32Array;
  /** Bit planes of `sky/mask`, `[height, width]`; NO_DATA wherever `data` is NaN. */
  readonly mask: Uint16Array;
  /** Level of the sky at a pixel, ADU; smooth. */
  readonly skyAt: (x: number, y: number) => number;
  /** Noise of the sky at a pixel, ADU: without what unresolved stars add to its scatter. */
  readonly sigmaAt: (x: number, y: number) => number;
  /**
   * How coverage changes the noise from pixel to pixel: the variance of the sky is `unit² / weight`
   * then, with sharper borders than `sigmaAt` has; `[height, width]`, 0 without data.
   */
  readonly coverage?: { readonly weight: Float32Array; readonly unit: number };
  /** Level and noise of the sky in the whole, ADU. */
  readonly skyAdu: number;
  readonly skySigmaAdu: number;
  /** Level at which a pixel is saturated, ADU; Infinity when unknown. */
  readonly saturationAdu: number;
  /** Full width at half maximum of the stars, px. */
  readonly fwhmPx: number;
  readonly gainEAdu: number;
  /** Share of the variance of bare sky that is unresolved stars; not in `sigmaAt`. */
  readonly confusion: number;
  /** Correlation of the noise of neighbouring pixels, see {@linkcode NoiseCorrelation}. */
  readonly correlation: NoiseCorrelation;
}

/** Correlation of sky noise by offset: `values[(dy + reach)·(2·reach + 1) + dx + reach]`, 1 at the centre. */
export interface NoiseCorrelation {
  readonly reachPx: number;
  readonly values: Float64Array;
}

/** A star fit to measure the kernel by. */
export interface KernelStar {
  /** Position on the science grid, px, 0 at the centre of the first pixel. */
  readonly x: number;
  readonly y: number;
  readonly snr: number;
  /** Flux in the science frame over flux in the reference. */
  readonly fluxRatio: number;
}

/** A science frame, a reference on its grid, and the stars for the kernel. */
export interface AlignedPair extends ImageSize {
  readonly science: PairImage;
  readonly reference: PairImage;
  readonly stars: readonly KernelStar[];
  /** 1 at pixels of bare sky, `[height, width]`: by these the noise is judged before the difference is made. */
  readonly quiet?: Uint8Array;
  /** Stars so bright that their wings reach beyond any kernel. */
  readonly bright?: readonly BrightStar[];
  /** Median flux ratio of the stars, science over reference. */
  readonly scale: number;
}

/** Which of the two images was convolved. */
export type ConvolvedSide = "reference" | "science";

/** Some rows of a difference; the arrays are used again for the next ones. */
export interface DifferenceStrip {
  readonly firstRow: number;
  readonly rows: number;
  /** Science minus reference, `[rows, width]`, ADU of the science frame. NaN where the engine has none. */
  readonly difference: Float32Array;
  /** Variance of the difference, `[rows, width]`, ADU². */
  readonly variance: Float32Array;
}

/** What an engine makes of a pair. */
export interface EngineResult {
  readonly engine: string;
  readonly convolvedSide: ConvolvedSide | "both";
  /**
   * Gives the difference from the first row to the last. Each call begins anew, and may
   * compute only then.
   *
   * @throws {GppyError} If it cannot be computed or read.
   */
  strips(): AsyncIterable<DifferenceStrip>;
  /** How far the kernel, or the wider of two, carries a bad pixel, px. */
  readonly growPx: number;
  /** Half side of the square beyond which the kernel, or the wider of two, is nothing, px, where it is known. */
  readonly kernelHalfPx?: number;
  readonly kernel: KernelMetrics;
  /** Planes that the engine itself sets, `[height, width]`. */
  readonly mask?: Uint16Array;
  /** The PSF of the difference when the engine knows it; its sum is 1 less the light beyond it. */
  readonly psf?: KernelField;
  /** Whether the noise of the difference is white already; no when left out. */
  readonly white?: boolean;
  /** Share of the sky's variance that the difference shows to be noise; in `variance` already. */
  readonly noiseShare?: number;
  /** The kernel itself, when the engine knows it: makes the convolved image match the other, in the other's ADU. */
  readonly field?: KernelField;
  /** What the science frame was convolved with before the reference was matched to it; its sum is 1. */
  readonly preconvolution?: KernelField;
}

/** How the fit of the kernel went; null where the engine does not say. */
export interface KernelMetrics {
  readonly offered: number;
  readonly used: number | null;
  readonly clipped: number | null;
  readonly conditionNumber: number | null;
  /** Sum of the kernel as science over reference, whichever side was convolved. */
  readonly sum: number | null;
  readonly orders: string | null;
  readonly chi2: number | null;
}

/** A way to subtract one image of a pair from the other. */
export interface Engine {
  readonly name: string;
  /** Whether it can run here. */
  available(): Promise<boolean>;
  /**
   * @param pair The images and stars.
   * @returns The difference.
   * @throws {DataError} If the pair does not carry a fit.
   */
  run(pair: AlignedPair): Promise<EngineResult>;
}

/** A whole difference, images `[height, width]`. */
export interface WholeDifference {
  readonly difference: Float32Array;
  readonly variance: Float32Array;
}

/**
 * Strips of a difference that is held whole: what engines return that know all rows at once.
 *
 * @param whole The difference.
 * @param size Its size.
 * @param rows Rows of a strip.
 * @returns For {@linkcode EngineResult.strips}.
 */
export function stripsOf(
  whole: WholeDifference,
  { width, height }: ImageSize,
  rows = 256,
): () => AsyncIterable<DifferenceStrip> {
  return async function* () {
    for (let firstRow = 0; firstRow < height; firstRow += rows) {
      const count = Math.min(rows, height - firstRow);
      const part = (data: Float32Array) =>
        data.subarray(firstRow * width, (firstRow + count) * width);
      const difference = part(whole.difference), variance = part(whole.variance);
      yield await Promise.resolve({ firstRow, rows: count, difference, variance });
    }
  };
}

/**
 * Collects all strips of a difference.
 *
 * @param result From an engine.
 * @param size Size of the pair.
 * @returns The whole of it.
 */
export async function collectStrips(
  result: Pick<EngineResult, "strips">,
  { width, height }: ImageSize,
): Promise<WholeDifference> {
  const difference = new Float32Array(width * height);
  const variance = new Float32Array(width * height);
  for await (const strip of result.strips()) {
    difference.set(strip.difference, strip.firstRow * width);
    variance.set(strip.variance, strip.firstRow * width);
  }
  return { difference, variance };
}
