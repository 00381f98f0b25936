/**
 * What each star says about the kernel: its normal equations.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import {
  cutOutSide,
  starEquations,
  type StarSums,
} from "../../../gpu/kernels/star_equations/star_equations.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { varianceIn } from "../noise.ts";
import type { AlignedPair, ConvolvedSide, KernelStar, PairImage } from "../pair.ts";
import { SharedArrays } from "../shared_arrays.ts";
import type { KernelBasis } from "./basis.ts";

/** The weighted normal equations of one star over the local kernel and a constant background. */
export interface StampEquations extends StarSums {
  /** px, 0 at the centre of the first pixel. */
  readonly x: number;
  readonly y: number;
}

/** What the equations are made of. */
export interface StampSides {
  /** The image that is convolved. */
  readonly sharp: PairImage;
  /** The image that is matched. */
  readonly broad: PairImage;
  /** Which one is convolved. */
  readonly side: ConvolvedSide;
  readonly basis: KernelBasis;
}

/** Share of the signal that is taken as its error. */
const MODEL_ERROR = 0.005;

/**
 * Sums the normal equations of all stars, each over the disk within two and a half FWHM.
 *
 * @param pair The images and stars.
 * @param sides Which image is convolved, and by what functions.
 * @param compute Where.
 * @param signal Stops it.
 * @returns The equations of the stars of whose disks at least half is usable.
 */
export async function stampEquations(
  pair: AlignedPair,
  sides: StampSides,
  compute: Compute,
  signal?: AbortSignal,
): Promise<StampEquations[]> {
  const { basis, broad } = sides;
  const radiusPx = Math.max(2.5 * broad.fwhmPx, 7);
  const side = cutOutSide(basis, radiusPx), pixels = 4 * side * side;
  using arrays = new SharedArrays(compute);
  const cutOuts = arrays.floats(pair.stars.length * pixels).fill(0);
  pair.stars.forEach((star, k) => {
    cutStar(pair, sides, star, side, cutOuts.subarray(k * pixels, (k + 1) * pixels));
  });
  const sums = await starEquations(compute, basis, cutOuts, {
    ...{ radiusPx, modelError: MODEL_ERROR, signal },
    leastPixels: 0.5 * Math.PI * radiusPx ** 2,
  });
  return pair.stars.map(({ x, y }, k) => ({ ...sums[k]!, x, y })).filter((sum) => sum.pixels > 0);
}

/** The share of the sharp image's variance that survives a kernel of about the difference of the widths. */
function noiseShare(sharp: PairImage, broad: PairImage): number {
  const variance = Math.max((broad.fwhmPx ** 2 - sharp.fwhmPx ** 2) / 5.545, 0);
  return 1 / (1 + 4 * Math.PI * variance);
}

/**
 * Fills the cut-outs of a star; what lies beyond the images is not usable, nor what the kernel would
 * take from there.
 */
function cutStar(
  pair: AlignedPair,
  { sharp, broad, basis, side: convolved }: StampSides,
  star: KernelStar,
  side: number,
  cutOuts: Float32Array,
): void {
  const scale = convolved === "reference" ? pair.scale : 1 / pair.scale;
  const sharpShare = scale ** 2 * noiseShare(sharp, broad);
  const half = basis.halfPx, plane = side * side;
  const left = Math.round(star.x) - (side - 1) / 2, top = Math.round(star.y) - (side - 1) / 2;
  const x0 = Math.max(left, 0), x1 = Math.min(left + side, pair.width);
  for (let y = Math.max(top, 0); y < Math.min(top + side, pair.height); y++) {
    for (let x = x0; x < x1; x++) {
      const k = (y - top) * side + x - left, i = y * pair.width + x;
      const a = sharp.data[i]! - sharp.skyAdu, b = broad.data[i]! - broad.skyAdu;
      cutOuts[k] = Number.isFinite(a) ? a : 0;
      cutOuts[plane + k] = Number.isFinite(b) ? b : 0;
    }
  }
  // variances are needed where pixels are fitted
  const firstX = Math.max(left, 0) + half, firstY = Math.max(top, 0) + half;
  const width = x1 - half - firstX;
  const height = Math.min(top + side, pair.height) - half - firstY;
  if (width <= 0 || height <= 0) return;
  const box = { left: firstX, top: firstY, width, height };
  const sharpVariance = varianceIn(sharp, pair, box), broadVariance = varianceIn(broad, pair, box);
  for (let n = 0; n < sharpVariance.length; n++) {
    const x = firstX + n % width, y = firstY + Math.floor(n / width);
    const i = y * pair.width + x, k = (y - top) * side + x - left;
    const known = Number.isFinite(sharp.data[i]) && Number.isFinite(broad.data[i]);
    if (!known || (sharp.mask[i]! | broad.mask[i]!) & UNUSABLE) continue;
    cutOuts[2 * plane + k] = broadVariance[n]! + sharpShare * sharpVariance[n]!;
    cutOuts[3 * plane + k] = sharpVariance[n]!;
  }
}
