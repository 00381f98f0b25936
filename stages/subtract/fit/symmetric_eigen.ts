/**
 * Eigenvalues and eigenvectors of symmetric matrices.
 *
 * @module
 */

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
  const a = matrix.slice();
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  const size = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let largest = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        largest = Math.max(largest, Math.abs(a[p * n + q]!));
        rotate(a, vectors, n, p, q);
      }
    }
    if (!(largest > Number.EPSILON * 1e-3 * size)) break;
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors };
}

/** Turns two axes so that the element between them is 0. */
function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const between = a[p * n + q]!;
  if (between === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * between);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1), s = t * c;
  turnRows(a, n, p, q, c, s);
  for (let k = 0, row = 0; k < n; k++, row += n) {
    const x = a[row + p]!, y = a[row + q]!;
    a[row + p] = c * x - s * y;
    a[row + q] = s * x + c * y;
  }
  a[p * n + q] = a[q * n + p] = 0;
  turnRows(vectors, n, p, q, c, s);
}

function turnRows(m: Float64Array, n: number, p: number, q: number, c: number, s: number): void {
  for (let k = 0, i = p * n, j = q * n; k < n; k++, i++, j++) {
    const x = m[i]!, y = m[j]!;
    m[i] = c * x - s * y;
    m[j] = s * x + c * y;
  }
}
