/**
 * What is left in a difference, by place and by brightness.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { sumCells } from "../../../gpu/kernels/cell_sums/cell_sums.ts";
import { median } from "../../../sky/stats.ts";
import type { FinishedDifference } from "./finish.ts";
import type { AlignedPair, KernelStar, PairImage } from "../pair.ts";

/** What is left of bare sky in squares of the field. */
export interface BlockResiduals {
  readonly columns: number;
  readonly rows: number;
  readonly blockPx: number;
  /** Mean of the difference over its noise, in standard errors, `[rows, columns]`; NaN where there is too little sky. */
  readonly mean: Float32Array;
  /** Spread of difference over noise, `[rows, columns]`; NaN where there is too little sky. */
  readonly spread: Float32Array;
}

/** Part of a square that must be bare sky. */
const LEAST_SKY = 0.25;
/** Pulls beyond this are sources or damage. */
const MOST_PULL = 6;

/**
 * Measures squares of bare sky. The error of a square's mean is that of the
 * noise as it was before convolution, which only moves it to neighbours.
 *
 * @param compute Where.
 * @param pair The pair.
 * @param finished Its difference.
 * @param quiet 1 at pixels of bare sky, `[height, width]`.
 * @param blockPx Side of a square, px.
 * @returns The squares.
 */
export async function blockResiduals(
  compute: Compute,
  pair: AlignedPair,
  finished: FinishedDifference,
  quiet: Uint8Array<ArrayBufferLike>,
  blockPx = 64,
): Promise<BlockResiduals> {
  const { width, height } = pair;
  const { difference, weight } = finished;
  const image = { width, height, difference, weight, quiet };
  const sums = await sumCells(compute, image, {
    ...{ cellPx: blockPx, clipSigma: MOST_PULL, also: ["pulls"] },
  });
  const columns = Math.max(1, Math.floor(width / blockPx));
  const rows = Math.max(1, Math.floor(height / blockPx));
  const size = columns * rows;
  const mean = new Float32Array(size).fill(NaN), spread = new Float32Array(size).fill(NaN);
  for (let k = 0; k < size; k++) {
    const column = k % columns, row = Math.floor(k / columns);
    const cell = row * sums.columns + column, count = sums.count[cell]!;
    if (count < LEAST_SKY * blockPx * blockPx) continue;
    const x = (column + 0.5) * blockPx, y = (row + 0.5) * blockPx;
    const before = wholeNoise(pair.science, x, y) +
      pair.scale ** 2 * wholeNoise(pair.reference, x, y);
    mean[k] = sums.sum[cell]! / Math.sqrt(count * before);
    spread[k] = Math.sqrt(sums.squares[cell]! / count - (sums.pulls[cell]! / count) ** 2);
  }
  return { columns, rows, blockPx, mean, spread };
}

/** Variance a pixel of a sum over many: with what correlates between them. */
function wholeNoise(image: PairImage, x: number, y: number): number {
  const correlated = image.correlation.values.reduce((a, b) => a + b, 0);
  return image.sigmaAt(x, y) ** 2 * Math.max(correlated, 0.1);
}

/**
 * Root mean square of the means of squares in standard errors: 1 for noise alone.
 *
 * @param blocks Squares.
 * @returns It, or null when fewer than four squares have enough sky.
 */
export function blockPull({ mean }: Pick<BlockResiduals, "mean">): number | null {
  const known = mean.filter((value) => !Number.isNaN(value));
  if (known.length < 4) return null;
  return Math.sqrt(known.reduce((sum, value) => sum + value * value, 0) / known.length);
}

/** What is left in the cores of stars of about one brightness. */
export interface StarResiduals {
  /** Limits in magnitudes; instrumental ones where there is no zero point. */
  readonly from: number;
  readonly to: number;
  readonly stars: number;
  /** Of the difference over its noise, in the cores. */
  readonly mean: number;
  readonly spread: number;
  /** Median share of the star's light that is left. */
  readonly powerLeft: number | null;
}

/**
 * Sorts the kernel stars into whole magnitudes and measures their cores.
 *
 * @param pair The pair.
 * @param finished Its difference.
 * @param zeroPoint Of the science frame, mag; 0 for instrumental magnitudes.
 * @returns Brightest first; only magnitudes with at least three stars.
 */
export function starResiduals(
  pair: AlignedPair,
  finished: FinishedDifference,
  zeroPoint: number,
): StarResiduals[] {
  const bins = new Map<number, Core[]>();
  for (const star of pair.stars) {
    const core = coreOf(pair, finished, star);
    const magnitude = Math.floor(zeroPoint - 2.5 * Math.log10(core.flux));
    if (!Number.isFinite(magnitude)) continue;
    bins.set(magnitude, [...bins.get(magnitude) ?? [], core]);
  }
  return [...bins].sort(([a], [b]) => a - b).flatMap(([from, cores]) => {
    const pulls = cores.flatMap(({ pulls }) => pulls);
    if (cores.length < 3 || pulls.length < 20) return [];
    const mean = pulls.reduce((a, b) => a + b, 0) / pulls.length;
    const spread = Math.sqrt(pulls.reduce((sum, p) => sum + (p - mean) ** 2, 0) / pulls.length);
    const left = cores.map(({ left }) => left).filter((value) => !Number.isNaN(value));
    const powerLeft = left.length === 0 ? null : median(left);
    return [{ from, to: from + 1, stars: cores.length, mean, spread, powerLeft }];
  });
}

interface Core {
  readonly flux: number;
  readonly pulls: number[];
  /** Flux in the difference over that in the science frame. */
  readonly left: number;
}

/** A star within a FWHM of its middle. */
function coreOf(pair: AlignedPair, finished: FinishedDifference, star: KernelStar): Core {
  const { width, height, science } = pair;
  const radius = science.fwhmPx, reach = Math.floor(radius);
  const cx = Math.round(star.x), cy = Math.round(star.y);
  const pulls: number[] = [];
  let flux = 0, left = 0;
  for (let y = Math.max(0, cy - reach); y <= Math.min(height - 1, cy + reach); y++) {
    for (let x = Math.max(0, cx - reach); x <= Math.min(width - 1, cx + reach); x++) {
      const i = y * width + x;
      if ((x - cx) ** 2 + (y - cy) ** 2 > radius ** 2 || !(finished.weight[i]! > 0)) continue;
      pulls.push(finished.difference[i]! * Math.sqrt(finished.weight[i]!));
      flux += science.data[i]! - science.skyAt(x, y);
      left += finished.difference[i]!;
    }
  }
  return { flux, pulls, left: flux > 0 ? Math.abs(left) / flux : NaN };
}
