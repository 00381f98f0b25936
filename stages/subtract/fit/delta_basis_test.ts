import assert from "node:assert/strict";
import { openCompute } from "../../../gpu/compute.ts";
import { clippedStats } from "../../../sky/stats.ts";
import { syntheticPair } from "../_synthetic_pair.ts";
import { deltaBasis, deltaHalf, roughness } from "./delta_basis.ts";
import { subtractNative } from "../engines/native.ts";
import { collectStrips } from "../pair.ts";

Deno.test("deltaBasis() holds every kernel: the middle sums to one, all others to zero", () => {
  const { images, terms, halfPx } = deltaBasis(2);
  assert.equal(halfPx, 2);
  assert.equal(terms.length, 25);
  terms.forEach((term, n) => {
    const image = images.subarray(25 * n, 25 * (n + 1));
    assert.equal(image.reduce((a, b) => a + b, 0), n === 0 ? 1 : 0);
    assert.equal(image[5 * term.y + term.x], 1);
  });
});

Deno.test("roughness() is the sum of squared second differences of a kernel", () => {
  const basis = deltaBasis(1);
  const rough = roughness(basis);
  // One pixel in the middle: 1, −2, 1 along its row and its column.
  assert.equal(rough[0], 12);
  // All nine pixels alike: at each end of three rows and columns 1 − 2 and, outside of the kernel, nothing counted.
  const c = Float64Array.from({ length: 9 }, (_, n) => n === 0 ? 9 : 1);
  let sum = 0;
  for (let i = 0; i < 9; i++) for (let j = 0; j < 9; j++) sum += c[i]! * c[j]! * rough[9 * i + j]!;
  assert.equal(sum, 12);
});

Deno.test("deltaHalf() grows with the difference of the widths, within bounds", () => {
  assert.equal(deltaHalf(4, 4), 4);
  assert.equal(deltaHalf(3, 5), 6);
  assert.equal(deltaHalf(2, 12), 7);
});

Deno.test("native subtraction with a kernel of single pixels leaves noise alone", async () => {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const { pair, stars } = syntheticPair({ size: 600, seed: 11 });
  const result = await subtractNative(pair, { compute, basis: "delta" });
  const { difference, variance } = await collectStrips(result, pair);
  const pulls: number[] = [];
  for (let y = 30; y < 570; y += 2) {
    for (let x = 30; x < 570; x += 2) {
      if (stars.some((star) => Math.hypot(star.x - x, star.y - y) < 12)) continue;
      pulls.push(difference[y * 600 + x]! / Math.sqrt(variance[y * 600 + x]!));
    }
  }
  const { sigma, mean } = clippedStats(pulls, { sigma: 6 });
  assert.ok(Math.abs(sigma - 1) < 0.03 && Math.abs(mean) < 0.15, `${mean} ± ${sigma}`);
  assert.ok(Math.abs(result.kernel.sum! - 1) < 0.04, `${result.kernel.sum}`);
  assert.ok(result.kernel.used! > 0.8 * result.kernel.offered);
});
