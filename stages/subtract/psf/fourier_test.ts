import assert from "node:assert/strict";
import { kernelAt } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { Fourier, multiply, power } from "./fourier.ts";
import { kernelSurfaces } from "./kernel_surface.ts";

const KERNEL = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 10);

Deno.test("Fourier.forward() gives what numpy.fft.fft2 gives", () => {
  // numpy: a = zeros((4, 4)); a[i - 1, j - 1] = [[1, 2, 3], [4, 5, 6], [7, 8, 10]][i][j]; fft2(a)
  const { re, im } = new Fourier(4).forward(KERNEL);
  const expectedRe = [46, 15, -16, 15, 15, 4, -5, 6, -16, -5, 6, -5, 15, 6, -5, 4];
  const expectedIm = [0, -7, 0, 7, -19, -8, 7, -4, 0, 3, 0, -3, 19, 4, -7, 8];
  re.forEach((value, i) => assert.ok(Math.abs(value - expectedRe[i]!) < 1e-12, `${i}: ${value}`));
  im.forEach((value, i) => assert.ok(Math.abs(value - expectedIm[i]!) < 1e-12, `${i}: ${value}`));
});

Deno.test("Fourier.inverse() gives back the kernel, and Parseval's sum holds", () => {
  const fourier = new Fourier(32);
  const kernel = Float64Array.from({ length: 121 }, (_, i) => Math.sin(3 * i) + i / 50);
  const spectrum = fourier.forward(kernel);
  const back = fourier.inverse(spectrum, 5);
  kernel.forEach((value, i) => assert.ok(Math.abs(back[i]! - value) < 1e-13));
  const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
  const squares = sum(kernel.map((value) => value * value));
  assert.ok(Math.abs(sum(power(spectrum)) / 32 ** 2 / squares - 1) < 1e-12);
});

Deno.test("multiply() of two transfer functions convolves their kernels", () => {
  const fourier = new Fourier(16);
  const delta = new Float64Array(9);
  delta[5] = 2; // dx = +1, dy = 0
  const product = multiply(fourier.forward(KERNEL), fourier.forward(delta));
  const moved = fourier.inverse(product, 2);
  for (let y = 0; y < 3; y++) {
    for (let x = 0; x < 3; x++) {
      assert.ok(Math.abs(moved[(y + 1) * 5 + x + 2]! - 2 * KERNEL[y * 3 + x]!) < 1e-12);
    }
  }
});

Deno.test("Fourier takes powers of two alone", () => {
  assert.throws(() => new Fourier(48), /48 is no power of two/);
});

Deno.test("kernelSurfaces() gives back kernels that vary as its polynomials do", () => {
  const size = { width: 301, height: 201 };
  const truth = (x: number, y: number) =>
    Float64Array.from({ length: 9 }, (_, i) => i + x / 300 - (i * x * y) / 9e4 + (y / 200) ** 2);
  const [field, twice] = kernelSurfaces({ ...size, order: 2 }, (x, y) => {
    const kernel = truth(x, y);
    return [kernel, kernel.map((value) => 2 * value)];
  });
  for (const [x, y] of [[0, 0], [300, 0], [17.5, 180], [150, 100]] as const) {
    const expected = truth(x, y);
    kernelAt(field!, x, y).forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) < 1e-12, `${x},${y}: ${value} ${expected[i]}`);
    });
    kernelAt(twice!, x, y).forEach((value, i) => {
      assert.ok(Math.abs(value - 2 * expected[i]!) < 1e-12);
    });
  }
});

Deno.test("kernelSurfaces() takes kernels of several sizes", () => {
  const [field] = kernelSurfaces({ width: 100, height: 100, order: 1 }, (x) => {
    return [x < 50 ? Float64Array.of(2) : new Float64Array(9).fill(2)];
  });
  assert.equal(field!.halfPx, 1);
  const middle = kernelAt(field!, 49.5, 49.5);
  assert.ok(Math.abs(middle[4]! - 2) < 1e-12 && Math.abs(middle[0]! - 1) < 1e-12);
});
