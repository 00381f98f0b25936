import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { readImage } from "../../fits/image.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { makePair } from "../../scripts/bench_pair.ts";
import { SimulatedPair, skyNoise } from "../../sim/pair.ts";
import { type PairCase, pairPlan } from "../../sim/pair_cases.ts";
import { shapeAt, stampPoint } from "../../sim/profile.ts";
import { median } from "../../sky/stats.ts";
import { testContext } from "../testing.ts";
import { subtract } from "./mod.ts";

const SIZE = 768;

/** A difference with the truth of its pair; images `[SIZE, SIZE]`. */
interface Judged {
  readonly pair: SimulatedPair;
  readonly difference: Float32Array;
  readonly weight: Float32Array;
  /** Light of all sources of the science frame, ADU. */
  readonly light: Float32Array;
}

async function subtractPair(name: PairCase, judge: (judged: Judged) => void) {
  const base = await Deno.makeTempDir({ prefix: "gppy-quality-" });
  try {
    const files = await makePair(join(base, name), name, { width: SIZE, height: SIZE, seed: 3 });
    const site = await loadSite({ base, env: {} });
    const products = JSON.parse(await Deno.readTextFile(files.manifest)).products;
    using compute = new LazyCompute({ device: "cpu" });
    const { context, left } = testContext({ products, site, folder: base, compute });
    const flags = { engine: "native", reference: files.reference };
    await subtract.run(subtract.params.parse(flags), context);
    assert.deepEqual(left, []);
    const read = async (path: string) => (await readImage(path)).data;
    const pair = new SimulatedPair(pairPlan(name, SIZE, SIZE, 3));
    const sky = pair.plan.science.skyAdu;
    const clean = await read(join(files.folder, "truth_science.fits"));
    const fresh = await read(join(files.folder, "truth_fresh.fits"));
    judge({
      pair,
      difference: await read(join(base, "science.subt.fits")),
      weight: await read(join(base, "science.subt.weight.fits")),
      light: clean.map((value, i) => value - sky + fresh[i]!),
    });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

const rms = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/** Pulls of bare sky, and of its means over squares of 64 px. */
function skyPulls({ pair, difference, weight, light }: Judged) {
  const pulls: number[] = [], blocks: number[] = [];
  const { science, reference, fluxRatio } = pair.plan;
  const variance = skyNoise(science) ** 2 + (fluxRatio * skyNoise(reference)) ** 2;
  for (let top = 0; top < SIZE; top += 64) {
    for (let left = 0; left < SIZE; left += 64) {
      let sum = 0, count = 0;
      for (let y = top; y < top + 64; y++) {
        for (let i = y * SIZE + left; i < y * SIZE + left + 64; i++) {
          if (weight[i] === 0 || light[i]! > 0.2 * skyNoise(science)) continue;
          pulls.push(difference[i]! * Math.sqrt(weight[i]!));
          sum += difference[i]!;
          count++;
        }
      }
      // The kernel takes nothing from the noise of a mean.
      if (count > 1000) blocks.push(sum / Math.sqrt(count * variance));
    }
  }
  return { pulls, blocks };
}

/** Flux by the science frame's profile and its error, or undefined where the core may not be used. */
function fluxAt({ pair, difference, weight }: Judged, place: { x: number; y: number }) {
  const half = 8, side = 2 * half + 1;
  const left = Math.round(place.x) - half, top = Math.round(place.y) - half;
  if (Math.min(left, top) < 0 || Math.max(left, top) + side > SIZE) return undefined;
  const profile = { data: new Float32Array(side * side), width: side, y0: 0, rows: side };
  const shape = shapeAt(pair.plan.science.psf, place.x, place.y);
  const source = { x: place.x - left, y: place.y - top, flux: 1, radius: 4 * half };
  stampPoint(profile, shape, source);
  let data = 0, norm = 0;
  for (let k = 0; k < side * side; k++) {
    const i = (top + Math.floor(k / side)) * SIZE + left + k % side;
    if (weight[i] === 0) return undefined;
    data += profile.data[k]! * weight[i]! * difference[i]!;
    norm += profile.data[k]! ** 2 * weight[i]!;
  }
  return { flux: data / norm, error: 1 / Math.sqrt(norm) };
}

function judgeDifference(judged: Judged): void {
  const { stars, transients, plan } = judged.pair;
  const { pulls, blocks } = skyPulls(judged);
  assert.ok(Math.abs(rms(pulls) - 1) < 0.02, `spread ${rms(pulls)}`);
  assert.ok(rms(blocks) < 1.15, `blocks ${rms(blocks)}`);
  const isAlone = (star: { x: number; y: number }) =>
    transients.every(({ x, y }) => Math.hypot(x - star.x, y - star.y) > 12);
  const bright = stars.filter((star) => star.flux > 30 * 12 * skyNoise(plan.science));
  const starPulls = bright.filter(isAlone).flatMap((star) => {
    const found = fluxAt(judged, star);
    return found === undefined ? [] : [found.flux / found.error];
  });
  assert.ok(starPulls.length > 20, `${starPulls.length} stars`);
  assert.ok(rms(starPulls) < 1.35, `stars ${rms(starPulls)}`);
  const middle = median(starPulls);
  assert.ok(Math.abs(middle) < 4 / Math.sqrt(starPulls.length), `stars' median ${middle}`);
  const ratios: number[] = [], missed: number[] = [];
  for (const source of transients) {
    const found = fluxAt(judged, source);
    const snr = found === undefined ? 0 : source.flux / found.error;
    if (snr < 10) continue;
    if (found!.flux < 5 * found!.error) missed.push(snr);
    if (source.near === "none") ratios.push(found!.flux / source.flux);
  }
  assert.ok(ratios.length > 15, `${ratios.length} new sources`);
  assert.deepEqual(missed, []);
  assert.ok(Math.abs(median(ratios) - 1) < 0.03, `fluxes ${median(ratios)}`);
}

Deno.test("subtract leaves noise of the declared size and new sources with their flux", async () => {
  await subtractPair("equal", judgeDifference);
});
