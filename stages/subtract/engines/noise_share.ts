/**
 * How much of what was taken for noise is noise, by the difference itself.
 *
 * @module
 */

import { MAD_TO_SIGMA, median } from "../../../sky/stats.ts";
import type { AlignedPair, DifferenceStrip, PairImage } from "../pair.ts";

/** Side of the squares in which the spread is measured, px: small enough for an even background. */
const BLOCK_PX = 32;
/** Fewer pixels of bare sky in a square say too little, and so do fewer squares. */
const LEAST_PIXELS = 256;
const LEAST_BLOCKS = 12;
/** Strips that are looked at, and squares of each. */
const SAMPLES = 12;
const SQUARES = 40;

/**
 * First rows of strips of {@linkcode BLOCK_PX} rows, evenly over an image.
 *
 * @param height Rows of the image.
 * @returns At most a dozen, in rising order, multiples of the height of a strip.
 */
export function sampleRows(height: number): number[] {
  const strips = Math.floor(height / BLOCK_PX);
  const step = Math.max(1, strips / SAMPLES);
  return Array.from(
    { length: Math.min(SAMPLES, strips) },
    (_, k) => BLOCK_PX * Math.floor((k + 0.5) * step),
  );
}

/** Height of a strip that is looked at, px. */
export const SAMPLE_ROWS = BLOCK_PX;

/**
 * Measures the variance of a difference on bare sky over what was expected.
 *
 * The noise of the sky of an image is measured with all its faint sources, which
 * make it look larger; in the difference they are gone. Spread about the median
 * of each square, the median of all squares: neither a background nor some bad
 * squares count. More noise than expected is never explained away.
 *
 * @param strips Some strips of the difference, with the variance expected.
 * @param isQuiet Whether a pixel, by its index in the image, is usable bare sky.
 * @param width Columns of the image.
 * @returns At most 1; 1 where there is too little sky.
 */
export function noiseShare(
  strips: readonly DifferenceStrip[],
  isQuiet: (i: number) => boolean,
  width: number,
): number {
  const shares: number[] = [];
  const step = BLOCK_PX * Math.max(1, Math.floor(width / BLOCK_PX / SQUARES));
  for (const { firstRow, rows, difference, variance } of strips) {
    for (let left = 0; left + BLOCK_PX <= width; left += step) {
      const pulls: number[] = [];
      for (let row = 0; row < rows; row++) {
        for (let x = left; x < left + BLOCK_PX; x++) {
          const k = row * width + x;
          const pull = difference[k]! / Math.sqrt(variance[k]!);
          if (isQuiet(firstRow * width + k) && Number.isFinite(pull)) pulls.push(pull);
        }
      }
      if (pulls.length < LEAST_PIXELS) continue;
      const middle = median(pulls);
      shares.push((MAD_TO_SIGMA * median(pulls.map((pull) => Math.abs(pull - middle)))) ** 2);
    }
  }
  return shares.length < LEAST_BLOCKS ? 1 : Math.min(1, median(shares));
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
