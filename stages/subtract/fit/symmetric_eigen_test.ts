import assert from "node:assert/strict";
import fc from "fast-check";
import { randomNumbers } from "../_synthetic_pair.ts";
import { symmetricEigen } from "./symmetric_eigen.ts";

Deno.test("symmetricEigen() finds vectors that the matrix stretches, at right angles to each other", () => {
  const orders = fc.integer({ min: 1, max: 20 }), seeds = fc.integer({ min: 1, max: 1e6 });
  fc.assert(fc.property(orders, seeds, fc.boolean(), (n, seed, isSingular) => {
    const random = randomNumbers(seed);
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      const value = () => isSingular && i > n / 2 ? 0 : random() - 0.5;
      for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = value();
    }
    const { values, vectors } = symmetricEigen(matrix, n);
    for (let k = 0; k < n; k++) {
      const v = vectors.subarray(k * n, (k + 1) * n);
      for (let i = 0; i < n; i++) {
        const stretched = v.reduce((sum, x, j) => sum + matrix[i * n + j]! * x, 0);
        assert.ok(Math.abs(stretched - values[k]! * v[i]!) < 1e-13 * n);
      }
      for (let l = 0; l < n; l++) {
        const product = v.reduce((sum, x, j) => sum + x * vectors[l * n + j]!, 0);
        assert.ok(Math.abs(product - (k === l ? 1 : 0)) < 1e-13 * n);
      }
    }
  }));
});

Deno.test("symmetricEigen() of a diagonal matrix, of zeros and of very unlike elements", () => {
  assert.deepEqual([...symmetricEigen(Float64Array.of(3, 0, 0, -1), 2).values], [3, -1]);
  assert.deepEqual([...symmetricEigen(new Float64Array(9), 3).values], [0, 0, 0]);
  const { values } = symmetricEigen(Float64Array.of(1e8, 1, 1, 1e-8), 2);
  assert.ok(Math.abs(Math.max(...values) - 1e8) < 1e-6);
  assert.ok(Math.abs(Math.min(...values)) < 1e-6);
});
