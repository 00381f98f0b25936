import assert from "node:assert/strict";
import { bit } from "../../../sky/mask.ts";
import { normalNumbers } from "../_synthetic_pair.ts";
import { type BrightStar, removeHalos } from "./halos.ts";

const SIZE = 400, SIGMA = 5;

/** Noise, and beyond 8 px around each star a wing of 2e-3 of the flux that falls with the fifth power. */
function imageWith(stars: readonly (BrightStar & { readonly truth: number })[], seed: number) {
  const normal = normalNumbers(seed);
  const difference = Float32Array.from({ length: SIZE * SIZE }, () => SIGMA * normal());
  const noise = difference.slice();
  for (const { x, y, truth } of stars) {
    for (let i = 0; i < difference.length; i++) {
      const radius = Math.hypot(i % SIZE - x, Math.floor(i / SIZE) - y);
      if (radius >= 8 && radius < 20) difference[i]! += 2e-3 * truth * (8 / radius) ** 5;
    }
  }
  const weight = new Float32Array(SIZE * SIZE).fill(1 / SIGMA ** 2);
  const mask = new Uint16Array(SIZE * SIZE);
  return { image: { width: SIZE, height: SIZE, difference, weight, mask }, noise };
}

function rmsOf(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
}

const STARS = Array.from({ length: 16 }, (_, k) => {
  const flux = 6000 + 1700 * k;
  const [x, y] = [50 + 100 * (k % 4), 50 + 100 * Math.floor(k / 4)];
  return { x, y, flux, truth: flux, isSaturated: false };
});

Deno.test("removeHalos() takes the common wings off, also of a saturated star of unknown flux", () => {
  const saturated = { x: 102, y: 198, flux: 2e4, truth: 9e4, isSaturated: true };
  const stars = [...STARS, saturated];
  const { image, noise } = imageWith(stars, 3);
  const before = rmsOf(image.difference, noise);
  const done = removeHalos(image, stars, 8);
  assert.equal(done?.stars, stars.length);
  assert.ok(done.outerPx >= 11 && done.outerPx <= 21, `${done.outerPx}`);
  const after = rmsOf(image.difference, noise);
  assert.ok(after < 0.15 * before, `${before} to ${after}`);
  // At the edge of the saturated star the halo is 180 ADU and its error far above the noise.
  const edge = 198 * SIZE + 102 + 8;
  assert.equal(image.mask[edge], bit("SUSPECT"));
  assert.ok(image.weight[edge]! < 0.1 / SIGMA ** 2);
  assert.ok(image.mask.filter((value) => value > 0).length < 0.05 * SIZE * SIZE);
});

Deno.test("removeHalos() leaves a new source beside a bright star its light", () => {
  const { image } = imageWith(STARS, 4);
  const { image: without } = imageWith(STARS, 4);
  const flux = 800, [x, y] = [250 + 11, 250];
  for (let i = 0; i < image.difference.length; i++) {
    const r2 = (i % SIZE - x) ** 2 + (Math.floor(i / SIZE) - y) ** 2;
    image.difference[i]! += flux * Math.exp(-r2 / (2 * 1.7 ** 2)) / (2 * Math.PI * 1.7 ** 2);
  }
  removeHalos(image, STARS, 8);
  removeHalos(without, STARS, 8);
  let left = 0;
  for (let row = y - 6; row <= y + 6; row++) {
    for (let column = x - 6; column <= x + 6; column++) {
      left += image.difference[row * SIZE + column]! - without.difference[row * SIZE + column]!;
    }
  }
  assert.ok(Math.abs(left / flux - 1) < 0.04, `${left / flux}`);
});

Deno.test("removeHalos() changes nothing where no wing shows, or where stars are few", () => {
  const { image, noise } = imageWith(STARS.map((star) => ({ ...star, truth: 0 })), 5);
  assert.equal(removeHalos(image, STARS, 8), undefined);
  assert.deepEqual(image.difference, noise);
  assert.equal(removeHalos(imageWith(STARS, 5).image, STARS.slice(0, 5), 8), undefined);
});
