/**
 * The noise of single pixels of a frame, apart from what is on the sky.
 *
 * @module
 */

import type { ImageReader } from "../../../fits/image.ts";
import { clippedStats, median } from "../../../sky/stats.ts";
import type { SpoiltPixels } from "../frames/spoilt_pixels.ts";

/** Rows looked at; of small frames more, so that there are as many pixels. */
const ROWS = 64;
const PIXELS = 120_000;
/** Places looked at in a row, about. */
const PLACES = 2000;
/** Farther out than this is no noise, sigma. */
const CLIP_SIGMA = 4;
/** Variance of a pixel less the mean of its two neighbours, over that of a pixel. */
const DIFFERENCE_VARIANCE = 1.5;
/** Fewer differences say nothing. */
const LEAST = 200;

/**
 * Measures the noise by pixels less the mean of their two neighbours in the row.
 *
 * Faint stars too many to be told apart make the sky scatter by more than noise, but hardly from one
 * pixel to the next. Only places of the darker half of each row count; noise takes no part in that
 * choice, which goes by the sum of the three pixels. Frames that have been interpolated before look
 * quieter than they are.
 *
 * @param image The frame.
 * @param mask Its mask, if it has one.
 * @param options Planes and pixels that take no part.
 * @returns Standard deviation of a pixel of dark sky, ADU; NaN when too little is usable.
 */
export async function pixelNoise(
  image: ImageReader,
  mask: ImageReader | undefined,
  options: { readonly excluded: number; readonly weightless?: SpoiltPixels | undefined },
): Promise<number> {
  const { width, height } = image;
  const line = new Float32Array(width);
  const planes = new Uint16Array(width);
  const rows = Math.min(Math.max(ROWS, Math.ceil(PIXELS / width)), height);
  const differences: number[] = [];
  for (let row = 0; row < rows; row++) {
    const y = Math.floor((row + 0.5) * height / rows);
    await Promise.all([image.readRows(y, 1, line), mask?.readRowsUint16(y, 1, planes)]);
    options.weightless?.erase(new Uint8Array(line.buffer), y, 1, false);
    for (let x = 0; x < width; x++) if ((planes[x]! & options.excluded) !== 0) line[x] = NaN;
    addDifferences(line, differences);
  }
  if (differences.length < LEAST) return NaN;
  const { sigma } = clippedStats(differences, { sigma: CLIP_SIGMA });
  return sigma / Math.sqrt(DIFFERENCE_VARIANCE);
}

function addDifferences(line: Float32Array, into: number[]): void {
  const step = Math.max(1, Math.floor(line.length / PLACES));
  const sums = new Float32Array(Math.floor((line.length - 3) / step) + 1);
  for (let i = 0, x = 1; i < sums.length; i++, x += step) {
    sums[i] = line[x - 1]! + line[x]! + line[x + 1]!;
  }
  const dark = median(sums);
  for (let i = 0, x = 1; i < sums.length; i++, x += step) {
    if (sums[i]! <= dark) into.push(line[x]! - (line[x - 1]! + line[x + 1]!) / 2);
  }
}
