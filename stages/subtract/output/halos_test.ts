import assert from "node:assert/strict";
import { bit } from "../../../sky/mask.ts";
import { normalNumbers, randomNumbers } from "../_synthetic_pair.ts";
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
  assert.ok(Math.abs(left / flux - 1) < 0.05, `${left / flux}`);
});

Deno.test("removeHalos() changes nothing where no wing shows, or where stars are few", () => {
  const { image, noise } = imageWith(STARS.map((star) => ({ ...star, truth: 0 })), 5);
  assert.equal(removeHalos(image, STARS, 8), undefined);
  assert.deepEqual(image.difference, noise);
  assert.equal(removeHalos(imageWith(STARS, 5).image, STARS.slice(0, 5), 8), undefined);
});

const WIDE = 700, BEGIN = 8;

/**
 * A field whose halos fall more steeply to the right (with the fifth to the seventh power) and are
 * a fifth stronger above, with faint new sources everywhere and, found half a pixel beside their
 * places, stars that outshine all others a hundredfold.
 */
function varyingField(seed: number) {
  const normal = normalNumbers(seed), random = randomNumbers(seed);
  const noise = Float64Array.from({ length: WIDE * WIDE }, () => SIGMA * normal());
  const halos = new Float64Array(WIDE * WIDE);
  const stars: BrightStar[] = [];
  const add = (into: Float64Array, [x, y]: readonly number[], reach: number, light: Light) => {
    for (let row = Math.max(0, Math.ceil(y! - reach)); row < Math.min(WIDE, y! + reach); row++) {
      for (let at = Math.max(0, Math.ceil(x! - reach)); at < Math.min(WIDE, x! + reach); at++) {
        into[row * WIDE + at]! += light(Math.hypot(at - x!, row - y!));
      }
    }
  };
  const addStar = (x: number, y: number, truth: number, isSaturated: boolean) => {
    const power = 5 + 2 * x / WIDE, part = 1.2e-3 * truth * (0.9 + 0.2 * y / WIDE);
    add(halos, [x, y], 100, (radius) => radius < BEGIN ? 0 : part * (BEGIN / radius) ** power);
    const found = isSaturated ? { x: x + 0.4, y: y - 0.3, flux: 1e5 } : { x, y, flux: truth };
    stars.push({ ...found, isSaturated });
  };
  for (let k = 0; k < 100; k++) {
    addStar(WIDE * random(), WIDE * random(), 2e4 * (1 + 2 * random()), false);
  }
  for (const x of [120, 360, 580]) for (const y of [130, 350, 570]) addStar(x, y, 4e6, true);
  for (let k = 0; k < 100; k++) {
    const height = 3 * SIGMA * random();
    add(noise, [WIDE * random(), WIDE * random()], 8, (r) => height * Math.exp(-0.06 * r * r));
  }
  const difference = Float32Array.from(halos, (halo, i) => halo + noise[i]!);
  // What lies within 16 px of a saturated star is masked.
  const weight = new Float32Array(WIDE * WIDE).fill(1 / SIGMA ** 2);
  const saturated = stars.filter(({ isSaturated }) => isSaturated);
  const away = (i: number, { x, y }: BrightStar) =>
    Math.hypot(i % WIDE - x, Math.floor(i / WIDE) - y);
  saturated.forEach((star) => weight.forEach((_, i) => away(i, star) < 16 && (weight[i] = 0)));
  const image = {
    width: WIDE,
    height: WIDE,
    difference,
    weight,
    mask: new Uint16Array(WIDE * WIDE),
  };
  return { image, noise, stars, saturated, away };
}

type Light = (radius: number) => number;

Deno.test("removeHalos() follows the halos of the brightest stars over the field and far out", () => {
  const { image, noise, stars, saturated, away } = varyingField(7);
  const known = image.weight.slice();
  assert.ok(removeHalos(image, stars, BEGIN)!.outerPx > 24);
  for (const star of saturated) {
    for (
      const [inner, outer] of [[16, 20], [20, 24], [24, 28], [28, 32], [32, 40], [40, 50]] as const
    ) {
      let sum = 0, pixels = 0;
      known.forEach((weight, i) => {
        const radius = away(i, star);
        if (weight === 0 || radius < inner || radius >= outer) return;
        sum += image.difference[i]! - noise[i]!;
        pixels++;
      });
      const left = sum / pixels / SIGMA;
      assert.ok(Math.abs(left) < 0.6, `${star.x}, ${star.y}: ${left} at ${inner} to ${outer} px`);
    }
  }
});
