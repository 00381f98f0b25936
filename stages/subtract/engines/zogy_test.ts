import assert from "node:assert/strict";
import { openCompute } from "../../../gpu/compute.ts";
import { DataError } from "../../../config/errors.ts";
import { kernelAt, type KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { bit } from "../../../sky/mask.ts";
import { clippedStats, median } from "../../../sky/stats.ts";
import { addStar, type SyntheticOptions, syntheticPair } from "../_synthetic_pair.ts";
import { lagCorrelations, skyPixels, starCores } from "../_pulls.ts";
import { finishAlone } from "../output/_finish_alone.ts";
import { Fourier } from "../psf/fourier.ts";
import { type AlignedPair, collectStrips, stripsOf } from "../pair.ts";
import { subtractZogy } from "./zogy.ts";

async function zogy(pair: AlignedPair) {
  const compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  try {
    const result = await subtractZogy(pair, { compute });
    const whole = await collectStrips(result, pair);
    return { result: { ...result, strips: stripsOf(whole, pair) }, ...whole };
  } finally {
    compute[Symbol.dispose]();
  }
}

const CASES: readonly (readonly [string, SyntheticOptions])[] = [
  ["a sharper reference", { size: 600 }],
  ["a reference as sharp", { size: 600, referenceFwhmPx: 4 }],
  ["a blurrier reference", { size: 600, referenceFwhmPx: 5 }],
  ["a PSF that varies by a third over the field", { size: 700, fwhmSlope: 0.33 }],
  [
    "another scale, a sky gradient and 0.3 px of shift",
    { size: 600, scale: 0.8, skyGradient: 60, shiftPx: [0.3, -0.2] },
  ],
];

for (const [what, options] of CASES) {
  Deno.test(`ZOGY with ${what} leaves white noise alone`, async () => {
    const { size } = options;
    const { pair, stars } = syntheticPair({ ...options, seed: 11, stars: 250 });
    const { result, difference, variance } = await zogy(pair);
    const pulls = difference.map((value, i) => value / Math.sqrt(variance[i]!));
    const bare = skyPixels(stars, size, 24);
    const sky = clippedStats(pulls.filter((_, i) => bare[i] === 1), { sigma: 6 });
    assert.ok(Math.abs(sky.sigma - 1) < 0.02, `spread ${sky.sigma}`);
    assert.ok(Math.abs(sky.mean) < 0.15, `mean ${sky.mean}`);
    for (const lag of lagCorrelations(pulls, bare, size, 3)) {
      assert.ok(Math.abs(lag) < 0.02, `correlation ${lag}`);
    }
    const cores = clippedStats(starCores(pulls, stars, size), { sigma: 6 });
    assert.ok(cores.sigma < 1.25, `stars ${cores.sigma}`);
    assert.ok(Math.abs(cores.mean) < 0.3, `stars' mean ${cores.mean}`);
    const scale = options.scale ?? 1;
    assert.ok(Math.abs(result.kernel.sum! / scale - 1) < 0.02, `sum ${result.kernel.sum}`);
  });
}

Deno.test("ZOGY leaves little of stars far brighter than those the PSFs were measured by", async () => {
  const size = 600;
  const { pair } = syntheticPair({ size, seed: 17, stars: 250 });
  const bright = Array.from({ length: 9 }, (_, k) => {
    return { x: 105.3 + 193 * (k % 3), y: 102.6 + 197 * Math.floor(k / 3), flux: 4e5 };
  });
  for (const star of bright) {
    addStar(pair.science.data as Float32Array, size, { ...star, fwhmPx: 4 });
    addStar(pair.reference.data as Float32Array, size, { ...star, fwhmPx: 3 });
  }
  const { difference, variance } = await zogy({
    ...pair,
    stars: pair.stars.filter(({ snr }) => snr < 200),
  });
  let sum = 0, count = 0;
  for (const { x, y } of bright) {
    for (let dy = -24; dy <= 24; dy++) {
      for (let dx = -24; dx <= 24; dx++) {
        const i = (Math.round(y) + dy) * size + Math.round(x) + dx;
        sum += difference[i]! ** 2 / variance[i]!;
        count++;
      }
    }
  }
  assert.ok(Math.sqrt(sum / count) < 1.8, `spread ${Math.sqrt(sum / count)}`);
});

/** Places on a grid, away from each other. */
const PLACES = Array.from({ length: 36 }, (_, k) => ({
  x: 60 + 95 * (k % 6) + 0.37 * k % 1,
  y: 60 + 95 * Math.floor(k / 6) + 0.61 * k % 1,
  flux: 3000 + 400 * k,
}));

Deno.test("ZOGY gives injected transients their flux, and knows the PSF they have", async () => {
  const options = { size: 600, seed: 3, stars: 140, scale: 1.3 };
  const { pair, stars } = syntheticPair({ ...options, transients: PLACES });
  const { pair: without } = syntheticPair(options);
  const { result, difference, variance } = await zogy({ ...pair, stars: without.stars });
  const pulls: number[] = [], ratios: number[] = [];
  for (const place of PLACES) {
    if (stars.some((star) => Math.hypot(star.x - place.x, star.y - place.y) < 16)) continue;
    const { flux, error } = psfFlux({ difference, variance }, result.psf!, place);
    ratios.push(flux / place.flux);
    pulls.push((flux - place.flux) / error);
  }
  assert.ok(ratios.length > 10, `${ratios.length} isolated`);
  assert.ok(Math.abs(median(ratios) - 1) < 0.01, `flux ratio ${median(ratios)}`);
  const spread = clippedStats(pulls);
  assert.ok(Math.abs(spread.sigma - 1) < 0.35, `pulls ${spread.sigma}`);
  assert.ok(Math.abs(spread.mean) < 0.75, `pulls' mean ${spread.mean}`);
});

/** Flux by least squares of the PSF, moved to the place by linear interpolation. */
function psfFlux(
  whole: { readonly difference: Float32Array; readonly variance: Float32Array },
  field: KernelField,
  { x, y }: { readonly x: number; readonly y: number },
) {
  const { halfPx, width } = field;
  const psf = kernelAt(field, x, y), side = 2 * halfPx + 1;
  const cx = Math.round(x), cy = Math.round(y);
  const fourier = new Fourier(128);
  const moved = movedBy(fourier, psf, x - cx, y - cy);
  let cross = 0, square = 0, noise = 0;
  for (let k = 0; k < side * side; k++) {
    const dx = (k % side) - halfPx, dy = Math.floor(k / side) - halfPx;
    if (dx * dx + dy * dy > 64) continue;
    const i = (cy + dy) * width + cx + dx;
    // Even weights: those from a variance that holds the source's photons would follow their noise.
    cross += moved[k]! * whole.difference[i]!;
    square += moved[k]! ** 2;
    noise += moved[k]! ** 2 * whole.variance[i]!;
  }
  return { flux: cross / square, error: Math.sqrt(noise) / square };
}

function movedBy(fourier: Fourier, kernel: Float64Array, dx: number, dy: number): Float64Array {
  const { re, im } = fourier.forward(kernel);
  const n = fourier.size;
  const frequency = (k: number) => (k < n / 2 ? k : k - n) / n;
  for (let i = 0; i < re.length; i++) {
    const turns = -(frequency(i % n) * dx + frequency(Math.floor(i / n)) * dy);
    const c = Math.cos(2 * Math.PI * turns), s = Math.sin(2 * Math.PI * turns);
    [re[i], im[i]] = [re[i]! * c - im[i]! * s, re[i]! * s + im[i]! * c];
  }
  return fourier.inverse({ re, im }, (Math.round(Math.sqrt(kernel.length)) - 1) / 2);
}

Deno.test("ZOGY grows the masks of both images, and has no data where one has none", async () => {
  const { pair } = syntheticPair({ size: 400, seed: 9, missingCornerPx: 90 });
  pair.science.mask[200 * 400 + 100] = bit("CR");
  pair.reference.mask[200 * 400 + 300] = bit("SAT");
  const { result } = await zogy(pair);
  const finished = await finishAlone(pair, result, new Uint8Array(400 * 400).fill(1), 128);
  const at = (x: number, y: number) => finished.mask[y * 400 + x]!;
  assert.ok(at(100 + result.growPx, 200) & bit("CR"));
  assert.ok(at(300 - result.growPx, 200) & bit("SAT"));
  assert.equal(at(200, 200), 0);
  assert.ok(at(40, 40) & bit("NO_DATA"));
  assert.equal(finished.difference[40 * 400 + 40], 0);
  assert.ok(finished.difference.every(Number.isFinite));
});

Deno.test("ZOGY with two stars, or only masked ones, says so", async () => {
  const { pair } = syntheticPair({ size: 300, seed: 13 });
  await assert.rejects(zogy({ ...pair, stars: pair.stars.slice(0, 2) }), DataError);
  pair.science.mask.fill(bit("SAT"));
  await assert.rejects(zogy(pair), /Cannot measure the PSF: 0 of 0 stars/);
});
