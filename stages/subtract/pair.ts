/**
 * Two images on one grid, and what a subtraction engine makes of them.
 *
 * @module
 */

import type { KernelField } from "../../gpu/kernels/convolve_varying/kernel_field.ts";

/** One of the two images of a pair. */
export interface PairImage {
  /** The FITS file with these pixels, on the grid of the pair. */
  readonly path: string;
  /** ADU, `[height, width]` row-major; NaN where there is no data. */
  readonly data: Float32Array;
  /** Bit planes of `sky/mask`, `[height, width]`. */
  readonly mask: Uint16Array;
  /** Variance of `data`, ADU², `[height, width]`; sky and photons. */
  readonly variance: Float32Array;
  readonly skyAdu: number;
  readonly skySigmaAdu: number;
  /** Level at which a pixel is saturated, ADU; Infinity when unknown. */
  readonly saturationAdu: number;
  /** Full width at half maximum of the stars, px. */
  readonly fwhmPx: number;
  readonly gainEAdu: number;
  /** Share of the variance of bare sky that is unresolved stars; not in `variance`. */
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
export interface AlignedPair {
  readonly width: number;
  readonly height: number;
  readonly science: PairImage;
  readonly reference: PairImage;
  readonly stars: readonly KernelStar[];
  /** Median flux ratio of the stars, science over reference. */
  readonly scale: number;
}

/** Which of the two images was convolved. */
export type ConvolvedSide = "reference" | "science";

/** What an engine makes of a pair; images `[height, width]` row-major. */
export interface EngineResult {
  readonly engine: string;
  readonly convolvedSide: ConvolvedSide;
  /** Science minus reference, in ADU of the science frame. NaN where the engine has none. */
  readonly difference: Float32Array;
  /** Variance of the difference, ADU². */
  readonly variance: Float32Array;
  /** The image that was convolved, as it was compared. */
  readonly convolved: Float32Array;
  /** How far the kernel carries a bad pixel, px. */
  readonly growPx: number;
  readonly kernel: KernelMetrics;
  /** The kernel itself, when the engine knows it. */
  readonly field?: KernelField;
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
  readonly name: "native" | "hotpants";
  /** Whether it can run here. */
  available(): Promise<boolean>;
  /**
   * @param pair The images and stars.
   * @returns The difference.
   * @throws {DataError} If the pair does not carry a fit.
   */
  run(pair: AlignedPair): Promise<EngineResult>;
}
