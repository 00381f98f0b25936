import assert from "node:assert/strict";
import fc from "fast-check";
import { convolveVarying } from "./convolve_varying.ts";
import { constantField, kernelAt, type KernelField, polynomialTerms } from "./kernel_field.ts";

/** The definition, pixel by pixel, with the kernel of the tile's centre. */
function oracle(image: Float32Array, field: KernelField, tilePx: number, squared: boolean) {
  const { width, height, halfPx } = field;
  const size = 2 * halfPx + 1;
  const out = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const left = Math.floor(x / tilePx) * tilePx, top = Math.floor(y / tilePx) * tilePx;
      const cx = left + (Math.min(tilePx, width - left) - 1) / 2;
      const cy = top + (Math.min(tilePx, height - top) - 1) / 2;
      const kernel = kernelAt(field, cx, cy);
      let sum = 0;
      for (let dy = -halfPx; dy <= halfPx; dy++) {
        for (let dx = -halfPx; dx <= halfPx; dx++) {
          const w = kernel[(dy + halfPx) * size + dx + halfPx]!;
          const sx = Math.min(width - 1, Math.max(0, x - dx));
          const sy = Math.min(height - 1, Math.max(0, y - dy));
          sum += (squared ? w * w : w) * image[sy * width + sx]!;
        }
      }
      out[y * width + x] = sum;
    }
  }
  return out;
}

function assertClose(actual: Float32Array, expected: Float64Array, scale: number) {
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) <= 4 * 2 ** -24 * scale + 1e-12, `pixel ${i}`);
  });
}

Deno.test("convolveVarying() moves an image by a delta kernel off the centre", () => {
  const image = Float32Array.from({ length: 20 }, (_, i) => i * i);
  const kernel = new Float64Array(9);
  kernel[3 * 1 + 2] = 2; // dx = +1, dy = 0, weight 2
  const out = convolveVarying(image, constantField(kernel, 5, 4));
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 5; x++) {
      assert.equal(out[y * 5 + x], 2 * image[y * 5 + Math.max(0, x - 1)]!);
    }
  }
});

Deno.test("convolveVarying() agrees with the float64 definition over random sizes, kernels and tiles", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 23 }),
    fc.integer({ min: 1, max: 19 }),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 3, max: 12 }),
    fc.boolean(),
    fc.integer({ min: 1, max: 1e6 }),
    (width, height, halfPx, tilePx, squared, seed) => {
      let state = seed;
      const random = () => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return state / 0x7fffffff - 0.5;
      };
      const size = 2 * halfPx + 1;
      const orders = [0, 1, 2];
      const coefficients = Float64Array.from(
        { length: orders.reduce((n, order) => n + polynomialTerms(order), 0) },
        random,
      );
      const basis = Float64Array.from({ length: 3 * size * size }, random);
      const field = { halfPx, basis, orders, coefficients, width, height };
      const image = Float32Array.from({ length: width * height }, () => 1000 * random());
      const expected = oracle(image, field, tilePx, squared);
      const scale = 1000 * size * size * 10;
      assertClose(convolveVarying(image, field, { tilePx, squared }), expected, scale);
      const middle = Math.floor(height / 2);
      const parts = new Float32Array(width * height);
      parts.set(convolveVarying(image, field, { tilePx, squared, y1: middle }), 0);
      parts.set(convolveVarying(image, field, { tilePx, squared, y0: middle }), middle * width);
      assertClose(parts, expected, scale);
    },
  ));
});

Deno.test("convolveVarying() of a constant image gives the kernel's sum everywhere", () => {
  const kernel = Float64Array.from({ length: 25 }, (_, i) => Math.sin(i) + 1);
  const sum = kernel.reduce((a, b) => a + b, 0);
  const out = convolveVarying(new Float32Array(70 * 40).fill(3), constantField(kernel, 70, 40));
  for (const value of out) assert.ok(Math.abs(value - 3 * sum) < 1e-4 * sum);
});
