/**
 * The few ways in which a kernel varies over the field.
 *
 * @module
 */

import { inDense } from "../../../gpu/kernels/dense/dense.ts";
import {
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { starSums } from "../../../gpu/kernels/star_equations/star_equations.ts";
import { factorise } from "./linear_system.ts";
import { putStars, type Variation } from "./field_sums.ts";
import type { FieldSolution } from "./solve.ts";
import type { StampEquations } from "./stamps.ts";
import { symmetricEigen } from "./symmetric_eigen.ts";

/** A basis in which the variation of a kernel stands in few functions. */
export interface KernelModes {
  /** The new functions in terms of the old, `[terms, terms]`, a column each; the first is the old first. */
  readonly rotation: Float64Array;
  /** So many of the functions behind the first vary over the field; the others are the same everywhere. */
  readonly varying: number;
}

/** More than so many ways are never needed. */
const MOST_MODES = 10;
/** By how much the variance along a mode must exceed what noise alone would give. */
const SIGNIFICANT = 1.5;

/**
 * Finds the principal modes of a kernel's variation in units of its noise: the
 * coefficients of all polynomials but the constant, scaled by the roots of the
 * normal equations to unit noise, are a matrix of terms × polynomials; its
 * singular vectors beyond the edge of those of pure noise, √terms + √polynomials
 * (Marchenko & Pastur 1967), are the ways in which the kernel does vary.
 *
 * @param solution A kernel whose terms all vary by the same order, at least 1.
 * @param variation Its orders and the size of the field.
 * @returns The modes; every function of the new basis has unit noise.
 */
export function principalModes(solution: FieldSolution, variation: Variation): KernelModes {
  const { used, coefficients, orders } = solution;
  const terms = orders.length - 1, shape = terms - 1;
  const lower = factorise(sumOfShapes(used, terms), shape, 0) ?? identity(shape);
  const count = polynomialTerms(orders[1]!) - 1;
  const spread = factorise(momentsOf(used, variation, count), count, 0) ?? identity(count);
  const first = polynomialTerms(orders[0]!);
  // Rows: terms; columns: polynomials. Lᵀ C R has noise of unit variance.
  const varied = Float64Array.from({ length: shape * count }, (_, k) => {
    return coefficients[first + Math.floor(k / count) * (count + 1) + 1 + k % count]!;
  });
  const whitened = timesLower(transposedTimes(lower, varied, shape, count), spread, shape, count);
  const power = Float64Array.from({ length: shape * shape }, (_, k) => {
    const i = Math.floor(k / shape) * count, j = (k % shape) * count;
    let sum = 0;
    for (let l = 0; l < count; l++) sum += whitened[i + l]! * whitened[j + l]!;
    return sum;
  });
  const { values, vectors } = symmetricEigen(power, shape);
  const edge = SIGNIFICANT * (Math.sqrt(shape) + Math.sqrt(count)) ** 2;
  const ranked = [...values.keys()].sort((a, b) => values[b]! - values[a]!);
  const varying = ranked.filter((k) => values[k]! > edge).length;
  return {
    rotation: rotationOf(lower, ranked.map((k) => vectors.subarray(k * shape, (k + 1) * shape))),
    varying: Math.min(varying, MOST_MODES),
  };
}

/** Lᵀ C for a lower triangle L, `[n, n]`, and C, `[n, columns]`. */
function transposedTimes(
  lower: Float64Array,
  c: Float64Array,
  n: number,
  columns: number,
): Float64Array {
  const out = new Float64Array(n * columns);
  for (let i = 0; i < n; i++) {
    for (let k = i; k < n; k++) {
      const value = lower[k * n + i]!;
      for (let j = 0; j < columns; j++) out[i * columns + j]! += value * c[k * columns + j]!;
    }
  }
  return out;
}

/** C R for C, `[rows, n]`, and a lower triangle R, `[n, n]`. */
function timesLower(c: Float64Array, lower: Float64Array, rows: number, n: number): Float64Array {
  const out = new Float64Array(rows * n);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < n; k++) {
      const value = c[i * n + k]!;
      for (let j = 0; j <= k; j++) out[i * n + j]! += value * lower[k * n + j]!;
    }
  }
  return out;
}

/** Columns L⁻ᵀ u behind a first one that stays. */
function rotationOf(lower: Float64Array, vectors: readonly Float64Array[]): Float64Array {
  const shape = vectors.length, terms = shape + 1;
  const rotation = new Float64Array(terms * terms);
  rotation[0] = 1;
  vectors.forEach((vector, column) => {
    const x = Float64Array.from(vector);
    for (let i = shape - 1; i >= 0; i--) {
      for (let k = i + 1; k < shape; k++) x[i]! -= lower[k * shape + i]! * x[k]!;
      x[i]! /= lower[i * shape + i]!;
    }
    x.forEach((value, i) => rotation[(i + 1) * terms + column + 1] = value);
  });
  return rotation;
}

/** The normal matrix of the shape's terms over all stars. */
function sumOfShapes(stamps: readonly StampEquations[], terms: number): Float64Array {
  const n = terms + 1, shape = terms - 1;
  const sum = new Float64Array(shape * shape);
  for (const { matrix } of stamps) {
    for (let i = 0; i < shape; i++) {
      for (let j = 0; j < shape; j++) sum[i * shape + j]! += matrix[(i + 1) * n + j + 1]!;
    }
  }
  for (let i = 0; i < shape; i++) sum[i * shape + i]! *= 1 + 1e-9;
  return sum;
}

/** Mean products of the polynomials but the constant over the stars. */
function momentsOf(
  stamps: readonly StampEquations[],
  variation: Variation,
  count: number,
): Float64Array {
  const { width, height, orders } = variation;
  const mean = new Float64Array(count), moments = new Float64Array(count * count);
  const values = stamps.map(({ x, y }) => {
    return polynomialValues(x, y, { width, height, order: orders[1]! }).subarray(1);
  });
  for (const f of values) f.forEach((value, i) => mean[i]! += value / values.length);
  for (const f of values) {
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        moments[i * count + j]! += (f[i]! - mean[i]!) * (f[j]! - mean[j]!) / values.length;
      }
    }
  }
  return moments;
}

function identity(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => i % (n + 1) === 0 ? 1 : 0);
}

/**
 * The equations of stars over the new basis.
 *
 * @param stamps Over the old one.
 * @param rotation As in {@linkcode KernelModes.rotation}.
 * @returns The same stars.
 */
export function rotateStamps(
  stamps: readonly StampEquations[],
  rotation: Float64Array,
): StampEquations[] {
  const n = Math.round(Math.sqrt(rotation.length)) + 1;
  const whole = new Float64Array(n * n); // the background stays
  for (let i = 0; i + 1 < n; i++) {
    whole.set(rotation.subarray(i * (n - 1), (i + 1) * (n - 1)), i * n);
  }
  whole[n * n - 1] = 1;
  const size = n * n + n + 3;
  const turned = inDense((room) => {
    const out = room.floats(stamps.length * size), half = room.floats(n * n);
    const stars = putStars(room, stamps);
    room.run.turnStars(stars, stamps.length, n, room.put(whole), half, out);
    return room.read(out, stamps.length * size);
  });
  return stamps.map(({ x, y }, k) => {
    return { ...starSums(turned.subarray(k * size, (k + 1) * size), n), x, y };
  });
}

/**
 * Qᵀ M Q.
 *
 * @param matrix M, symmetric, `[n, n]`.
 * @param rotation Q, `[n, n]`.
 * @param n Their order.
 * @returns `[n, n]`.
 */
export function congruence(matrix: Float64Array, rotation: Float64Array, n: number): Float64Array {
  return inDense((room) => {
    const half = room.floats(n * n), out = room.floats(n * n), q = room.put(rotation);
    room.run.addProduct(room.put(matrix), q, half, n, n, n);
    room.run.addTransposedProduct(q, half, out, n, n, n);
    return room.read(out, n * n);
  });
}

/**
 * The basis images of the new functions.
 *
 * @param images Of the old ones, `[terms, pixels]`.
 * @param rotation As in {@linkcode KernelModes.rotation}.
 * @returns `[terms, pixels]`.
 */
export function rotateImages(images: Float64Array, rotation: Float64Array): Float64Array {
  const terms = Math.round(Math.sqrt(rotation.length)), pixels = images.length / terms;
  return inDense((room) => {
    const out = room.floats(images.length);
    const sizes = [terms, terms, pixels] as const;
    room.run.addTransposedProduct(room.put(rotation), room.put(images), out, ...sizes);
    return room.read(out, images.length);
  });
}
