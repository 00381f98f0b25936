/**
 * The kernel of the whole field from the normal equations of the stars.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { polynomialTerms } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { median } from "../../../sky/stats.ts";
import {
  addSums,
  type FieldSums,
  localCoefficients,
  sumStamps,
  type Variation,
} from "./field_sums.ts";
import { condition, solvePositive, solveScaled } from "./linear_system.ts";
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
    chi2: median(used.map((stamp) => chi2PerPixel(stamp, coefficients, options))),
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
  for (const share of NOISE_TAKEN) {
    const matrix = withoutNoise(sums, noiseProducts, share);
    const coefficients = solvePositive(matrix, sums.vector, SMALLEST_PIVOT);
    if (coefficients !== undefined) return { matrix, coefficients };
  }
  const { matrix, vector } = sums;
  return { matrix, coefficients: solveScaled(matrix, vector) };
}

function withoutNoise(sums: FieldSums, products: Float64Array, share: number): Float64Array {
  const counts = sums.variation.orders.map(polynomialTerms);
  const terms = counts.length - 1, most = Math.max(...counts);
  const matrix = sums.matrix.slice();
  let at = 0;
  for (let i = 0; i < terms; i++) {
    for (let a = 0; a < counts[i]!; a++, at += counts[terms]!) {
      for (let j = 0; j < terms; j++) {
        const product = share * products[i * terms + j]!;
        for (let b = 0, end = counts[j]!; b < end; b++) {
          matrix[at++]! -= product * sums.noise[a * most + b]!;
        }
      }
    }
  }
  return matrix;
}

/**
 * How well a kernel fits a star.
 *
 * @param stamp The star.
 * @param coefficients Of the field.
 * @param variation Orders and size of the field.
 * @returns χ² a pixel.
 */
export function chi2PerPixel(
  stamp: StampEquations,
  coefficients: Float64Array,
  variation: Variation,
): number {
  const c = localCoefficients(stamp, coefficients, variation);
  const n = c.length;
  let chi2 = stamp.square;
  for (let i = 0; i < n; i++) {
    let row = 0;
    for (let j = 0; j < n; j++) row += stamp.matrix[i * n + j]! * c[j]!;
    chi2 += c[i]! * (row - 2 * stamp.vector[i]!);
  }
  return Math.max(chi2, 0) / stamp.pixels;
}

function keepGood(
  stamps: readonly StampEquations[],
  coefficients: Float64Array,
  options: SolveOptions,
): StampEquations[] {
  const chi2 = stamps.map((stamp) => chi2PerPixel(stamp, coefficients, options));
  const middle = median(chi2);
  const spread = 1.4826 * median(chi2.map((value) => Math.abs(value - middle)));
  // A star whose χ² is that of pure noise stays, however alike the others are.
  const limit = middle + Math.max(options.clipSigma * spread, 0.25);
  return stamps.filter((_, i) => chi2[i]! <= limit);
}
