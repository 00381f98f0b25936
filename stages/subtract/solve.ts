/**
 * The kernel of the whole field from the normal equations of the stars.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import {
  polynomialTerms,
  polynomialValues,
} from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import { median } from "../../sky/stats.ts";
import { condition, solvePositive, solveScaled } from "./linear_system.ts";
import type { StampEquations } from "./stamps.ts";

/** Spatial orders of what is solved for. */
export interface SpatialOrders {
  readonly scale: number;
  readonly kernel: number;
  readonly background: number;
}

/** How the fit goes. */
export interface SolveOptions {
  readonly width: number;
  readonly height: number;
  readonly orders: SpatialOrders;
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
  /** Largest over smallest eigenvalue of the normal matrix scaled to unit diagonal. */
  readonly conditionNumber: number;
  /** Median over the stars kept of χ² a pixel. */
  readonly chi2: number;
}

/**
 * Solves for the kernel and the differential background over all stars, drops
 * the stars that do not fit, and repeats (Alard & Lupton 1998; Alard 2000 for
 * the variation over the field). Float64 throughout.
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
  const terms = stamps[0]!.vector.length;
  const orders = Array.from({ length: terms }, (_, term) => {
    if (term === terms - 1) return options.orders.background;
    return term === 0 ? options.orders.scale : options.orders.kernel;
  });
  let used = [...stamps];
  let system = solveKept(used, orders, options);
  for (let iteration = 1; iteration < options.iterations; iteration++) {
    const kept = keepGood(used, system.coefficients, orders, options);
    requireStars(kept.length, stamps.length);
    if (kept.length === used.length) break;
    used = kept;
    system = solveKept(used, orders, options);
  }
  const { coefficients } = system;
  const chi2 = median(used.map((stamp) => chi2PerPixel(stamp, coefficients, orders, options)));
  const conditionNumber = condition(system.matrix, coefficients.length);
  return {
    orders,
    coefficients,
    used,
    clipped: stamps.length - used.length,
    conditionNumber,
    chi2,
  };
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

function solveKept(
  stamps: readonly StampEquations[],
  orders: readonly number[],
  options: SolveOptions,
): { readonly matrix: Float64Array; readonly coefficients: Float64Array } {
  for (const share of NOISE_TAKEN) {
    const clean = stamps.map((stamp) => withoutNoise(stamp, options.noiseProducts, share));
    const { matrix, vector } = assemble(clean, orders, options);
    const coefficients = solvePositive(matrix, vector, SMALLEST_PIVOT);
    if (coefficients !== undefined) return { matrix, coefficients };
  }
  const { matrix, vector } = assemble(stamps, orders, options);
  return { matrix, coefficients: solveScaled(matrix, vector) };
}

function withoutNoise(
  stamp: StampEquations,
  products: Float64Array,
  share: number,
): StampEquations {
  const n = stamp.vector.length;
  const terms = n - 1;
  const matrix = stamp.matrix.slice();
  for (let i = 0; i < terms; i++) {
    for (let j = 0; j < terms; j++) {
      matrix[i * n + j]! -= share * stamp.noise * products[i * terms + j]!;
    }
  }
  return { ...stamp, matrix };
}

type FieldSize = Pick<SolveOptions, "width" | "height">;

/** Puts each star's equations into the large ones, every term times its polynomial at the star. */
function assemble(
  stamps: readonly StampEquations[],
  orders: readonly number[],
  size: FieldSize,
): { matrix: Float64Array; vector: Float64Array } {
  const starts: number[] = [];
  let n = 0;
  for (const order of orders) {
    starts.push(n);
    n += polynomialTerms(order);
  }
  const matrix = new Float64Array(n * n);
  const vector = new Float64Array(n);
  const order = Math.max(...orders);
  for (const stamp of stamps) {
    const f = polynomialValues(stamp.x, stamp.y, { width: size.width, height: size.height, order });
    addStamp(matrix, vector, { stamp, f, starts, orders });
  }
  return { matrix, vector };
}

function addStamp(
  matrix: Float64Array,
  vector: Float64Array,
  parts: {
    readonly stamp: StampEquations;
    readonly f: Float64Array;
    readonly starts: readonly number[];
    readonly orders: readonly number[];
  },
): void {
  const { stamp, f, starts, orders } = parts;
  const n = vector.length;
  const terms = orders.length;
  for (let i = 0; i < terms; i++) {
    const rows = polynomialTerms(orders[i]!);
    for (let a = 0; a < rows; a++) {
      const row = starts[i]! + a;
      vector[row]! += f[a]! * stamp.vector[i]!;
      for (let j = 0; j < terms; j++) {
        const value = f[a]! * stamp.matrix[i * terms + j]!;
        const columns = polynomialTerms(orders[j]!);
        for (let b = 0; b < columns; b++) matrix[row * n + starts[j]! + b]! += value * f[b]!;
      }
    }
  }
}

/** Coefficients of the local kernel and background at a star. */
function localCoefficients(
  stamp: StampEquations,
  coefficients: Float64Array,
  orders: readonly number[],
  size: FieldSize,
): Float64Array {
  const order = Math.max(...orders);
  const f = polynomialValues(stamp.x, stamp.y, { width: size.width, height: size.height, order });
  let at = 0;
  return Float64Array.from(orders, (termOrder) => {
    const count = polynomialTerms(termOrder);
    let sum = 0;
    for (let k = 0; k < count; k++) sum += coefficients[at + k]! * f[k]!;
    at += count;
    return sum;
  });
}

function chi2PerPixel(
  stamp: StampEquations,
  coefficients: Float64Array,
  orders: readonly number[],
  size: FieldSize,
): number {
  const c = localCoefficients(stamp, coefficients, orders, size);
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
  orders: readonly number[],
  options: SolveOptions,
): StampEquations[] {
  const chi2 = stamps.map((stamp) => chi2PerPixel(stamp, coefficients, orders, options));
  const middle = median(chi2);
  const spread = 1.4826 * median(chi2.map((value) => Math.abs(value - middle)));
  // A star whose χ² is that of pure noise stays, however alike the others are.
  const limit = middle + Math.max(options.clipSigma * spread, 0.25);
  return stamps.filter((_, i) => chi2[i]! <= limit);
}
