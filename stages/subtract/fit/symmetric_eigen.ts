/**
 * Eigenvalues and eigenvectors of symmetric matrices.
 *
 * @module
 */

import { inDense } from "../../../gpu/kernels/dense/dense.ts";

/** What {@linkcode symmetricEigen} finds; in no order. */
export interface Eigen {
  /** `[n]`. */
  readonly values: Float64Array;
  /** `[n, n]`: a row each, of unit length, in the order of the values. */
  readonly vectors: Float64Array;
}

const MOST_SWEEPS = 40;

/**
 * Finds the eigenvalues and eigenvectors of a symmetric matrix by cyclic rotations of Jacobi's
 * (Golub & Van Loan, Matrix Computations, 8.5): slow for large matrices, right to the last digits.
 *
 * @param matrix `[n, n]`.
 * @param n Its order.
 * @returns Values and vectors.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const { values } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2);
 * assert.ok(Math.abs(Math.max(...values) - 3) < 1e-12 && Math.abs(Math.min(...values) - 1) < 1e-12);
 * ```
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  return inDense((room) => {
    const a = room.put(matrix), vectors = room.floats(n * n);
    room.run.eigen(a, vectors, n, Number.EPSILON * 1e-3, MOST_SWEEPS);
    const turned = room.read(a, n * n);
    const values = Float64Array.from({ length: n }, (_, i) => turned[i * n + i]!);
    return { values, vectors: room.read(vectors, n * n) };
  });
}
