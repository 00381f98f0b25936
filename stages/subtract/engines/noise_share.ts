/**
 * How much of what was taken for noise is noise, by the difference itself.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import {
  cellMiddles,
  type CellPixels,
  sumCells,
} from "../../../gpu/kernels/cell_sums/cell_sums.ts";
import { SURFACE, type Surfaces } from "../../../gpu/kernels/convolve_varying/subtract_rows.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";
import type { AlignedPair, PairImage } from "../pair.ts";
import { SharedArrays } from "../shared_arrays.ts";

/** Side of the squares in which the spread is measured, px: small enough for an even background. */
const BLOCK_PX = 32;
/** Fewer pixels of bare sky in a square say too little, and so do fewer squares. */
const LEAST_PIXELS = 256;
const LEAST_BLOCKS = 12;
/** Strips that are looked at. */
const SAMPLES = 6;
/** Pulls beyond this are no noise, in the spread that was found so far; what it leaves of a normal variance. */
const CLIP_SIGMA = 4;
const KEPT_VARIANCE = 0.9989;
const ROUNDS = 4;

/** Rows of one square after the other down an image. */
export interface SampleRows {
  readonly firstRow: number;
  readonly rows: number;
}

/**
 * Strips as high as a square, evenly over an image.
 *
 * @param height Rows of the image.
 * @returns At most six, in rising order, at multiples of the side of a square.
 */
export function sampleRows(height: number): SampleRows[] {
  const strips = Math.floor(height / BLOCK_PX);
  const step = Math.max(1, strips / SAMPLES);
  return Array.from({ length: Math.min(SAMPLES, strips) }, (_, k) => {
    return { firstRow: BLOCK_PX * Math.floor((k + 0.5) * step), rows: BLOCK_PX };
  });
}

/** Where an image shows nothing but sky. */
export interface BareSky {
  readonly width: number;
  /** 1 at pixels of bare sky, `[height, width]`. */
  readonly quiet: Uint8Array;
  /** Of both images, `[height, width]`. */
  readonly masks: readonly [Uint16Array, Uint16Array];
}

/** Sampled rows of a difference, one strip below the other: `[strips · rows, width]`. */
export interface SampledDifference {
  readonly difference: Float32Array<ArrayBufferLike>;
  /** As it is expected. */
  readonly variance: Float32Array<ArrayBufferLike>;
}

/**
 * Measures the variance of a difference on bare sky over what was expected.
 *
 * The noise of the sky of an image is measured with all its faint sources, which
 * make it look larger; in the difference they are gone. The spread about the mean
 * of each square, the median of all squares: neither a background nor some bad
 * squares count. More noise than expected is never explained away.
 *
 * @param compute Where.
 * @param sky Where there is bare sky, and what masks leave of it.
 * @param samples Which rows.
 * @param sampled The difference there.
 * @returns At most 1; 1 where there is too little sky.
 */
export async function noiseShare(
  compute: Compute,
  { width, quiet, masks: [first, second] }: BareSky,
  samples: readonly SampleRows[],
  { difference, variance }: SampledDifference,
): Promise<number> {
  using arrays = new SharedArrays(compute);
  const weight = arrays.floats(difference.length), taken = arrays.bytes(difference.length);
  samples.forEach(({ firstRow, rows }, k) => {
    const from = firstRow * width, at = k * rows * width;
    taken.set(quiet.subarray(from, from + rows * width), at);
    for (let i = 0; i < rows * width; i++) {
      const planes = first[from + i]! | second[from + i]!;
      const usable = variance[at + i]! > 0 && (planes & UNUSABLE) === 0;
      weight[at + i] = usable ? 1 / variance[at + i]! : 0;
    }
  });
  const image = { width, height: difference.length / width, difference, weight, quiet: taken };
  return Math.min(1, await spreadOf(compute, image));
}

/** Median over the squares of the variance of pulls, clipped about their means; 1 where there are too few. */
async function spreadOf(compute: Compute, image: CellPixels): Promise<number> {
  let spread = 1, kept = 1, middles: Float32Array | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const sums = await sumCells(compute, image, {
      ...{ cellPx: BLOCK_PX, clipSigma: CLIP_SIGMA * Math.sqrt(spread), middles, also: ["pulls"] },
    });
    const found: number[] = [];
    sums.count.forEach((count, k) => {
      if (count < LEAST_PIXELS) return;
      found.push(sums.squares[k]! / count - (sums.pulls[k]! / count) ** 2);
    });
    if (found.length < LEAST_BLOCKS) return 1;
    spread = median(found) / kept;
    kept = KEPT_VARIANCE; // the first cut is about no mean, and mostly far too wide
    middles = cellMiddles(sums);
  }
  return spread;
}

/**
 * A pair whose skies have less noise than was thought.
 *
 * @param pair The pair.
 * @param share Of the variance of the skies.
 * @returns The same images.
 */
export function withNoiseShare(pair: AlignedPair, share: number): AlignedPair {
  if (share === 1) return pair;
  return {
    ...pair,
    science: quieter(pair.science, share),
    reference: quieter(pair.reference, share),
  };
}

function quieter(image: PairImage, share: number): PairImage {
  const factor = Math.sqrt(share);
  const { coverage } = image;
  return {
    ...image,
    sigmaAt: (x, y) => factor * image.sigmaAt(x, y),
    skySigmaAdu: factor * image.skySigmaAdu,
    confusion: 1 - share * (1 - image.confusion),
    ...(coverage ? { coverage: { ...coverage, unit: factor * coverage.unit } } : {}),
  };
}

/**
 * Surfaces of a difference whose skies have less noise than was thought.
 *
 * @param surfaces As was thought.
 * @param share Of the variance of the skies.
 * @returns The same skies.
 */
export function quieterSurfaces(surfaces: Surfaces, share: number): Surfaces {
  if (share === 1) return surfaces;
  const count = surfaces.columns * surfaces.rows, nodes = surfaces.nodes.slice();
  const scale = (plane: number, factor: number) => {
    for (let i = plane * count; i < (plane + 1) * count; i++) nodes[i]! *= factor;
  };
  scale(SURFACE.convolvedSigma, Math.sqrt(share));
  scale(SURFACE.ownSigma, Math.sqrt(share));
  scale(SURFACE.skyVariance, share);
  scale(SURFACE.weighted, share);
  return { ...surfaces, nodes };
}
