/**
 * Symmetric linear systems in float64.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { type DenseRoom, inDense } from "../../../gpu/kernels/dense/dense.ts";
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
  const result = solvePositive(matrix, vector, 1e-13) ?? solveTruncated(matrix, vector);
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
  return inDense((room) => {
    return solveIn(room, room.put(matrix), room.put(vector), vector.length, smallestPivot);
  });
}

/**
 * As {@linkcode solvePositive}, of arrays that lie in the room; both are overwritten.
 *
 * @param room Where.
 * @param matrix Address, `[n, n]`.
 * @param vector Address, `[n]`.
 * @param n Order.
 * @param smallestPivot Of the matrix scaled to unit diagonal.
 * @returns `[n]`; undefined when a pivot is smaller than allowed.
 */
export function solveIn(
  room: DenseRoom,
  matrix: number,
  vector: number,
  n: number,
  smallestPivot: number,
): Float64Array | undefined {
  const isSolved = room.run.solvePositive(matrix, vector, room.floats(n), n, smallestPivot);
  return isSolved ? room.read(vector, n) : undefined;
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
  return inDense((room) => {
    const at = room.put(matrix);
    return room.run.factorise(at, n, smallestPivot) ? room.read(at, n * n) : undefined;
  });
}

function solveTruncated(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length;
  const { scaled, scale } = inDense((room) => {
    const at = room.put(matrix), roots = room.floats(n);
    room.run.toUnitDiagonal(at, roots, n);
    return { scaled: room.read(at, n * n), scale: room.read(roots, n) };
  });
  const right = vector.map((value, i) => value / scale[i]!);
  return truncatedInverse(scaled, right).map((value, i) => value / scale[i]!);
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
  const limit = 1 / (Number.EPSILON * n);
  return inDense((room) => {
    const { run } = room;
    const at = room.put(matrix), x = room.floats(n), y = room.floats(n);
    const start = Float64Array.from({ length: n }, (_, i) => 1 + Math.sin(7 * i));
    const again = room.put(start);
    run.toUnitDiagonal(at, x, n);
    const largest = run.largestEigenvalue(at, room.put(start), y, n, POWER_STEPS);
    if (!run.factorise(at, n, Number.EPSILON)) return limit;
    return Math.min(limit, largest * run.largestOfInverse(at, again, n, POWER_STEPS));
  });
}
