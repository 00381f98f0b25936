/**
 * The equations of many stars over a kernel that varies over the field.
 *
 * @module
 */

import {
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import type { StampEquations } from "./stamps.ts";

/** The polynomials of the position that are solved with. */
export interface Variation {
  /** Size of the field, px. */
  readonly width: number;
  readonly height: number;
  /** Spatial order of each term's coefficient, then of the background: `[terms + 1]`. */
  readonly orders: readonly number[];
}

/** Normal equations of some stars over all coefficients. */
export interface FieldSums {
  readonly variation: Variation;
  /** `[n, n]`. */
  readonly matrix: Float64Array;
  /** What a unit of the basis' noise products adds to `matrix`: sums of products of the polynomials, `[T, T]`. */
  readonly noise: Float64Array;
  /** `[n]`. */
  readonly vector: Float64Array;
}

/**
 * Puts each star's equations into the large ones, every term times its polynomials at the star.
 *
 * @param stamps Stars.
 * @param variation Orders and size of the field.
 * @returns The sums.
 */
export function sumStamps(stamps: readonly StampEquations[], variation: Variation): FieldSums {
  const { orders } = variation;
  const counts = orders.map(polynomialTerms);
  const n = counts.reduce((a, b) => a + b, 0);
  const most = Math.max(...counts);
  const matrix = new Float64Array(n * n), vector = new Float64Array(n);
  const noise = new Float64Array(most * most);
  for (const stamp of stamps) {
    const f = valuesAt(stamp, variation);
    addStamp(matrix, vector, { stamp, f, counts });
    for (let a = 0; a < most; a++) {
      for (let b = 0; b < most; b++) noise[a * most + b]! += stamp.noise * f[a]! * f[b]!;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j]!;
  }
  return { variation, matrix, noise, vector };
}

function valuesAt(place: { x: number; y: number }, variation: Variation): Float64Array {
  const { width, height, orders } = variation;
  return polynomialValues(place.x, place.y, { width, height, order: Math.max(...orders) });
}

/** Fills the lower triangle. */
function addStamp(
  matrix: Float64Array,
  vector: Float64Array,
  parts: {
    readonly stamp: StampEquations;
    readonly f: Float64Array;
    readonly counts: readonly number[];
  },
): void {
  const { stamp, f, counts } = parts;
  const n = vector.length, terms = counts.length;
  let row = 0;
  for (let i = 0; i < terms; i++) {
    for (let a = 0; a < counts[i]!; a++, row++) {
      vector[row]! += f[a]! * stamp.vector[i]!;
      let at = row * n;
      for (let j = 0; j <= i; j++) {
        const value = f[a]! * stamp.matrix[i * terms + j]!;
        for (let b = 0, end = counts[j]!; b < end; b++) matrix[at++]! += value * f[b]!;
      }
    }
  }
}

/**
 * Adds the sums of two groups of stars.
 *
 * @param a Of one group.
 * @param b Of another one, over the same polynomials.
 * @param factor On the second; -1 takes it off.
 * @returns New sums.
 */
export function addSums(a: FieldSums, b: FieldSums, factor = 1): FieldSums {
  const add = (to: Float64Array, values: Float64Array) => {
    const sum = to.slice();
    for (let i = 0; i < sum.length; i++) sum[i]! += factor * values[i]!;
    return sum;
  };
  return {
    variation: a.variation,
    matrix: add(a.matrix, b.matrix),
    noise: add(a.noise, b.noise),
    vector: add(a.vector, b.vector),
  };
}

/**
 * Coefficients of the local kernel and background at a place.
 *
 * @param place px.
 * @param coefficients Of the field.
 * @param variation Orders and size of the field.
 * @returns One a term.
 */
export function localCoefficients(
  place: { readonly x: number; readonly y: number },
  coefficients: Float64Array,
  variation: Variation,
): Float64Array {
  const f = valuesAt(place, variation);
  let at = 0;
  return Float64Array.from(variation.orders, (order) => {
    const count = polynomialTerms(order);
    let sum = 0;
    for (let k = 0; k < count; k++) sum += coefficients[at + k]! * f[k]!;
    at += count;
    return sum;
  });
}
