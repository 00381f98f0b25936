/**
 * Symmetric linear systems in float64.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { symmetricEigen } from "./symmetric_eigen.ts";

/**
 * Solves a symmetric positive definite system scaled to unit diagonal, by
 * Cholesky; when that breaks down, by eigenvalues with the smallest left out.
 *
 * @param matrix `[n, n]`.
 * @param vector `[n]`.
 * @returns `[n]`.
 * @throws {DataError} If the system has no finite solution.
 */
export function solveScaled(matrix: Float64Array, vector: Float64Array): Float64Array {
  const scaled = unitDiagonal(matrix, vector.length);
  const result = solvePositive(matrix, vector, 1e-13) ??
    truncatedInverse(scaled.matrix, vector.map((value, i) => value / scaled.scale[i]!))
      .map((value, i) => value / scaled.scale[i]!);
  if (result.every(Number.isFinite)) return result;
  throw new DataError("Cannot fit the kernel: the normal equations have no finite solution");
}

/**
 * Solves a symmetric positive definite system by Cholesky.
 *
 * @param matrix `[n, n]`.
 * @param vector `[n]`.
 * @param smallestPivot Of the matrix scaled to unit diagonal.
 * @returns `[n]`; undefined when a pivot is smaller than allowed.
 */
export function solvePositive(
  matrix: Float64Array,
  vector: Float64Array,
  smallestPivot: number,
): Float64Array | undefined {
  const scaled = unitDiagonal(matrix, vector.length);
  const lower = factorise(scaled.matrix, vector.length, smallestPivot);
  if (lower === undefined) return undefined;
  const right = vector.map((value, i) => value / scaled.scale[i]!);
  return substitute(lower, right).map((value, i) => value / scaled.scale[i]!);
}

function unitDiagonal(
  matrix: Float64Array,
  n: number,
): { matrix: Float64Array; scale: Float64Array } {
  const scale = Float64Array.from({ length: n }, (_, i) => Math.sqrt(matrix[i * n + i]!) || 1);
  const scaled = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0, k = i * n; j < n; j++, k++) scaled[k] = matrix[k]! / (scale[i]! * scale[j]!);
  }
  return { scale, matrix: scaled };
}

/**
 * The lower factor of Cholesky's.
 *
 * @param matrix `[n, n]`, symmetric.
 * @param n Its order.
 * @param smallestPivot Below which there is none.
 * @returns `[n, n]`, to be read on and below the diagonal alone; undefined when a pivot is smaller than allowed.
 */
export function factorise(
  matrix: Float64Array,
  n: number,
  smallestPivot: number,
): Float64Array | undefined {
  const lower = matrix.slice();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const sum = lower[i * n + j]! - dot(lower, i * n, j * n, j);
      if (i !== j) lower[i * n + j] = sum / lower[j * n + j]!;
      else if (sum > smallestPivot) lower[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  return lower;
}

/** Of two parts of an array; four sums at a time, so that the additions need not wait for each other. */
function dot(values: Float64Array, a: number, b: number, count: number): number {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, k = 0;
  for (; k + 4 <= count; k += 4) {
    s0 += values[a + k]! * values[b + k]!;
    s1 += values[a + k + 1]! * values[b + k + 1]!;
    s2 += values[a + k + 2]! * values[b + k + 2]!;
    s3 += values[a + k + 3]! * values[b + k + 3]!;
  }
  for (; k < count; k++) s0 += values[a + k]! * values[b + k]!;
  return s0 + s1 + s2 + s3;
}

/** Solves by a lower factor and its transpose, along the rows of the factor both times. */
function substitute(lower: Float64Array, right: Float64Array): Float64Array {
  const n = right.length;
  const x = right.slice();
  for (let i = 0, row = 0; i < n; i++, row += n) {
    let sum = x[i]!;
    for (let k = 0; k < i; k++) sum -= lower[row + k]! * x[k]!;
    x[i] = sum / lower[row + i]!;
  }
  for (let i = n - 1, row = i * n; i >= 0; i--, row -= n) {
    const value = x[i]! / lower[row + i]!;
    x[i] = value;
    for (let k = 0; k < i; k++) x[k]! -= lower[row + k]! * value;
  }
  return x;
}

function truncatedInverse(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length;
  const { values, vectors } = symmetricEigen(matrix, n);
  const floor = 1e-11 * values.reduce((a, b) => Math.max(a, b), 0);
  const x = new Float64Array(n);
  values.forEach((value, k) => {
    if (!(value > floor)) return;
    const vector = vectors.subarray(k * n, (k + 1) * n);
    let projection = 0;
    for (let i = 0; i < n; i++) projection += vector[i]! * right[i]!;
    for (let i = 0; i < n; i++) x[i]! += (projection / value) * vector[i]!;
  });
  return x;
}

const POWER_STEPS = 40;

/**
 * The condition number of a symmetric positive matrix scaled to unit diagonal,
 * its extreme eigenvalues by power iteration: right to some per cent, which is
 * enough to judge a fit by.
 *
 * @param matrix `[n, n]`.
 * @param n Its order.
 * @returns Largest over smallest eigenvalue, at most 1 / (n ε).
 */
export function condition(matrix: Float64Array, n: number): number {
  const scaled = unitDiagonal(matrix, n).matrix;
  const limit = 1 / (Number.EPSILON * n);
  const largest = extremeEigenvalue(n, (x) => multiply(scaled, x));
  const lower = factorise(scaled, n, Number.EPSILON);
  if (lower === undefined) return limit;
  return Math.min(limit, largest * extremeEigenvalue(n, (x) => substitute(lower, x)));
}

function extremeEigenvalue(n: number, apply: (x: Float64Array) => Float64Array): number {
  let x: Float64Array = Float64Array.from({ length: n }, (_, i) => 1 + Math.sin(7 * i));
  let size = 0;
  for (let step = 0; step < POWER_STEPS; step++) {
    x = apply(x);
    let squares = 0;
    for (let i = 0; i < n; i++) squares += x[i]! * x[i]!;
    size = Math.sqrt(squares);
    if (!(size > 0)) return 0;
    for (let i = 0; i < n; i++) x[i]! /= size;
  }
  return size;
}

function multiply(matrix: Float64Array, x: Float64Array): Float64Array {
  const n = x.length;
  const out = new Float64Array(n);
  for (let i = 0, k = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += matrix[k++]! * x[j]!;
    out[i] = sum;
  }
  return out;
}
