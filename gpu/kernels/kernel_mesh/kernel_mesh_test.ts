import assert from "node:assert/strict";
import { kernelAt, type KernelField, polynomialTerms } from "../convolve_varying/kernel_field.ts";
import { kernelMesh } from "./kernel_mesh.ts";

/** A kernel of three terms that varies by another order in each. */
function fieldOf(halfPx: number, orders: readonly number[]): KernelField {
  const side = 2 * halfPx + 1, taps = side * side;
  const count = orders.reduce((sum, order) => sum + polynomialTerms(order), 0);
  return {
    ...{ halfPx, orders, width: 700, height: 500 },
    basis: Float64Array.from({ length: orders.length * taps }, (_, i) => {
      const dx = i % side - halfPx, dy = Math.floor(i % taps / side) - halfPx;
      const term = Math.floor(i / taps);
      return Math.exp(-(dx * dx + dy * dy) / (2 + term)) * (1 + 0.2 * term * dx - 0.1 * dy);
    }),
    coefficients: Float64Array.from({ length: count }, (_, k) => Math.sin(1 + 3 * k) / (1 + k)),
  };
}

Deno.test("kernelMesh() holds the kernel at its nodes, or its square, rounded to float32", () => {
  for (const field of [fieldOf(1, [0]), fieldOf(4, [2, 0, 3]), fieldOf(7, [1, 4, 2])]) {
    const side = 2 * field.halfPx + 1, stride = side * side + 3 & ~3;
    const [kernel, square] = (["kernel", "square"] as const).map((of) => kernelMesh(field, { of }));
    const { columns, shift } = kernel!, rows = kernel!.nodes.length / columns / stride;
    assert.ok(Number.isInteger(rows) && rows << shift > field.height, `${rows} rows`);
    for (let node = 0; node < rows * columns; node++) {
      const x = (node % columns) << shift, y = Math.floor(node / columns) << shift;
      const exact = kernelAt(field, x, y).reverse();
      const largest = Math.max(...exact.map(Math.abs));
      exact.forEach((value, i) => {
        const at = node * stride + i;
        assert.ok(Math.abs(kernel!.nodes[at]! - value) < 1e-7 * largest);
        assert.ok(Math.abs(square!.nodes[at]! - value ** 2) < 1e-7 * largest ** 2);
      });
    }
  }
});

Deno.test("kernelMesh() of both keeps the sum of the square in the middle of it", () => {
  const field = fieldOf(7, [2, 1, 0]);
  const { nodes, columns, shift, innerHalfPx } = kernelMesh(field, { of: "both" });
  const outer = 15 * 15 + 3 & ~3, span = 2 * innerHalfPx! + 1;
  const stride = outer + (span * span + 3 & ~3);
  assert.ok(innerHalfPx! > 0 && innerHalfPx! < 7, `${innerHalfPx}`);
  for (const node of [0, 5, 3 * columns + 2, nodes.length / stride - 1]) {
    const exact = kernelAt(field, (node % columns) << shift, Math.floor(node / columns) << shift);
    const total = exact.reduce((sum, value) => sum + value * value, 0);
    const inner = nodes.subarray(node * stride + outer, (node + 1) * stride);
    assert.ok(Math.abs(inner.reduce((a, b) => a + b, 0) / total - 1) < 1e-5);
    const middle = (span * span - 1) / 2, tap = nodes[node * stride + (15 * 15 - 1) / 2]!;
    assert.ok(inner[middle]! >= tap * tap * (1 - 1e-6) && inner[middle]! < 1.1 * tap * tap);
  }
});
