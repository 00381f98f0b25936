import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { readHeader } from "../../fits/file.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { bit, writeMask } from "../../sky/mask.ts";
import { readPhotCat } from "../../sky/catalogue.ts";
import type { Gate, Left, Product } from "../manifest.ts";
import type { NewProduct } from "../stage.ts";
import { testContext, testProduct } from "../testing.ts";
import {
  drawSky,
  scatterStars,
  type SkySpec,
  uniform,
  writeReference,
  writeSky,
} from "./_synthetic_sky.ts";
import { phot, selectUnmeasured } from "./mod.ts";
import { stencilOf, sumStencil } from "./stencil.ts";

const SIZE = { width: 900, height: 600 };
const SKY: SkySpec = {
  ...SIZE,
  stars: scatterStars({ ...SIZE, count: 160, minMag: 11.5, maxMag: 18, seed: 3 }),
  fwhmPx: 3.5,
  zeroPointMag: 24.5,
  skyAdu: 300,
  gain: 0.8,
  seed: 5,
};

interface Run {
  readonly folder: string;
  readonly products: readonly NewProduct[];
  readonly left: readonly Left[];
  /** The image that came out; the one put in where none did. */
  readonly image: NewProduct;
  readonly measured: Product["measured"];
  readonly gates: readonly Gate[];
}

async function run(
  work: (run: Run) => Promise<void> | void,
  options: {
    sky?: Partial<SkySpec>;
    params?: Record<string, unknown>;
    spoil?: (data: Float32Array<ArrayBuffer>) => void;
    mask?: Uint16Array;
    reference?: boolean;
  } = {},
): Promise<void> {
  const base = await Deno.makeTempDir();
  try {
    const sky = { ...SKY, ...options.sky };
    const data = drawSky(sky);
    options.spoil?.(data);
    const folder = join(base, "phot");
    await Deno.mkdir(folder);
    const path = await writeSky(base, "sky", sky, data);
    const products: NewProduct[] = [
      { id: "sky", kind: "frame", path, filter: "m600", object: "T1", unit: "7DT07" },
    ];
    if (options.mask) {
      const maskPath = join(base, "sky.mask.fits");
      await writeMask(maskPath, { ...SIZE, data: options.mask });
      products.push({ id: "sky.mask", kind: "mask", of: "sky", path: maskPath });
    }
    const site = await loadSite({ base, env: {} });
    if (options.reference !== false) {
      await Deno.mkdir(site.paths.refcat, { recursive: true });
      await writeReference(join(site.paths.refcat, "gaiaxp_dr3_synphot_T1.csv"), sky);
    }
    const { context, left } = testContext({ products, inputs: ["frame"], site, folder });
    const outcome = await phot.run(phot.params.parse(options.params ?? {}), context);
    const image = outcome.products.find((product) => product.kind === "frame");
    if (image === undefined && left.length === 0) assert.fail("no image came out");
    const { measured, gates } = testProduct(image ?? products[0]!);
    await work({
      ...{ folder, left, measured, gates },
      products: outcome.products,
      image: image ?? products[0]!,
    });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

Deno.test("phot finds the zero point within 0.02 mag and the seeing within 6 %", async () => {
  await run(async ({ image, measured, products, left }) => {
    assert.ok(Math.abs(Number(measured["zeroPoint"]) - 24.5) < 0.02, `${measured["zeroPoint"]}`);
    assert.ok(Math.abs(Number(measured["peeingPx"]) / 3.5 - 1) < 0.06);
    assert.ok(Math.abs(Number(measured["skyAdu"]) - 300) < 1);
    assert.ok(Math.abs(Number(measured["skySigmaAdu"]) / Math.sqrt(300 / 0.8) - 1) < 0.02);
    assert.ok(Number(measured["ellipticity"]) < 0.05);
    assert.deepEqual(products.map(({ kind }) => kind), ["frame", "catalogue", "picture"]);
    assert.deepEqual(left, []);
    const header = await readHeader(image.path);
    for (const card of ["AUTO", "0", "1", "2", "3", "4", "5"]) {
      for (const prefix of ["ZP", "EZP", "UL3", "UL5"]) {
        assert.ok(Number.isFinite(header.number(`${prefix}_${card}`)), `${prefix}_${card}`);
      }
    }
    const step = header.requireNumber("UL3_2") - header.requireNumber("UL5_2");
    assert.ok(Math.abs(step - 2.5 * Math.log10(5 / 3)) < 1e-3);
    assert.equal(header.text("REFCAT"), "gaiaxp_dr3_synphot_T1.csv");
  });
});

Deno.test("calibrated magnitudes of every aperture agree with the truth, with honest errors", async () => {
  await run(async ({ folder }) => {
    const { table, x, y } = await readPhotCat(join(folder, "sky.phot.cat"));
    for (const column of ["AUTO", "APER", "APER_1", "APER_2", "APER_3", "APER_4", "APER_5"]) {
      const mag = table.column(`MAG_${column}_cal`);
      const error = table.column(`MAGERR_${column}_cal`);
      const pulls = SKY.stars.flatMap((star) => {
        const alone = SKY.stars.every((other) =>
          other === star || Math.hypot(other.x - star.x, other.y - star.y) > 40
        );
        const row = x.findIndex((px, i) => Math.hypot(px - star.x, y[i]! - star.y) < 1.5);
        return alone && row >= 0 && star.mag < 16 ? [(mag[row]! - star.mag) / error[row]!] : [];
      }).sort((a, b) => a - b);
      const middle = pulls[pulls.length >> 1]!;
      const spread = (pulls[Math.floor(pulls.length * 0.84)]! -
        pulls[Math.floor(pulls.length * 0.16)]!) / 2;
      assert.ok(
        pulls.length > 20 && Math.abs(middle) < 1.2,
        `${column}: ${pulls.length} ${middle}`,
      );
      assert.ok(spread > 0.5 && spread < 1.7, `${column}: pulls spread by ${spread}`);
    }
  });
});

Deno.test("sources put in at the 5 sigma depth come out at five times the noise", async () => {
  await run(async ({ image }) => {
    const header = await readHeader(image.path);
    const { data, width } = await readImage(image.path);
    const stencil = stencilOf(2 * header.requireNumber("PEEING"));
    const flux = 10 ** (0.4 * (header.requireNumber("ZP_1") - header.requireNumber("UL5_1")));
    const random = uniform(23);
    const sky = header.requireNumber("SKYVAL") * stencil.areaPx;
    const sums: number[] = [];
    while (sums.length < 400) {
      const x = 20 + Math.floor(random() * (SIZE.width - 40));
      const y = 20 + Math.floor(random() * (SIZE.height - 40));
      const isEmpty = SKY.stars.every((star) => Math.hypot(star.x - x, star.y - y) > 35);
      if (isEmpty) sums.push(sumStencil(data, width, x, y, stencil) - sky);
    }
    const mean = sums.reduce((a, b) => a + b) / sums.length;
    const spread = Math.sqrt(sums.reduce((a, b) => a + (b - mean) ** 2, 0) / sums.length);
    assert.ok(Math.abs(flux / spread / 5 - 1) < 0.1, `${flux / spread} sigma`);
  });
});

Deno.test("what phot writes passes fitsverify", async () => {
  await run(async ({ image }) => {
    const { success, stdout } = await new Deno.Command("fitsverify", { args: ["-q", image.path] })
      .output();
    assert.ok(success, new TextDecoder().decode(stdout));
  });
});

Deno.test("without a reference the image goes on degraded, with no zero point", async () => {
  await run(async ({ image, measured, gates, left, products }) => {
    assert.equal(measured["zeroPoint"], null);
    assert.equal(measured["zeroPointStars"], 0);
    assert.equal(gates.find(({ name }) => name === "zero point stars")?.verdict, "degraded");
    assert.deepEqual(left, []);
    assert.ok(!products.some(({ kind }) => kind === "picture"));
    const header = await readHeader(image.path);
    assert.ok(!header.has("ZP_AUTO") && !header.has("UL5_AUTO") && header.has("SEEING"));
    assert.equal(header.text("REFCAT"), "none");
  }, { reference: false });
});

Deno.test("without a reference but with requireZeroPoint the image is left behind", async () => {
  await run(({ left }) => {
    assert.equal(left[0]?.error, "Gate");
    assert.deepEqual(left[0]?.products, ["sky"]);
  }, { reference: false, params: { requireZeroPoint: true } });
});

Deno.test("too few reference stars leave the image behind, with the number", async () => {
  await run(({ left }) => {
    assert.equal(left[0]?.error, "Gate");
    assert.ok(Number(left[0]?.details["zeroPointStars"]) < 5);
  }, { params: { refMagMax: 11.6 } });
});

Deno.test("a reference of another field leaves the image behind, with no stars", async () => {
  await run(({ left, gates }) => {
    assert.equal(gates.find(({ name }) => name === "zero point stars")?.value, 0);
    assert.match(left[0]?.message ?? "", /zero point stars 0, needed >= 5/);
  }, { params: { refMagMin: 30, refMagMax: 31 } });
});

Deno.test("a reference that does not exist is named", async () => {
  await run(({ left }) => {
    assert.equal(left[0]?.error, "UsageError");
    assert.match(left[0]?.message ?? "", /nowhere\.csv/);
  }, { params: { reference: "/nowhere.csv" } });
});

Deno.test("trailed stars leave the image behind, with the ellipticity", async () => {
  await run(({ left, measured }) => {
    assert.match(left[0]?.message ?? "", /ellipticity 0\.[3-6]/);
    assert.ok(Number(measured["ellipticity"]) > 0.3);
  }, { sky: { stretch: 2 } });
});

Deno.test("masked stars take no part in the zero point", async () => {
  const mask = new Uint16Array(SIZE.width * SIZE.height);
  for (let y = 0; y < SIZE.height; y++) mask.fill(bit("SAT"), y * SIZE.width, y * SIZE.width + 450);
  const spoil = (data: Float32Array): void => {
    for (let i = 0; i < data.length; i++) {
      if (mask[i] !== 0) data[i] = 300 + 0.4 * (data[i]! - 300);
    }
  };
  await run(({ measured }) => {
    assert.ok(Math.abs(Number(measured["zeroPoint"]) - 24.5) < 0.02);
  }, { mask, spoil });
});

Deno.test("a frame of another kind of noise, NaN where there is no data, is measured all the same", async () => {
  const mask = new Uint16Array(SIZE.width * SIZE.height);
  for (let y = 0; y < 80; y++) mask.fill(bit("NO_DATA"), y * SIZE.width, (y + 1) * SIZE.width);
  const spoil = (data: Float32Array): void => {
    data.fill(NaN, 0, 80 * SIZE.width);
  };
  await run(({ measured }) => {
    assert.ok(Math.abs(Number(measured["zeroPoint"]) - 24.5) < 0.02);
    assert.ok(Math.abs(Number(measured["skyAdu"]) - 300) < 1);
  }, { mask, spoil });
});

Deno.test("an image without stars is left behind as a DataError", async () => {
  await run(({ left, products }) => {
    assert.equal(left[0]?.error, "DataError");
    assert.equal(products.length, 0);
  }, { sky: { stars: [] } });
});

Deno.test("an object's own csv serves where there is no synthetic photometry", async () => {
  const base = await Deno.makeTempDir();
  try {
    const { findReference, referenceHasFilter } = await import("./reference.ts");
    await writeReference(join(base, "T9.csv"), SKY);
    const path = await findReference(base, "T9");
    assert.equal(path, join(base, "T9.csv"));
    assert.equal(await findReference(base, "T8"), undefined);
    assert.equal(await referenceHasFilter(path!, "m600"), true);
    assert.equal(await referenceHasFilter(path!, "m60"), false);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});

Deno.test("phot takes unmeasured stacks first, then frames, and nothing twice", () => {
  const product = (id: string, kind: "frame" | "stack", measured = {}): Product =>
    testProduct({ id, kind, path: `/${id}.fits`, measured });
  const done = { seeingArcsec: 2, zeroPoint: null };
  const ids = (products: Product[]): string[] => selectUnmeasured(products).map(({ id }) => id);
  assert.deepEqual(ids([product("a", "frame"), product("b", "frame", done)]), ["a"]);
  assert.deepEqual(ids([product("a", "frame"), product("s", "stack")]), ["s"]);
  assert.deepEqual(ids([product("a", "frame", done), product("s", "stack", done)]), []);
});

Deno.test("phot refuses a mask of another size by name", async () => {
  const base = await Deno.makeTempDir();
  try {
    const path = await writeSky(base, "sky", SKY, drawSky(SKY));
    const maskPath = join(base, "small.mask.fits");
    await writeImage(maskPath, { width: 10, height: 10, data: new Float32Array(100) });
    const site = await loadSite({ base, env: {} });
    const folder = join(base, "phot");
    await Deno.mkdir(folder);
    const { context, left } = testContext({
      products: [
        { id: "sky", kind: "frame", path },
        { id: "small.mask", kind: "mask", of: "sky", path: maskPath },
      ],
      inputs: ["frame"],
      site,
      folder,
    });
    await phot.run(phot.params.parse({}), context);
    assert.equal(left[0]?.error, "DataError");
    assert.match(left[0]?.message ?? "", /10 . 10/);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});
