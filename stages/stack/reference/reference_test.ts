import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { loadSite } from "../../../config/site.ts";
import { readImage } from "../../../fits/image.ts";
import { readMask } from "../../../sky/mask.ts";
import { tanWcs } from "../../../sky/wcs.ts";
import { type Manifest, MANIFEST_VERSION, type Product } from "../../manifest.ts";
import { writeManifest } from "../../manifest_file.ts";
import type { NewProduct } from "../../stage.ts";
import { testContext, testProduct } from "../../testing.ts";
import { measureStar, type Star, writeFrame } from "../_synthetic_frames.ts";
import { gatherNights } from "../frames/gather.ts";
import { type InputLimits, judgeInputs } from "../frames/gates.ts";
import { nightsOf } from "../frames/nights.ts";
import { reference } from "./reference.ts";

const SIZE = { width: 200, height: 180 };
const STAR: Star = { raDeg: 120.002, decDeg: -20.001, flux: 50_000 };

const NO_LIMITS: InputLimits = {
  maxSeeingArcsec: null,
  maxSeeingRatio: null,
  maxEllipticity: null,
  minDepthMag: null,
  maxDepthLossMag: null,
  maxRmsArcsec: null,
  minTransparency: null,
};

function product(id: string, measured: Record<string, number>, more: Partial<Product> = {}) {
  return { ...testProduct({ id, kind: "stack", path: `/${id}.fits` }), measured, ...more };
}

/** Stacks of as many nights, one a day from 2024-04-20. */
async function nightStacks(
  folder: string,
  measured: readonly Record<string, number>[],
  stars: readonly Star[] = [STAR],
): Promise<NewProduct[]> {
  const made: NewProduct[] = [];
  for (const [index, one] of measured.entries()) {
    const frames = await writeFrame({
      folder,
      index,
      wcs: tanWcs({ raDeg: 120, decDeg: -20, scaleArcsec: 0.8, rotationDeg: index, ...SIZE }),
      stars,
      mjd: 60420.2 + index,
      measured: one,
      ...SIZE,
    });
    made.push(...frames.map((frame) => frame.kind === "frame" ? asStack(frame) : frame));
  }
  return made;
}

function asStack(frame: NewProduct): NewProduct {
  return { ...frame, kind: "stack" };
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-reference-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const GOOD = { seeingArcsec: 1.5, depth5: 21, ellipticity: 0.05 };

Deno.test("reference is built of the best stacks and never of the night under test", async () => {
  await withFolder(async (folder) => {
    const stacks = await nightStacks(folder, [
      GOOD,
      { ...GOOD, depth5: 21.4 },
      { ...GOOD, seeingArcsec: 2.4 },
      { ...GOOD, depth5: 19 },
      { ...GOOD, depth5: 23 }, // the deepest, of the night under test
    ]);
    const site = await loadSite({ base: join(folder, "base"), env: {} });
    const { context, left } = testContext({
      ...{ stage: "reference", products: stacks, inputs: ["stack"], site, folder },
    });
    const asked = { notNight: ["2024-04-24"], measure: false, background: "constant" };
    const { products, metrics } = await reference.run(reference.params.parse(asked), context);
    assert.deepEqual(metrics, { references: 1, inputs: 2 });
    const reasons = left.map(({ message }) => message).sort();
    assert.equal(reasons.length, 3);
    assert.match(reasons.join("\n"), /f4".*holds light of the night 2024-04-24/);
    assert.match(reasons.join("\n"), /f2".*seeing over the sharpest 1\.6, needed <= 1\.25/);
    assert.match(reasons.join("\n"), /f3".*depth below the deepest 2\.4, needed <= 1 mag/);

    const place = join(site.paths.references, "r", "ref_7DT_T1_r_20240421.fits");
    assert.equal(products.find(({ kind }) => kind === "reference")?.path, place);
    const { header, ...image } = await readImage(place);
    assert.equal(header.text("IMAGE001"), "calib_7DT07_T1_f1.fits", "the deepest comes first");
    assert.equal(header.number("NCOMBINE"), 2);
    assert.equal(header.number("NLEFTOUT"), 3);
    assert.equal(header.text("NIGHT001"), "2024-04-19", "the evening in Chile");
    assert.ok(!header.toText().includes("'2024-04-24'"));
    const mask = await readMask(place.replace(".fits", ".mask.fits"));
    assert.deepEqual([mask.width, mask.height], [image.width, image.height]);
  });
});

Deno.test("reference keeps the flux of its stars on the scale of its deepest input", async () => {
  await withFolder(async (folder) => {
    const stacks = await nightStacks(folder, [GOOD, GOOD, GOOD]);
    const site = await loadSite({ base: join(folder, "base"), env: {} });
    const { context } = testContext({ products: stacks, inputs: ["stack"], site, folder });
    const asked = { measure: false, background: "constant", grid: "first", maxInputs: 2 };
    const { products } = await reference.run(reference.params.parse(asked), context);
    const image = await readImage(products.find(({ kind }) => kind === "reference")!.path);
    const wcs = tanWcs({ raDeg: 120, decDeg: -20, scaleArcsec: 0.8, rotationDeg: 0, ...SIZE });
    const { flux } = measureStar(image, ...wcs.skyToPixel(STAR.raDeg, STAR.decDeg));
    assert.ok(Math.abs(flux / STAR.flux - 1) < 0.01, `flux ${flux}`);
    assert.equal(image.header.number("NCOMBINE"), 2);
  });
});

Deno.test("reference is measured with its mask, and as [phot] of gppy.toml says", async () => {
  await withFolder(async (folder) => {
    const stars = Array.from({ length: 20 }, (_, i): Star => ({
      raDeg: 120 + ((i * 37) % 130 - 65) / 3600,
      decDeg: -20 + ((i * 53) % 120 - 60) / 3600,
      flux: 30_000 + 4000 * i,
    }));
    const stacks = await nightStacks(folder, [GOOD, GOOD], stars);
    await Deno.writeTextFile(join(folder, "gppy.toml"), "[phot]\nrequireZeroPoint = false\n");
    const site = await loadSite({ folder, base: join(folder, "base"), env: {} });
    const { context } = testContext({ products: stacks, inputs: ["stack"], site, folder });
    const asked = reference.params.parse({ background: "constant", maxMagError: 0.2 });
    const { products } = await reference.run(asked, context);
    const image = products.find(({ kind }) => kind === "reference")!;
    const seeing = (image.measured as Record<string, number>)["seeingArcsec"]!;
    // stars of 1.5 px sigma in pixels of 0.8 arcsec, interpolated
    assert.ok(Math.abs(seeing / (2.355 * 1.5 * 0.8) - 1) < 0.06, `${seeing} arcsec`);
    const catalogue = products.find(({ kind }) => kind === "catalogue")!;
    assert.equal(dirname(catalogue.path), join(site.paths.references, "r"));
    assert.deepEqual(products.map(({ kind }) => kind).filter((kind) => kind === "mask"), ["mask"]);
  });
});

Deno.test("reference says so when every image is of the night under test", async () => {
  await withFolder(async (folder) => {
    const stacks = await nightStacks(folder, [GOOD]);
    const site = await loadSite({ base: join(folder, "base"), env: {} });
    const { context, left } = testContext({ products: stacks, inputs: ["stack"], site, folder });
    const asked = reference.params.parse({ notNight: ["2024-04-20"] });
    const { products } = await reference.run(asked, context);
    assert.deepEqual(products, []);
    assert.match(left.at(-1)!.message, /Cannot build the reference of T1 in r: none of 1 images/);
  });
});

Deno.test("nightsOf() knows the days in UTC, at the telescope, and of what an image is made of", () => {
  const frame = product("a", {}, { mjd: 60420.99, exposureS: 1800, unit: "7DT07" });
  const stack = { ...product("b", {}, { mjd: 60422.2, from: ["a"] }), night: "2024-05-01" };
  const products = new Map([["a", frame], ["b", stack]]);
  const dates = nightsOf(stack, products, (unit) => unit === "7DT07" ? -70.8 : undefined);
  assert.deepEqual(dates, ["2024-04-20", "2024-04-21", "2024-04-22", "2024-05-01"].sort());
});

Deno.test("judgeInputs() gives each rejected input its reason and lets unmeasured ones pass", () => {
  const inputs = [
    product("best", { seeingArcsec: 1, zeroPoint: 25 }, { exposureS: 10 }),
    product("cloudy", { zeroPoint: 24 }, { exposureS: 10 }),
    product("round", { ellipticity: 0.1, astromRmsArcsec: 0.1 }),
    product("long", { ellipticity: 0.4 }),
    product("off", { astromRmsArcsec: 0.9 }),
    product("unknown", {}),
  ];
  const limits = { ...NO_LIMITS, maxEllipticity: 0.3, maxRmsArcsec: 0.5, minTransparency: 0.5 };
  const { kept, left } = judgeInputs(inputs, limits);
  assert.deepEqual(kept.map(({ id }) => id), ["best", "round", "unknown"]);
  assert.deepEqual(left.map(({ reason }) => reason), [
    "transparency 0.398, needed >= 0.5",
    "ellipticity 0.4, needed <= 0.3",
    "astrometric rms 0.9, needed <= 0.5 arcsec",
  ]);
  assert.deepEqual(judgeInputs(inputs, NO_LIMITS).kept, inputs);
});

Deno.test("gatherNights() takes the last manifest of each night, and bare stacks by their cards", async () => {
  await withFolder(async (folder) => {
    const stacks = await nightStacks(folder, [GOOD, GOOD]);
    const manifest = (products: readonly NewProduct[], date: string): Manifest => ({
      gppyManifest: MANIFEST_VERSION,
      night: { unit: "7DT07", date, source: folder, work: folder },
      products: products.map(testProduct),
      left: [],
      stages: [],
    });
    const night = join(folder, "work", "n1");
    await Deno.mkdir(night, { recursive: true });
    await writeManifest(join(night, "04-stack.json"), manifest([], "2024-04-20"));
    await writeManifest(join(night, "05-phot.json"), manifest(stacks.slice(0, 2), "2024-04-20"));
    const site = await loadSite({ base: folder, env: {} });
    const options = {
      ...{ site, log: getLogger(["gppy", "test"]), signal: new AbortController().signal },
      ...{ progress: () => {}, work: join(folder, "out") },
    };
    const other = stacks[2]!.path;
    const { products } = await gatherNights([join(folder, "work"), other], options);
    const found = products.filter(({ kind }) => kind === "stack").map((one) => one["night"]);
    assert.deepEqual(found, ["2024-04-20", undefined]);
    await assert.rejects(gatherNights([join(folder, "none")], options), /Cannot read/);
  });
});
