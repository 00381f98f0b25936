import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { readImage } from "../../fits/image.ts";
import { bit, readMask } from "../../sky/mask.ts";
import { clippedStats } from "../../sky/stats.ts";
import { tanWcs, type Wcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { BAD, type FrameSpec, measureStar, type Star, writeFrame } from "./_synthetic_frames.ts";
import { stack } from "./mod.ts";

const SIZE = { width: 320, height: 260 };
const MIDDLE = { raDeg: 359.999, decDeg: -30 };

const STARS: readonly Star[] = [
  [-50, -30, 40000],
  [30.3, 20.7, 20000],
  [60, -50, 80000],
  [-10, 55, 30000],
].map(([dx = 0, dy = 0, flux = 0]) => ({
  raDeg: MIDDLE.raDeg + dx / 3600 / Math.cos(Math.PI / 6),
  decDeg: MIDDLE.decDeg + dy / 3600,
  flux,
}));

/** Dithered by up to 7 px and turned by up to 8°. */
function dithered(index: number): Wcs {
  return tanWcs({
    raDeg: MIDDLE.raDeg + ((index * 37) % 13 - 6) / 3600,
    decDeg: MIDDLE.decDeg + ((index * 17) % 13 - 6) / 3600,
    scaleArcsec: 0.8,
    rotationDeg: (index * 5) % 9,
    ...SIZE,
  });
}

interface StackRun {
  readonly folder: string;
  readonly products: readonly NewProduct[];
  readonly left: readonly { readonly id: string; readonly message: string }[];
}

async function withStack(
  specs: readonly Partial<FrameSpec>[],
  params: Record<string, unknown>,
  check: (run: StackRun) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-stack-" });
  try {
    const made = await Promise.all(
      specs.map((spec, index) =>
        writeFrame({ folder, index, wcs: dithered(index), stars: STARS, ...SIZE, ...spec })
      ),
    );
    const site = await loadSite({ base: join(folder, "base"), env: {} });
    const out = join(folder, "stack");
    await Deno.mkdir(out);
    const { context, left } = testContext({
      stage: "stack",
      products: made.flat(),
      inputs: ["frame"],
      site,
      folder: out,
    });
    const { products } = await stack.run(stack.params.parse(params), context);
    await check({ folder: out, products, left });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const frames = (count: number, spec: Partial<FrameSpec> = {}) =>
  Array.from({ length: count }, () => spec);

async function readStack(products: readonly NewProduct[]) {
  const product = products.find(({ kind }) => kind === "stack")!;
  const image = await readImage(product.path);
  const mask = await readMask(product.path.replace(/\.fits$/, ".mask.fits"));
  const weight = await readImage(product.path.replace(/\.fits$/, ".weight.fits"));
  return { product, image, mask, weight, wcs: wcsFromHeader(image.header)! };
}

function emptySky(data: Float32Array, width: number): Float32Array {
  const rows = Array.from(
    { length: 40 },
    (_, y) => data.subarray((y + 60) * width + 60, (y + 60) * width + 110),
  );
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

for (const combine of ["clipped-mean", "median", "mean"] as const) {
  Deno.test(`stack keeps the places and fluxes of stars with a ${combine}`, async () => {
    const params = { combine, grid: "frames", background: "constant" };
    await withStack(frames(9), params, async ({ products, left }) => {
      assert.deepEqual(left, []);
      const { image, wcs, product } = await readStack(products);
      for (const star of STARS) {
        const [x, y] = wcs.skyToPixel(star.raDeg, star.decDeg);
        const found = measureStar(image, x, y);
        assert.ok(Math.abs(found.flux / star.flux - 1) < 0.01, `${found.flux} of ${star.flux}`);
        assert.ok(Math.hypot(found.x - x, found.y - y) < 0.02);
      }
      assert.equal((product.measured as Record<string, number>)["inputs"], 9);
    });
  });

  Deno.test(`stack lowers the noise by √N with a ${combine}, and its weight says so`, async () => {
    // nearest pixels keep the noise of the frames; Lanczos lowers it by some per cent
    const params = { combine, kernel: "nearest", background: "constant" };
    await withStack(frames(9), params, async ({ products }) => {
      const { image, weight } = await readStack(products);
      const { sigma } = clippedStats(emptySky(image.data, image.width));
      const expected = 5 / 3 * (combine === "median" ? 1.2 : 1); // √1.45 for a median of nine
      assert.ok(Math.abs(sigma / expected - 1) < 0.08, `noise ${sigma}, expected ${expected}`);
      const middle = weight.data[Math.floor(image.height / 2) * image.width + 100]! ** -0.5;
      assert.ok(Math.abs(middle / expected - 1) < 0.07, `noise by weight ${middle}`);
    });
  });
}

Deno.test("stack writes times, gain, exposure and inputs of its frames into the header", async () => {
  await withStack(frames(3), { combine: "median", weights: "equal" }, async ({ products }) => {
    const { image: { header }, product } = await readStack(products);
    assert.equal(product.id, "calib_7DT07_T1_20230225_022510_r_180.com");
    assert.ok(Math.abs(header.number("EGAIN")! - 3) < 1e-9);
    assert.equal(header.number("EXPTIME"), 180);
    assert.equal(header.number("NCOMBINE"), 3);
    assert.equal(header.text("DATE-OBS"), "2023-02-25T02:25:10.000");
    assert.ok(Math.abs(header.number("MJD")! - (60000.1 + 70 / 86400)) < 1e-8);
    assert.equal(header.text("IMAGE002"), "calib_7DT07_T1_f1.fits");
    assert.ok(header.number("SATURATE")! > 49800 && header.number("SATURATE")! < 50000);
  });
});

Deno.test("stack leaves masked samples out and hands their planes on", async () => {
  const hot = [100, 120, 30000, BAD] as const;
  const ray = [200, 130, 9000, 0] as const;
  const same = dithered(0);
  const ghost = [240, 70, 160, bit("CROSSTALK")] as const;
  const specs = [
    ...frames(2, { wcs: same, spoilt: [hot, ghost] }),
    { wcs: same, spoilt: [hot, ray] },
    ...frames(4, { wcs: same, spoilt: [[100, 120, 30000, BAD], [60, 60, 60000, bit("SAT")]] }),
  ];
  await withStack(specs, { grid: "first", kernel: "nearest" }, async ({ products }) => {
    const { image, mask, weight } = await readStack(products);
    const at = (x: number, y: number) => y * image.width + x;
    assert.equal(image.data[at(100, 120)], 0);
    assert.equal(mask.data[at(100, 120)], bit("BAD", "NO_DATA"));
    assert.equal(weight.data[at(100, 120)], 0);
    assert.equal(mask.data[at(200, 130)], bit("CLIPPED"));
    assert.ok(Math.abs(image.data[at(200, 130)]!) < 15);
    assert.equal(mask.data[at(240, 70)], bit("REJECTED"));
    assert.ok(Math.abs(image.data[at(240, 70)]!) < 12, "60 ADU of crosstalk in two frames");
    assert.equal(mask.data[at(60, 60)], bit("REJECTED", "SAT"));
    assert.ok(Math.abs(image.data[at(60, 60)]!) < 15);
    assert.ok(weight.data[at(60, 60)]! < weight.data[at(61, 60)]! * 0.6);
  });
});

Deno.test("stack keeps a core that is saturated in every frame, marked SAT", async () => {
  const specs = frames(4, { wcs: dithered(0), spoilt: [[60, 60, 60000, bit("SAT")]] });
  await withStack(specs, { grid: "first", background: "none" }, async ({ products }) => {
    const { image, mask } = await readStack(products);
    assert.equal(mask.data[60 * image.width + 60], bit("SAT"));
    assert.ok(Math.abs(image.data[60 * image.width + 60]! - 60000) < 10);
  });
});

Deno.test("stack brings frames to one scale by their zero points", async () => {
  const specs = [1, 0.5, 0.8].map((scale) => ({
    scale,
    measured: { zeroPoint: 25 + 2.5 * Math.log10(scale) },
  }));
  await withStack(specs, { background: "constant" }, async ({ products }) => {
    const { image, wcs } = await readStack(products);
    for (const star of STARS) {
      const { flux } = measureStar(image, ...wcs.skyToPixel(star.raDeg, star.decDeg));
      assert.ok(Math.abs(flux / star.flux - 1) < 0.015, `${flux} of ${star.flux}`);
    }
    assert.ok(image.header.number("EGAIN")! > 1.5 && image.header.number("EGAIN")! < 4.5);
  });
});

Deno.test("stack starts a new block after a gap and makes one of a single frame", async () => {
  const specs = [0, 100, 470, 1000].map((second) => ({ mjd: 60000 + second / 86400 }));
  await withStack(specs, { gapS: 310 }, ({ products }) => {
    const names = products.filter(({ kind }) => kind === "stack").map(({ id }) => id);
    assert.deepEqual(names, [
      "calib_7DT07_T1_20230225_000310_r_180.com",
      "calib_7DT07_T1_20230225_001640_r_60.com",
    ]);
    return Promise.resolve();
  });
});

Deno.test("stack makes the stacks of lists alone, and says what the skip list left out", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-lists-" });
  try {
    const list = join(folder, "best.txt");
    const skip = join(folder, "skip.txt");
    await Deno.writeTextFile(list, "calib_7DT07_T1_f0.fits\ncalib_7DT07_T1_f3\n");
    await Deno.writeTextFile(skip, "calib_7DT07_T1_f1 trailed\n");
    const specs = [0, 100, 470, 90_000].map((second) => ({ mjd: 60000 + second / 86400 }));
    await withStack(specs, { lists: [list], skip }, async ({ products }) => {
      assert.equal(products.length, 3);
      const { image: { header } } = await readStack(products);
      assert.equal(header.number("NCOMBINE"), 2);
      assert.equal(header.text("IMAGE002"), "calib_7DT07_T1_f3.fits");
      assert.equal(header.number("MJD-END"), 60000 + 90_060 / 86400);
      assert.match(header.toText(), /left out calib_7DT07_T1_f1: it is on the skip list/);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("stack leaves a block of too few frames behind when asked to", async () => {
  await withStack(frames(2), { minFrames: 3 }, ({ products, left }) => {
    assert.deepEqual(products, []);
    assert.match(left[0]!.message, /Cannot make a stack: 2 frames, at least 3/);
    return Promise.resolve();
  });
});

for (const combine of ["mean", "median"] as const) {
  Deno.test(`stack gives the same picture with SWarp and natively, ${combine}`, async () => {
    const results: Awaited<ReturnType<typeof readStack>>[] = [];
    for (const engine of ["native", "swarp"] as const) {
      const params = { engine, combine, background: "none", scale: "none", grid: "frames" };
      await withStack(frames(5, { sky: 0 }), params, async ({ products, left }) => {
        assert.deepEqual(left, []);
        results.push(await readStack(products));
      });
    }
    const [native, swarp] = [results[0]!, results[1]!];
    assert.deepEqual([native.image.width, native.image.height], [
      swarp.image.width,
      swarp.image.height,
    ]);
    const both = Float32Array.from(
      native.image.data,
      (v, i) =>
        native.weight.data[i]! > 0 && swarp.weight.data[i]! > 0 ? v - swarp.image.data[i]! : NaN,
    );
    const { mean, sigma } = clippedStats(both);
    assert.ok(Math.abs(mean) < 0.02 && sigma < 0.1, `difference ${mean} ± ${sigma} ADU`);
    for (const star of STARS) {
      const [x, y] = native.wcs.skyToPixel(star.raDeg, star.decDeg);
      const [a, b] = [measureStar(native.image, x, y), measureStar(swarp.image, x, y)];
      assert.ok(Math.abs(a.flux / b.flux - 1) < 0.002, `flux ${a.flux} and ${b.flux}`);
      assert.ok(Math.hypot(a.x - b.x, a.y - b.y) < 0.01);
    }
    const ratio = native.weight.data[130 * native.image.width + 150]! /
      swarp.weight.data[130 * native.image.width + 150]!;
    if (combine === "mean") assert.ok(Math.abs(ratio - 1) < 0.05, `weights differ by ${ratio}`);
  });
}

Deno.test("stack leaves a frame without a WCS behind and stacks the others", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-stack-" });
  try {
    const spec = { folder, stars: STARS, ...SIZE };
    const made = [
      ...await writeFrame({ ...spec, index: 0, wcs: dithered(0) }),
      ...await writeFrame({ ...spec, index: 1, wcs: dithered(1) }),
    ];
    const { clearWcs } = await import("../../sky/wcs.ts");
    const { updateHeader } = await import("../../fits/image.ts");
    await updateHeader(made[2]!.path, made[2]!.path, (header) => void clearWcs(header));
    const site = await loadSite({ base: folder, env: {} });
    const { context, left } = testContext({ products: made, inputs: ["frame"], site, folder });
    const { products, metrics } = await stack.run(stack.params.parse({}), context);
    assert.deepEqual(metrics, { frames: 1, stacks: 1, skipped: 0 });
    assert.match(left[0]!.message, /calib_7DT07_T1_f1": it has no WCS/);
    assert.match(products[0]!.id, /_r_60\.com$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("stack marks the saturated pixels of frames without masks by their level", async () => {
  const spoilt = [[150, 120, 50_000, 0], [151, 120, 65_535, 0]] as const;
  const specs = frames(3, { bare: true, spoilt, wcs: dithered(0) });
  await withStack(specs, { grid: "first", kernel: "nearest" }, async ({ products, left }) => {
    assert.deepEqual(left, []);
    const { mask, image } = await readStack(products);
    assert.equal(mask.data[120 * SIZE.width + 150]! & bit("SAT"), bit("SAT"));
    assert.equal(mask.data[120 * SIZE.width + 151]! & bit("SAT"), bit("SAT"));
    assert.equal(mask.data[120 * SIZE.width + 153]! & bit("SAT"), 0);
    assert.ok(image.data[120 * SIZE.width + 150]! > 49_000, "a star's core is no hole");
  });
});

Deno.test("stack takes the gain of obs.dat for frames that do not say theirs", async () => {
  const specs = frames(4, { mute: true });
  await withStack(specs, { combine: "mean", weights: "equal" }, async ({ products }) => {
    const { image } = await readStack(products);
    const { gainEAdu } = (await loadSite({ env: {} })).unit("7DT07");
    assert.ok(Math.abs(image.header.requireNumber("EGAIN") / (4 * gainEAdu) - 1) < 1e-6);
  });
});
