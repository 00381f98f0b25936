/**
 * What each star says about the kernel: its normal equations.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { cutStars } from "../../../gpu/kernels/cut_stars/cut_stars.ts";
import {
  cutOutSide,
  starEquations,
  type StarSums,
} from "../../../gpu/kernels/star_equations/star_equations.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import type { AlignedPair, ConvolvedSide, PairImage } from "../pair.ts";
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
  const { basis, sharp, broad } = sides;
  const radiusPx = Math.max(2.5 * broad.fwhmPx, 7);
  const side = cutOutSide(basis, radiusPx), pixels = 4 * side * side;
  using arrays = new SharedArrays(compute);
  const cutOuts = arrays.floats(pair.stars.length * pixels);
  const scale = sides.side === "reference" ? pair.scale : 1 / pair.scale;
  await cutStars(compute, pair.stars, cutOuts, {
    ...{ width: pair.width, height: pair.height, images: [sharp, broad], side, signal },
    ...{ share: scale ** 2 * noiseShare(sharp, broad), halfPx: basis.halfPx, unusable: UNUSABLE },
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
