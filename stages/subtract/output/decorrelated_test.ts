import assert from "node:assert/strict";
import { type Compute, openCompute } from "../../../gpu/compute.ts";
import { bit } from "../../../sky/mask.ts";
import { clippedStats, median } from "../../../sky/stats.ts";
import { lagCorrelations, skyPixels } from "../_pulls.ts";
import { type SyntheticOptions, syntheticPair, type TruthSource } from "../_synthetic_pair.ts";
import { DECORRELATED } from "./decorrelated.ts";
import { correlationOf } from "../psf/difference_noise.ts";
import type { ExtraImage, ExtraRecipe } from "./extra_images.ts";
import { finishAlone } from "./_finish_alone.ts";
import type { FinishedDifference } from "./finish.ts";
import { Fourier, power } from "../psf/fourier.ts";
import { subtractNative } from "../engines/native.ts";
import type { AlignedPair } from "../pair.ts";
import { SCORE } from "./score.ts";
import { noisePower, whiteningKernel } from "../psf/whiten.ts";
import { subtractZogy } from "../engines/zogy.ts";

type Engine = (pair: AlignedPair, options: { compute: Compute }) => ReturnType<typeof subtractZogy>;

interface Made {
  readonly finished: FinishedDifference;
  readonly image: ExtraImage;
  readonly data: Float32Array;
  readonly weight: Float32Array;
}

/** Subtracts, and makes a further image in strips that do not fit evenly. */
async function make(
  recipe: ExtraRecipe,
  pair: AlignedPair,
  engine: Engine = subtractNative,
  hide = false,
): Promise<Made> {
  const compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  try {
    const { width, height } = pair;
    const made = await engine(pair, { compute });
    const { field: _field, ...bare } = made;
    const quiet = new Uint8Array(width * height).fill(1);
    const finished = await finishAlone(pair, hide ? bare : made, quiet, 128);
    const image = await recipe.make({
      ...{ pair, finished, compute, signal: new AbortController().signal },
    });
    const data = new Float32Array(width * height), weight = new Float32Array(width * height);
    for (let row = 0; row < height; row += 130) {
      const rows = Math.min(130, height - row);
      const part = (whole: Float32Array) => whole.subarray(row * width, (row + rows) * width);
      await image.fill(row, rows, part(data));
      await image.fillWeight?.(row, rows, part(weight));
    }
    return { finished, image, data, weight };
  } finally {
    compute[Symbol.dispose]();
  }
}

function whiteness(pulls: Float32Array, stars: readonly TruthSource[], size: number) {
  const bare = skyPixels(stars, size, 30);
  const lags = lagCorrelations(pulls, bare, size, 3).map(Math.abs);
  const stats = clippedStats(pulls.filter((_, i) => bare[i] === 1), { sigma: 6 });
  return { worst: Math.max(...lags), sigma: stats.sigma, mean: stats.mean };
}

const CASES: readonly (readonly [string, SyntheticOptions])[] = [
  ["a sharper reference that is noisier", { size: 700, referenceNoise: 16 }],
  ["a much noisier reference", { size: 700, scienceFwhmPx: 5, referenceNoise: 16 }],
  ["a blurrier reference", { size: 700, referenceFwhmPx: 5, scale: 1.5, scienceNoise: 20 }],
  ["a PSF that varies by a third over the field", {
    size: 700,
    fwhmSlope: 0.33,
    referenceNoise: 16,
  }],
];

for (const [what, options] of CASES) {
  Deno.test(`the decorrelated difference with ${what} has white noise and right weights`, async () => {
    const { pair, stars } = syntheticPair({ ...options, seed: 21, stars: 150 });
    const { finished, data, weight, image } = await make(DECORRELATED, pair);
    const before = whiteness(overNoise(finished.difference, finished.weight), stars, options.size);
    const after = whiteness(overNoise(data, weight), stars, options.size);
    assert.ok(before.worst > 0.05, `${before.worst} before: nothing to take away`);
    assert.ok(after.worst < 0.02, `${after.worst}, was ${before.worst}`);
    assert.ok(Math.abs(after.sigma - 1) < 0.02, `spread ${after.sigma}`);
    assert.equal(image.measured?.["correlationFrom"], "kernel");
  });
}

function overNoise(data: Float32Array, weight: Float32Array): Float32Array {
  return data.map((value, i) => value * Math.sqrt(weight[i]!));
}

Deno.test("an engine that hides its kernel is decorrelated by the difference's own correlation", async () => {
  const { pair, stars } = syntheticPair({ size: 800, seed: 5, stars: 60 });
  const { data, weight, image } = await make(DECORRELATED, pair, subtractNative, true);
  const after = whiteness(overNoise(data, weight), stars, 800);
  assert.ok(after.worst < 0.02, `${after.worst}`);
  assert.ok(Math.abs(after.sigma - 1) < 0.03, `spread ${after.sigma}`);
  assert.equal(image.measured?.["correlationFrom"], "difference");
});

Deno.test("what ZOGY makes is white already: decorrelation leaves it as it is", async () => {
  const { pair } = syntheticPair({ size: 400, seed: 5 });
  const { finished, data } = await make(DECORRELATED, pair, subtractZogy);
  for (let i = 60 * 400; i < 340 * 400; i += 97) {
    if (finished.mask[i] !== 0) continue;
    assert.ok(Math.abs(data[i]! - finished.difference[i]!) < 1e-3);
  }
});

/** Places away from each other. */
const PLACES = Array.from({ length: 49 }, (_, k) => ({
  x: 80 + 90 * (k % 7),
  y: 80 + 90 * Math.floor(k / 7),
  flux: 4000 + 200 * k,
}));

for (const referenceFwhmPx of [3, 5]) {
  Deno.test(`decorrelation keeps fluxes, reference of ${referenceFwhmPx} px`, async () => {
    const options = { size: 700, seed: 3, stars: 100, referenceFwhmPx };
    const { pair, stars } = syntheticPair({ ...options, transients: PLACES });
    const { pair: without } = syntheticPair(options);
    const { finished, data } = await make(DECORRELATED, { ...pair, stars: without.stars });
    const ratios = PLACES.filter((place) =>
      stars.every((star) => Math.hypot(star.x - place.x, star.y - place.y) > 22)
    ).map(({ x, y }) => aperture(data, x, y, 700) / aperture(finished.difference, x, y, 700));
    assert.ok(ratios.length > 12, `${ratios.length} isolated`);
    assert.ok(Math.abs(median(ratios) - 1) < 0.01, `flux ratio ${median(ratios)}`);
  });

  Deno.test(`the score of a point source is its S/N, reference of ${referenceFwhmPx} px`, async () => {
    const options = { size: 700, seed: 8, stars: 100, referenceFwhmPx };
    const faint = PLACES.map((place) => ({ ...place, flux: 600 }));
    const { pair, stars } = syntheticPair({ ...options, transients: faint });
    const { pair: without } = syntheticPair(options);
    const { data } = await make(SCORE, { ...pair, stars: without.stars });
    const { data: empty } = await make(SCORE, without);
    const sky = whiteness(empty, stars, 700);
    assert.ok(Math.abs(sky.sigma - 1) < 0.02, `spread ${sky.sigma}`);
    assert.ok(Math.abs(sky.mean) < 0.1, `mean ${sky.mean}`);
    const isolated = faint.filter((place) =>
      stars.every((star) => Math.hypot(star.x - place.x, star.y - place.y) > 22)
    );
    const gained = isolated.map(({ x, y }) => data[y * 700 + x]! - empty[y * 700 + x]!);
    const ideal = 600 / idealError(options.referenceFwhmPx);
    const ratio = median(gained) / ideal;
    // Photons of the source itself are noise too, and none of the ideal's.
    assert.ok(ratio > 0.95 && ratio < 1.02, `${median(gained)} of ${ideal}`);
  });
}

function aperture(data: Float32Array, x: number, y: number, width: number): number {
  let sum = 0;
  for (let dy = -12; dy <= 12; dy++) {
    for (let dx = -12; dx <= 12; dx++) {
      if (dx * dx + dy * dy <= 144) sum += data[(y + dy) * width + x + dx]!;
    }
  }
  return sum;
}

/** Error of the flux of a point source on the ideal difference: 1/σ² = ∫ |P̂n P̂r|² / (σn²|P̂r|² + σr²|P̂n|²). */
function idealError(referenceFwhmPx: number): number {
  const fourier = new Fourier(128);
  const psf = (fwhmPx: number) => {
    const { pair } = syntheticPair({
      ...{ size: 61, stars: 0, scienceFwhmPx: fwhmPx, scienceNoise: 1e-6, scienceSky: 0 },
      ...{ gain: 1e12, transients: [{ x: 30, y: 30, flux: 1 }] },
    });
    return power(fourier.forward(Float64Array.from(pair.science.data)));
  };
  const wide = psf(4), other = psf(referenceFwhmPx);
  const information = wide.reduce((sum, n, i) => {
    const r = other[i]!;
    return sum + (n * r) / (64 * r + 64 * n + 1e-30);
  }, 0) / 128 ** 2;
  return 1 / Math.sqrt(information);
}

Deno.test("whiteningKernel() makes the power of noise even and sums to one", () => {
  const fourier = new Fourier(64);
  const correlation = { reachPx: 1, values: Float64Array.of(0, 0.2, 0, 0.2, 1, 0.2, 0, 0.2, 0) };
  const noise = noisePower({ variance: 9, correlation }, fourier);
  const { kernel, gain } = whiteningKernel(noise, fourier);
  assert.ok(Math.abs(kernel.reduce((a, b) => a + b, 0) - 1) < 1e-12);
  const after = power(fourier.forward(kernel)).map((value, i) => value * noise[i]!);
  for (const value of after) assert.ok(Math.abs(value / after[0]! - 1) < 0.02, `${value}`);
  assert.ok(Math.abs(gain - 1.8) < 0.01, `${gain}`);
});

Deno.test("correlationOf() finds what a kernel does to white noise", async () => {
  const { pair } = syntheticPair({ size: 600, seed: 2, stars: 60, referenceNoise: 0.1 });
  const { finished } = await make(DECORRELATED, pair);
  const { reachPx, values } = correlationOf(pair, finished);
  const side = 2 * reachPx + 1;
  // The science frame's noise is white, and the reference has none.
  assert.ok(Math.abs(values[reachPx * side + reachPx + 1]!) < 0.01);
  assert.equal(values[reachPx * side + reachPx], 1);
});

Deno.test("pixels that may not be used are 0 in both and have no weight", async () => {
  const { pair } = syntheticPair({ size: 400, seed: 9, missingCornerPx: 90 });
  pair.science.mask[200 * 400 + 300] = bit("SAT");
  pair.science.data[200 * 400 + 300] = 1e6;
  const [white, score] = [await make(DECORRELATED, pair), await make(SCORE, pair)];
  for (const i of [200 * 400 + 300, 40 * 400 + 40, 0]) {
    assert.equal(white.data[i], 0);
    assert.equal(white.weight[i], 0);
    assert.equal(score.data[i], 0);
  }
  assert.ok(white.data.every(Number.isFinite) && score.data.every(Number.isFinite));
  assert.ok(
    Math.abs(score.data[200 * 400 + 302]!) < 6,
    "a bad pixel does not reach its neighbours",
  );
});

Deno.test("the PSF of the difference that is recorded is the one sources have", async () => {
  const { pair } = syntheticPair({ size: 600, seed: 6, stars: 120 });
  const { image } = await make(DECORRELATED, pair);
  const fwhm = Number(image.measured?.["psfFwhmPx"]);
  // Whitening sharpens the science frame's 4 px.
  assert.ok(fwhm > 3 && fwhm < 4, `${fwhm}`);
});
