import assert from "node:assert/strict";
import { clippedStats } from "../sky/stats.ts";
import { fluxOfSnr, type PairPlan, SimulatedPair, skyNoise } from "./pair.ts";
import { PAIR_CASES, type PairCase, pairPlan } from "./pair_cases.ts";
import { MOFFAT_BETA } from "./profile.ts";

const SIZE = 256;

/** All rows of one image. */
function whole(pair: SimulatedPair, name: "science" | "reference") {
  const { width, height } = pair.plan;
  const image = new Float32Array(width * height), clean = new Float32Array(width * height);
  for (const y0 of pair.firstRows) {
    const rows = pair.rows(name, y0);
    image.set(rows.image, y0 * width);
    clean.set(rows.clean, y0 * width);
  }
  return { image, clean };
}

const plan = (changes: Partial<PairPlan> = {}) => ({
  ...pairPlan("sharper", SIZE, SIZE, 5),
  ...changes,
});

Deno.test("a simulated pair is equal for equal plans, in whatever order its strips are made", () => {
  const one = new SimulatedPair(plan()), same = new SimulatedPair(plan());
  const later = one.rows("science", 128);
  same.rows("reference", 0);
  assert.deepEqual(same.rows("science", 128).image, later.image);
  assert.notDeepEqual(new SimulatedPair(plan({ seed: 6 })).rows("science", 128).image, later.image);
});

Deno.test("the noise of a simulated image is that of its sky and its photons", () => {
  const pair = new SimulatedPair(plan({ starsPerMpx: 0, galaxiesPerMpx: 0, transientsPerMpx: 0 }));
  for (const name of ["science", "reference"] as const) {
    const { image, clean } = whole(pair, name);
    const noise = clippedStats(image.map((value, i) => value - clean[i]!), { sigma: 6 });
    const expected = skyNoise(pair.plan[name]);
    assert.ok(Math.abs(noise.sigma / expected - 1) < 5 / Math.sqrt(2 * SIZE * SIZE));
    assert.ok(Math.abs(noise.mean) < 5 * expected / SIZE);
  }
});

Deno.test("both images hold the same stars, their fluxes by the plan's ratio", () => {
  const empty = { galaxiesPerMpx: 0, transientsPerMpx: 0 };
  const pair = new SimulatedPair(plan(empty));
  const light = (name: "science" | "reference") =>
    whole(pair, name).clean.reduce((sum, value) => sum + value - pair.plan[name].skyAdu, 0);
  const ratio = light("science") / light("reference");
  // Stars at the border lose their light to another extent in either image.
  assert.ok(Math.abs(ratio / pair.plan.fluxRatio - 1) < 0.02, `${ratio}`);
});

Deno.test("fluxOfSnr() gives the flux at which a profile fit has that signal over noise", () => {
  const side = pairPlan("sharper", SIZE, SIZE).science;
  const alpha = side.psf.fwhmPx / (2 * Math.sqrt(2 ** (1 / MOFFAT_BETA) - 1));
  const flux = fluxOfSnr(5, side);
  let squares = 0;
  for (let y = -60; y <= 60; y++) {
    for (let x = -60; x <= 60; x++) {
      const value = (MOFFAT_BETA - 1) / (Math.PI * alpha ** 2) *
        (1 + (x * x + y * y) / alpha ** 2) ** -MOFFAT_BETA;
      squares += value * value;
    }
  }
  const variance = skyNoise(side) ** 2 / squares + flux / side.gainEAdu;
  assert.ok(Math.abs(flux / Math.sqrt(variance) - 5) < 0.01);
});

Deno.test("new sources shine in the science frame alone and keep apart from each other", () => {
  const pair = new SimulatedPair(plan({ transientsPerMpx: 300 }));
  const light = pair.firstRows.reduce(
    (sum, y0) => sum + pair.rows("science", y0).fresh.reduce((a, b) => a + b, 0),
    0,
  );
  const inside = pair.transients.filter(({ x, y }) => Math.min(x, y, SIZE - x, SIZE - y) > 20);
  assert.ok(light > 0.98 * inside.reduce((sum, { flux }) => sum + flux, 0));
  assert.ok(pair.rows("reference", 0).fresh.every((value) => value === 0));
  for (const one of pair.transients) {
    for (const other of pair.transients) {
      if (one === other) continue;
      assert.ok(Math.hypot(one.x - other.x, one.y - other.y) > 7 * pair.plan.science.psf.fwhmPx);
    }
  }
});

Deno.test("every pair has what its name says", () => {
  for (const name of Object.keys(PAIR_CASES) as PairCase[]) {
    const pair = new SimulatedPair(pairPlan(name, SIZE, SIZE, 2));
    const { image } = pair.rows("reference", 0);
    const missing = image.filter(Number.isNaN).length;
    assert.equal(missing, name === "corner" ? 77 * 77 : 0, name);
    assert.ok(pair.rows("science", 0).image.every(Number.isFinite), name);
  }
});
