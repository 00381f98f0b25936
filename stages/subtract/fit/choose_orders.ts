/**
 * How much variation of the kernel the stars carry: what foretells stars that were not fitted best.
 *
 * @module
 */

import { polynomialTerms } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { addSums, chi2PerPixel, sumStamps, type Variation } from "./field_sums.ts";
import { solveSums } from "./solve.ts";
import type { StampEquations } from "./stamps.ts";

/** What is chosen from. */
export interface OrderChoice {
  /** Spatial orders of all terms and the background, from the least to the most variation. */
  readonly candidates: readonly (readonly number[])[];
  readonly width: number;
  readonly height: number;
  readonly noiseProducts: Float64Array;
}

const FOLDS = 4;
/** Candidates without a gain after which none is expected: what varies with the square of the radius gains nothing by planes. */
const PATIENCE = 2;
/** At least so many stars for each polynomial of the position, or a variation is not tried. */
const STARS_PER_POLYNOMIAL = 4;

/**
 * Chooses the spatial orders by cross-validation: each quarter of the stars is
 * foretold by the other three, and the candidate with the least χ² of what was
 * foretold is taken: in the mean of its logarithm, so that a star that changed
 * does not decide alone.
 *
 * @param stamps The stars' equations.
 * @param choice Candidates.
 * @returns The orders of the one that is taken.
 */
export function chooseOrders(
  stamps: readonly StampEquations[],
  choice: OrderChoice,
): readonly number[] {
  const { candidates, width, height } = choice;
  let best = candidates[0]!;
  let least = Infinity, since = 0;
  for (const orders of candidates) {
    if (since === PATIENCE) break;
    const most = polynomialTerms(Math.max(...orders));
    if (stamps.length < STARS_PER_POLYNOMIAL * most) break;
    const misfit = foretell(stamps, { width, height, orders }, choice.noiseProducts);
    since++;
    if (misfit < least) [best, least, since] = [orders, misfit, 0];
  }
  return best;
}

/** Sum over the stars of pixels times log χ² a pixel, by kernels that do not know them. */
function foretell(
  stamps: readonly StampEquations[],
  variation: Variation,
  noiseProducts: Float64Array,
): number {
  const folds = Array.from({ length: FOLDS }, (_, k) => stamps.filter((_, i) => i % FOLDS === k));
  const sums = folds.map((fold) => sumStamps(fold, variation));
  let misfit = 0;
  folds.forEach((fold, k) => {
    const others = sums.filter((_, l) => l !== k).reduce((a, b) => addSums(a, b));
    const { coefficients } = solveSums(others, noiseProducts);
    const chi2 = chi2PerPixel(fold, coefficients, variation);
    fold.forEach(({ pixels }, i) => misfit += pixels * Math.log(chi2[i]! + 1e-9));
  });
  return misfit;
}
