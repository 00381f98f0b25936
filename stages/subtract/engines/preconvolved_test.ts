import assert from "node:assert/strict";
import { openCompute } from "../../../gpu/compute.ts";
import { kernelAt } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { bit } from "../../../sky/mask.ts";
import { clippedStats, median } from "../../../sky/stats.ts";
import { skyPixels, starCores } from "../_pulls.ts";
import { type SyntheticOptions, syntheticPair } from "../_synthetic_pair.ts";
import { finishAlone } from "../output/_finish_alone.ts";
import { SCORE } from "../output/score.ts";
import { type AlignedPair, collectStrips, stripsOf } from "../pair.ts";
import { fwhmOf } from "../psf/psf_shape.ts";
import { subtractPreconvolved } from "./preconvolved.ts";

async function preconvolved(pair: AlignedPair) {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const result = await subtractPreconvolved(pair, { compute });
  const whole = await collectStrips(result, pair);
  return { result: { ...result, strips: stripsOf(whole, pair) }, ...whole };
}

const SIZE = 600;
const CASES: readonly (readonly [string, Partial<SyntheticOptions>])[] = [
  ["a reference as sharp", { referenceFwhmPx: 4 }],
  ["a blurrier reference", { referenceFwhmPx: 5 }],
  ["another scale and a sky gradient", { referenceFwhmPx: 4.5, scale: 0.8, skyGradient: 60 }],
];

for (const [what, options] of CASES) {
  Deno.test(`preconvolution with ${what} leaves noise of the size it states, also on stars`, async () => {
    const { pair, stars } = syntheticPair({ size: SIZE, seed: 11, stars: 250, ...options });
    const { result, difference, variance } = await preconvolved(pair);
    const pulls = difference.map((value, i) => value / Math.sqrt(variance[i]!));
    const bare = skyPixels(stars, SIZE, 24);
    const sky = clippedStats(pulls.filter((_, i) => bare[i] === 1), { sigma: 6 });
    assert.ok(Math.abs(sky.sigma - 1) < 0.03, `spread ${sky.sigma}`);
    const cores = clippedStats(starCores(pulls, stars, SIZE), { sigma: 6 });
    assert.ok(cores.sigma > 0.8 && cores.sigma < 1.2, `stars ${cores.sigma}`);
    assert.ok(Math.abs(result.kernel.sum! / (options.scale ?? 1) - 1) < 0.02);
  });
}

Deno.test("preconvolution is not misled by noise that seems to average out better than it can", async () => {
  const { pair, stars } = syntheticPair({ size: SIZE, seed: 11, stars: 250, referenceFwhmPx: 4.5 });
  // as a crowded field is measured, whose stars were taken for noise
  const values = new Float64Array(25).fill(-0.05);
  values[12] = 1;
  const correlation = { reachPx: 2, values };
  const { difference, variance } = await preconvolved({
    ...pair,
    science: { ...pair.science, correlation },
    reference: { ...pair.reference, correlation },
    quiet: skyPixels(stars, SIZE, 0),
  });
  const pulls = difference.map((value, i) => value / Math.sqrt(variance[i]!));
  const bare = skyPixels(stars, SIZE, 24);
  const sky = clippedStats(pulls.filter((_, i) => bare[i] === 1), { sigma: 6 });
  assert.ok(Math.abs(sky.sigma - 1) < 0.03, `spread ${sky.sigma}`);
});

/** Places on a grid, away from each other. */
const PLACES = Array.from({ length: 36 }, (_, k) => ({
  x: 60 + 95 * (k % 6),
  y: 60 + 95 * Math.floor(k / 6),
  flux: 2500,
}));

Deno.test("preconvolution keeps fluxes, knows the PSF, and its score is the S/N", async () => {
  const options = { size: SIZE, seed: 3, stars: 100, referenceFwhmPx: 4.5 };
  const { pair, stars } = syntheticPair({ ...options, transients: PLACES });
  const { pair: without } = syntheticPair(options);
  const made = await preconvolved({ ...pair, stars: without.stars });
  const psf = kernelAt(made.result.psf!, SIZE / 2, SIZE / 2);
  // numpy: a Moffat profile of 4 px, β = 3, convolved with a Gaussian of 4 px
  assert.ok(Math.abs(fwhmOf(psf) - 6.09) < 0.15, `${fwhmOf(psf)}`);
  const half = (Math.sqrt(psf.length) - 1) / 2;
  const alone = PLACES.filter(({ x, y }) =>
    stars.every((star) => Math.hypot(star.x - x, star.y - y) > 22)
  );
  const fluxes = alone.map(({ x, y }) => {
    let cross = 0, square = 0;
    psf.forEach((value, i) => {
      const dx = i % (2 * half + 1) - half, dy = Math.floor(i / (2 * half + 1)) - half;
      if (Math.hypot(dx, dy) > 8) return;
      cross += value * made.difference[(y + dy) * SIZE + x + dx]!;
      square += value * value;
    });
    return cross / square;
  });
  assert.ok(alone.length > 10, `${alone.length} isolated`);
  assert.ok(Math.abs(median(fluxes) / 2500 - 1) < 0.015, `flux ${median(fluxes)}`);
  const score = await scoreOf(pair, made.result);
  const empty = await scoreOf(without, (await preconvolved(without)).result);
  const bare = skyPixels(stars, SIZE, 30);
  const sky = clippedStats(empty.filter((_, i) => bare[i] === 1), { sigma: 6 });
  assert.ok(Math.abs(sky.sigma - 1) < 0.03, `spread of the score ${sky.sigma}`);
  const gained = median(alone.map(({ x, y }) => score[y * SIZE + x]!));
  // numpy, F √(Σ|P|²|Q|² / (σ²|Q|² + σ²|P|²)): Moffat profiles of 4 and 4.5 px, σ = 8; the source's own
  // photons take some of it.
  assert.ok(gained / 26.58 > 0.9 && gained / 26.58 < 1.01, `score ${gained}`);
});

async function scoreOf(
  pair: AlignedPair,
  result: Awaited<ReturnType<typeof preconvolved>>["result"],
): Promise<Float32Array> {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const quiet = new Uint8Array(SIZE * SIZE).fill(1);
  const finished = await finishAlone(pair, result, quiet, 128);
  const signal = new AbortController().signal;
  const image = await SCORE.make({ pair, finished, compute, signal });
  const data = new Float32Array(SIZE * SIZE);
  await image.fill(0, SIZE, data);
  return data;
}

Deno.test("preconvolution grows the masks of both images, and has no data where one has none", async () => {
  const { pair } = syntheticPair({ size: 400, seed: 9, referenceFwhmPx: 4.5, missingCornerPx: 90 });
  pair.science.mask[200 * 400 + 100] = bit("CR");
  pair.reference.mask[200 * 400 + 300] = bit("CR");
  const { result } = await preconvolved(pair);
  const quiet = new Uint8Array(400 * 400).fill(1);
  const finished = await finishAlone(pair, result, quiet, 128);
  const at = (x: number, y: number) => finished.mask[y * 400 + x]!;
  assert.ok(result.growPx >= 3);
  assert.ok(at(100 + result.growPx, 200) & bit("CR"));
  assert.ok(at(300 - result.growPx, 200) & bit("CR"));
  assert.equal(at(200, 200), 0);
  assert.ok(at(40, 40) & bit("NO_DATA"));
});
