import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage, writeImage } from "../../fits/image.ts";
import { readMask, UNUSABLE } from "../../sky/mask.ts";
import { clippedStats } from "../../sky/stats.ts";
import { wcsFromHeader } from "../../sky/wcs.ts";
import { testContext } from "../testing.ts";
import { joinWeights } from "./engines/joint_weight.ts";
import { type Fixture, makeFixture } from "./_stage_fixture.ts";
import { normalNumbers } from "./_synthetic_pair.ts";
import { subtract } from "./mod.ts";

const NOISE_ADU = 6;
const SHALLOW_ADU = 24;
/** First column of the shallow half of the reference. */
const STEP_PX = 300;
/** Columns on either side of the step that are judged: the mesh of the sky has cells of 64 px. */
const BAND_PX = [4, 30] as const;

/** Gives the right half of the reference four times the noise; the path of the stack's own weight. */
async function makeShallow({ site, stackId }: Fixture, base: string): Promise<string> {
  const path = join(site.paths.references, "m600", "ref_7DT_T09614_m600_20240101.fits");
  const reference = await readImage(path);
  const { width, height, data, header } = reference;
  const normal = normalNumbers(77);
  const isDeep = (i: number) => i % width < STEP_PX;
  const added = Math.sqrt(SHALLOW_ADU ** 2 - NOISE_ADU ** 2);
  data.forEach((_, i) => data[i]! += isDeep(i) ? 0 : added * normal());
  await writeImage(path, reference);
  const weight = (sigmaOf: (i: number) => number) =>
    Float32Array.from({ length: width * height }, (_, i) => 3 / sigmaOf(i) ** 2); // any unit
  await writeImage(path.replace(".fits", ".weight.fits"), {
    ...{ width, height, header },
    data: weight((i) => isDeep(i) ? NOISE_ADU : SHALLOW_ADU),
  });
  const own = join(base, `${stackId}.weight.fits`);
  await writeImage(own, { width, height, data: weight(() => NOISE_ADU) });
  return own;
}

for (const rotationDeg of [0, 0.4]) {
  const how = rotationDeg === 0 ? "on the same grid" : "turned";
  Deno.test(`the difference's noise has the sharp borders of a reference's weight, ${how}`, async () => {
    const base = await Deno.makeTempDir({ prefix: "gppy-subtract-" });
    try {
      const fixture = await makeFixture(base, { size: 600, rotationDeg, stars: 150 });
      const { site, folder, stackId } = fixture;
      const path = await makeShallow(fixture, base);
      const weight = { id: `${stackId}.weight`, kind: "weight", path, of: stackId } as const;
      const products = [...fixture.products, weight];
      const { context, left } = testContext({ site, folder, products, stage: "subtract" });
      const params = { engine: "native", pictures: false, convolve: "reference" };
      const { products: made } = await subtract.run(subtract.params.parse(params), context);
      assert.deepEqual(left, []);
      const [deep, shallow] = await pullsBesideStep(made, fixture);
      assert.ok(Math.abs(deep - 1) < 0.08, `pull ${deep} on the deep side`);
      assert.ok(Math.abs(shallow - 1) < 0.08, `pull ${shallow} on the shallow side`);
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  });
}

/** Scatter over expected noise in a band on either side of the step of the reference. */
async function pullsBesideStep(
  made: readonly { readonly kind: string; readonly path: string }[],
  { site }: Fixture,
): Promise<[deep: number, shallow: number]> {
  const path = (kind: string) => made.find((one) => one.kind === kind)!.path;
  const [difference, weight] = [
    await readImage(path("difference")),
    await readImage(path("weight")),
  ];
  const mask = await readMask(path("mask"));
  const name = join(site.paths.references, "m600", "ref_7DT_T09614_m600_20240101.fits");
  const from = wcsFromHeader(difference.header)!,
    to = wcsFromHeader((await readImage(name)).header)!;
  const sides: [number[], number[]] = [[], []];
  difference.data.forEach((value, i) => {
    if ((mask.data[i]! & UNUSABLE) !== 0 || !(weight.data[i]! > 0)) return;
    const [ra, dec] = from.pixelToSky(i % difference.width, Math.floor(i / difference.width));
    const off = to.skyToPixel(ra, dec)[0] - STEP_PX;
    if (Math.abs(off) < BAND_PX[0] || Math.abs(off) > BAND_PX[1]) return;
    sides[off < 0 ? 0 : 1].push(value * Math.sqrt(weight.data[i]!));
  });
  return sides.map((pulls) => clippedStats(pulls).sigma) as [number, number];
}

Deno.test("joinWeights() adds variances, whatever the units of the weights", () => {
  const a = { weight: Float32Array.of(2, 2, 0, 0), weighted: 8 };
  const b = { weight: Float32Array.of(0.5, 0, 3, 0), weighted: 6 };
  const joint = new Float32Array(4).fill(-1);
  joinWeights(a, b, [0, 3], joint);
  assert.ok(Math.abs(14 / joint[0]! - (8 / 2 + 6 / 0.5)) < 1e-5);
  assert.deepEqual([...joint.subarray(1)], [0, 0, -1]);
});
