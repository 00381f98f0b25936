import assert from "node:assert/strict";
import fc from "fast-check";
import { buildBasis, chooseGaussians, noiseProducts } from "./basis.ts";
import { randomNumbers } from "../_synthetic_pair.ts";
import { solveScaled } from "./linear_system.ts";

Deno.test("solveScaled() solves a hand case and agrees with A x = b over random positive matrices", () => {
  assert.deepEqual([...solveScaled(Float64Array.of(4, 0, 0, 9), Float64Array.of(8, 27))], [2, 3]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 1e6 }), (n, seed) => {
      const random = randomNumbers(seed);
      const root = Float64Array.from({ length: n * n }, () => random() - 0.5);
      const matrix = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          for (let k = 0; k < n; k++) matrix[i * n + j]! += root[i * n + k]! * root[j * n + k]!;
          if (i === j) matrix[i * n + j]! += 0.1;
        }
      }
      const truth = Float64Array.from({ length: n }, () => random() - 0.5);
      const right = Float64Array.from(
        { length: n },
        (_, i) => truth.reduce((sum, value, j) => sum + matrix[i * n + j]! * value, 0),
      );
      solveScaled(matrix, right).forEach((value, i) => {
        assert.ok(Math.abs(value - truth[i]!) < 1e-9);
      });
    }),
  );
});

Deno.test("the first basis function sums to one and every other to zero", () => {
  const basis = buildBasis(chooseGaussians(3, 4.5));
  const pixels = (2 * basis.halfPx + 1) ** 2;
  basis.terms.forEach((_, n) => {
    const sum = basis.images.subarray(n * pixels, (n + 1) * pixels).reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - (n === 0 ? 1 : 0)) < 1e-12, `term ${n}: ${sum}`);
  });
});

Deno.test("noiseProducts() of white noise are the products of the basis images", () => {
  const basis = buildBasis([{ sigmaPx: 1, degree: 1 }], 4);
  const white = { reachPx: 0, values: Float64Array.of(1) };
  const products = noiseProducts(basis, white);
  const square = basis.images.subarray(0, 81).reduce((sum, value) => sum + value * value, 0);
  assert.ok(Math.abs(products[0]! - square) < 1e-12);
  assert.ok(Math.abs(products[1]!) < 1e-12);
});
