/**
 * The kernel of the whole field from the normal equations of the stars.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { inDense } from "../../../gpu/kernels/dense/dense.ts";
import { polynomialTerms } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { median } from "../../../sky/stats.ts";
import { addSums, chi2PerPixel, type FieldSums, sumStamps, type Variation } from "./field_sums.ts";
import { condition, solveIn, solveScaled } from "./linear_system.ts";
import type { StampEquations } from "./stamps.ts";

/** How the fit goes. */
export interface SolveOptions extends Variation {
  /** Stars whose χ² lies farther than this above the median are dropped, in robust standard deviations. */
  readonly clipSigma: number;
  readonly iterations: number;
  /**
   * Products of the basis functions under the noise of the convolved image,
   * `[terms, terms]`. The noise of that image adds them to the matrix and would
   * bend the kernel towards smoothing; they are taken off again.
   */
  readonly noiseProducts: Float64Array;
}

/** The kernel and background of the whole field. */
export interface FieldSolution {
  /** Order of each kernel term, then of the background: `[terms + 1]`. */
  readonly orders: readonly number[];
  /** Coefficients, a block a term, the background's last. */
  readonly coefficients: Float64Array;
  /** Stars that were kept. */
  readonly used: readonly StampEquations[];
  readonly clipped: number;
  /** Finds the largest over the smallest eigenvalue of the normal matrix scaled to unit diagonal. */
  readonly conditionNumber: () => number;
  /** Median over the stars kept of χ² a pixel. */
  readonly chi2: number;
}

/**
 * Solves for the kernel and the differential background over all stars, drops
 * the stars that do not fit, and repeats (Alard & Lupton 1998; Alard 2000 for the variation over the field).
 * Float64 throughout.
 *
 * @param stamps The stars' equations, all over the same basis.
 * @param options Orders and clipping.
 * @returns The solution.
 * @throws {DataError} If fewer than three stars are left, or the equations have no solution.
 */
export function solveField(
  stamps: readonly StampEquations[],
  options: SolveOptions,
): FieldSolution {
  requireStars(stamps.length, stamps.length);
  let used = [...stamps];
  let sums = sumStamps(used, options);
  let system = solveSums(sums, options.noiseProducts);
  for (let iteration = 1; iteration < options.iterations; iteration++) {
    const kept = keepGood(used, system.coefficients, options);
    requireStars(kept.length, stamps.length);
    if (kept.length === used.length) break;
    sums = without(sums, used, kept);
    used = kept;
    system = solveSums(sums, options.noiseProducts);
  }
  const { coefficients } = system;
  return {
    orders: options.orders,
    coefficients,
    used,
    clipped: stamps.length - used.length,
    conditionNumber: () => condition(system.matrix, coefficients.length),
    chi2: median(chi2PerPixel(used, coefficients, options)),
  };
}

/** The sums of the stars that are kept: less those that are not, where these are fewer. */
function without(
  sums: FieldSums,
  used: readonly StampEquations[],
  kept: readonly StampEquations[],
): FieldSums {
  if (2 * kept.length < used.length) return sumStamps(kept, sums.variation);
  const still = new Set(kept);
  const dropped = sumStamps(used.filter((stamp) => !still.has(stamp)), sums.variation);
  return addSums(sums, dropped, -1);
}

function requireStars(left: number, offered: number): void {
  if (left >= 3) return;
  throw new DataError(
    `Cannot fit the kernel: ${left} of ${offered} stars fit, and at least 3 must`,
    { details: { stars: left, offered } },
  );
}

/**
 * The parts of the noise's products that are taken off, in the order they are
 * tried. Directions of the kernel that only noise tells of have eigenvalues of
 * those products alone: taking all off would leave nothing to hold them.
 */
const NOISE_TAKEN = [0.7, 0.35] as const;
/** A pivot of the matrix scaled to unit diagonal below this is noise of the sums, not signal. */
const SMALLEST_PIVOT = 1e-7;

/**
 * Solves the equations of some stars.
 *
 * @param sums Their sums.
 * @param noiseProducts As in {@linkcode SolveOptions.noiseProducts}.
 * @returns The coefficients, a block a term, and the matrix that was solved.
 * @throws {DataError} If the equations have no finite solution.
 */
export function solveSums(
  sums: FieldSums,
  noiseProducts: Float64Array,
): { readonly matrix: Float64Array; readonly coefficients: Float64Array } {
  const { variation: { orders }, vector } = sums, n = vector.length;
  const counts = orders.map(polynomialTerms);
  for (const share of NOISE_TAKEN) {
    const solved = inDense((room) => {
      const at = room.put(sums.matrix), words = room.putWords(counts);
      const [products, noise] = [room.put(noiseProducts), room.put(sums.noise)];
      const most = Math.max(...counts);
      room.run.takeNoise(at, products, noise, words, counts.length, most, share);
      const matrix = room.read(at, n * n);
      const coefficients = solveIn(room, at, room.put(vector), n, SMALLEST_PIVOT);
      return coefficients && { matrix, coefficients };
    });
    if (solved !== undefined) return solved;
  }
  return { matrix: sums.matrix, coefficients: solveScaled(sums.matrix, vector) };
}

function keepGood(
  stamps: readonly StampEquations[],
  coefficients: Float64Array,
  options: SolveOptions,
): StampEquations[] {
  const chi2 = chi2PerPixel(stamps, coefficients, options);
  const middle = median(chi2);
  const spread = 1.4826 * median(chi2.map((value) => Math.abs(value - middle)));
  // A star whose χ² is that of pure noise stays, however alike the others are.
  const limit = middle + Math.max(options.clipSigma * spread, 0.25);
  return stamps.filter((_, i) => chi2[i]! <= limit);
}
