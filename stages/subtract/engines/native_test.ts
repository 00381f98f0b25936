import assert from "node:assert/strict";
import { DataError } from "../../../config/errors.ts";
import { bit } from "../../../sky/mask.ts";
import { clippedStats, median } from "../../../sky/stats.ts";
import { type SyntheticOptions, syntheticPair, type TruthSource } from "../_synthetic_pair.ts";
import { finishAlone } from "../output/_finish_alone.ts";
import { subtractNative } from "./native.ts";
import { openCompute } from "../../../gpu/compute.ts";
import {
  type AlignedPair,
  collectStrips,
  type EngineResult,
  stripsOf,
  type WholeDifference,
} from "../pair.ts";

/** The native difference of a pair, whole. */
async function subtractWhole(pair: AlignedPair): Promise<EngineResult & WholeDifference> {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const result = await subtractNative(pair, { compute });
  const whole = await collectStrips(result, pair);
  return { ...result, ...whole, strips: stripsOf(whole, pair) };
}

/** Difference over noise away from the stars' cores. */
function skyPulls(result: WholeDifference, stars: readonly TruthSource[], size: number): number[] {
  const busy = new Uint8Array(size * size);
  for (const { x, y, flux } of stars) {
    const reach = Math.min(50, 6 + Math.sqrt(flux) / 10);
    for (let row = Math.max(0, Math.floor(y - reach)); row < Math.min(size, y + reach); row++) {
      for (
        let column = Math.max(0, Math.floor(x - reach));
        column < Math.min(size, x + reach);
        column++
      ) {
        busy[row * size + column] = 1;
      }
    }
  }
  const pulls: number[] = [];
  for (let y = 20; y < size - 20; y++) {
    for (let x = 20; x < size - 20; x++) {
      const i = y * size + x;
      if (busy[i] || !Number.isFinite(result.difference[i]!)) continue;
      pulls.push(result.difference[i]! / Math.sqrt(result.variance[i]!));
    }
  }
  return pulls;
}

/** Difference over noise in the cores of stars of S/N 20 to 500. */
function starPulls(result: WholeDifference, stars: readonly TruthSource[], size: number): number[] {
  return stars.filter(({ flux }) => flux > 2000 && flux < 48000).flatMap(({ x, y }) => {
    const cx = Math.round(x), cy = Math.round(y);
    if (Math.min(cx, cy) < 25 || Math.max(cx, cy) > size - 25) return [];
    return [-2, -1, 0, 1, 2].flatMap((dy) =>
      [-2, -1, 0, 1, 2].map((dx) => {
        const i = (cy + dy) * size + cx + dx;
        return result.difference[i]! / Math.sqrt(result.variance[i]!);
      })
    );
  });
}

const CASES: readonly (readonly [string, SyntheticOptions, "reference" | "science"])[] = [
  ["a sharper reference", { size: 600 }, "reference"],
  ["a much sharper reference", { size: 600, scienceFwhmPx: 6, referenceFwhmPx: 3 }, "reference"],
  ["a reference as sharp", { size: 600, referenceFwhmPx: 4 }, "reference"],
  ["a blurrier reference", { size: 600, referenceFwhmPx: 5 }, "science"],
  ["a PSF that varies by a third over the field", { size: 700, fwhmSlope: 0.33 }, "reference"],
  [
    "another scale, a sky gradient and 0.3 px of shift",
    { size: 600, scale: 0.8, skyGradient: 60, shiftPx: [0.3, -0.2] },
    "reference",
  ],
  ["a scale of three and a sky below zero", { size: 600, scale: 3, scienceSky: -40 }, "reference"],
];

for (const [what, options, side] of CASES) {
  Deno.test(`native subtraction with ${what} leaves noise alone`, async () => {
    const { pair, stars } = syntheticPair({ ...options, seed: 11 });
    const result = await subtractWhole(pair);
    assert.equal(result.convolvedSide, side);
    const sky = clippedStats(skyPulls(result, stars, options.size), { sigma: 6 });
    assert.ok(Math.abs(sky.sigma - 1) < 0.03, `spread ${sky.sigma}`);
    assert.ok(Math.abs(sky.mean) < 0.15, `mean ${sky.mean}`);
    const cores = clippedStats(starPulls(result, stars, options.size), { sigma: 6 });
    assert.ok(cores.sigma < 1.25, `stars ${cores.sigma}`);
    assert.ok(Math.abs(cores.mean) < 0.2, `stars' mean ${cores.mean}`);
    const scale = options.scale ?? 1;
    assert.ok(Math.abs(result.kernel.sum! / scale - 1) < 0.04, `sum ${result.kernel.sum}`);
    assert.ok(result.kernel.used! >= 0.8 * result.kernel.offered, `${result.kernel.used} used`);
    assert.ok(result.kernel.conditionNumber! < 1e9);
  });
}

Deno.test("native subtraction gives injected transients their flux within the errors", async () => {
  const places = Array.from({ length: 36 }, (_, k) => ({
    x: 60 + 95 * (k % 6) + 0.37 * k % 1,
    y: 60 + 95 * Math.floor(k / 6) + 0.61 * k % 1,
    flux: 3000 + 400 * k,
  }));
  for (const referenceFwhmPx of [3, 5]) {
    const options = { size: 600, seed: 3, referenceFwhmPx, stars: 140 };
    const { pair, stars } = syntheticPair({ ...options, transients: places });
    const { pair: without } = syntheticPair(options);
    // The kernel stars are the same; what differs are the transients.
    const result = await subtractWhole({ ...pair, stars: without.stars });
    const finished = await finishAlone(pair, result, new Uint8Array(600 * 600).fill(1), 0);
    const pulls: number[] = [], ratios: number[] = [];
    for (const { x, y, flux } of places) {
      if (stars.some((star) => Math.hypot(star.x - x, star.y - y) < 14)) continue;
      const { sum, variance } = aperture(finished.difference, finished.weight, x, y);
      const inside = 1 - (1 + 144 / (4 / (2 * Math.sqrt(2 ** (1 / 3) - 1))) ** 2) ** -2;
      ratios.push(sum / (flux * inside));
      // Neighbouring pixels of a convolved image share noise: a factor of two in σ at most here.
      pulls.push((sum - flux * inside) / (2 * Math.sqrt(variance)));
    }
    assert.ok(ratios.length > 10, `${ratios.length} isolated`);
    assert.ok(Math.abs(median(ratios) - 1) < 0.03, `flux ratio ${median(ratios)}`);
    assert.ok(pulls.every((pull) => Math.abs(pull) < 4), `pulls ${pulls}`);
  }
});

function aperture(data: Float32Array, weight: Float32Array, x: number, y: number) {
  let sum = 0, variance = 0;
  for (let row = Math.ceil(y - 12); row <= y + 12; row++) {
    for (let column = Math.ceil(x - 12); column <= x + 12; column++) {
      if ((row - y) ** 2 + (column - x) ** 2 > 144) continue;
      sum += data[row * 600 + column]!;
      variance += 1 / weight[row * 600 + column]!;
    }
  }
  return { sum, variance };
}

Deno.test("a corner that the reference lacks is NO_DATA, holds 0 and has no weight", async () => {
  const { pair } = syntheticPair({ size: 500, missingCornerPx: 120, seed: 8 });
  const result = await subtractWhole(pair);
  const quiet = new Uint8Array(500 * 500).fill(1);
  const { difference, mask, weight } = await finishAlone(pair, result, quiet, 128);
  for (const [x, y] of [[0, 0], [60, 60], [119, 119], [120 + result.growPx - 1, 60]] as const) {
    const i = y * 500 + x;
    assert.ok(mask[i]! & bit("NO_DATA"), `${x},${y}`);
    assert.equal(weight[i], 0);
    assert.equal(difference[i], 0);
  }
  const outside = 60 * 500 + 120 + result.growPx + 1;
  assert.equal(mask[outside]! & bit("NO_DATA"), 0);
  assert.ok(weight[outside]! > 0);
  assert.ok(difference.every(Number.isFinite));
});

Deno.test("masks of both images are joined, and those of the convolved one grow", async () => {
  const { pair } = syntheticPair({ size: 400, seed: 9 });
  pair.science.mask[200 * 400 + 100] = bit("CR");
  pair.reference.mask[200 * 400 + 300] = bit("BAD");
  const result = await subtractWhole(pair);
  const quiet = new Uint8Array(400 * 400).fill(1);
  const { mask } = await finishAlone(pair, result, quiet, 0);
  assert.equal(mask[200 * 400 + 100], bit("CR"));
  assert.equal(mask[200 * 400 + 101], 0);
  assert.ok(mask[200 * 400 + 300 + result.growPx]! & bit("BAD"));
  assert.equal(mask[200 * 400 + 300 + result.growPx + 1], 0);
  assert.ok(mask[0]! & bit("EDGE"));
});

Deno.test("native subtraction of a pair without noise leaves under 1 % of the stars' peaks", async () => {
  const noise = { scienceNoise: 0.02, referenceNoise: 0.02, gain: 1e9 };
  const { pair, stars } = syntheticPair({ size: 500, seed: 10, ...noise });
  // Which stars are bright is judged as if there were noise.
  const { pair: noisy } = syntheticPair({ size: 500, seed: 10 });
  const result = await subtractWhole({ ...pair, stars: noisy.stars });
  for (const { x, y, flux } of stars) {
    if (Math.min(x, y) < 30 || Math.max(x, y) > 470 || flux < 2000) continue;
    const at = Math.round(y) * 500 + Math.round(x);
    const peak = pair.science.data[at]! - pair.science.skyAdu;
    assert.ok(
      Math.abs(result.difference[at]!) < 0.01 * peak,
      `${result.difference[at]} of ${peak}`,
    );
  }
});

Deno.test("native subtraction drops stars that changed", async () => {
  const { pair, stars } = syntheticPair({ size: 600, seed: 12 });
  const { pair: changed } = syntheticPair({
    size: 600,
    seed: 12,
    transients: pair.stars.slice(0, 4).map(({ x, y }) => ({ x, y, flux: 30000 })),
  });
  const result = await subtractWhole(changed);
  assert.ok(result.kernel.clipped! >= 3, `clipped ${result.kernel.clipped}`);
  const sky = clippedStats(skyPulls(result, stars, 600), { sigma: 6 });
  assert.ok(Math.abs(sky.sigma - 1) < 0.03);
});

Deno.test("native subtraction with two stars, or only masked ones, says so", async () => {
  const { pair } = syntheticPair({ size: 300, seed: 13 });
  const two = { ...pair, stars: pair.stars.slice(0, 2) };
  await assert.rejects(subtractWhole(two), /of 2 stars fit|[012] of/);
  pair.science.mask.fill(bit("SAT"));
  await assert.rejects(subtractWhole(pair), DataError);
});
