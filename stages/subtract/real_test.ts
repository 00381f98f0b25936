import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { FitsHeader } from "../../fits/header.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { setWcs, tanWcs, wcsFromModel } from "../../sky/wcs.ts";
import type { Product } from "../manifest.ts";
import { testContext } from "../testing.ts";
import { subtract } from "./mod.ts";

const DATA = Deno.env.get("GPPY_TESTDATA") ??
  new URL("../../../shared/data", import.meta.url).pathname;
const SAAO = join(DATA, "saao-kb13475");
const DECAM = join(DATA, "decam-sfft-mini");

function absent(folder: string): boolean {
  try {
    return !Deno.statSync(folder).isDirectory;
  } catch {
    return true;
  }
}

async function run(base: string, stack: Partial<Product>, reference: string) {
  const folder = join(base, "work");
  await Deno.mkdir(folder, { recursive: true });
  const site = await loadSite({ base, env: {} });
  const product = { id: "x", kind: "stack", path: "", unit: "none", ...stack } as Product;
  const { context, left } = testContext({ products: [product], site, folder, stage: "subtract" });
  const params = subtract.params.parse({ engine: "native", reference });
  const outcome = await subtract.run(params, context);
  const made = outcome.products.find(({ kind }) => kind === "difference") as Product;
  return { made, left };
}

/** Gives a frame the WCS that its measured shift to frame 0102 amounts to. */
async function withShift(base: string, frame: string): Promise<string> {
  const table = await Deno.readTextFile(join(SAAO, "derived_event_lightcurve.csv"));
  const line = table.split("\n").map((row) => row.split(",")).find(([name]) => name === frame)!;
  const [dx, dy] = [Number(line[4]), Number(line[5])];
  const image = await readImage(join(SAAO, "Images", `AKB13475I${frame}.fits`));
  const { width, height, data } = image;
  const wcs = tanWcs({ raDeg: 273.87, decDeg: -25.285, scaleArcsec: 0.31, width, height });
  const { crpix } = wcs.model;
  const header = FitsHeader.from({ FILTER: "I", EGAIN: 1.9, SATURATE: 60000 });
  setWcs(header, wcsFromModel({ ...wcs.model, crpix: [crpix[0] - dx, crpix[1] - dy] }));
  const path = join(base, `${frame}.fits`);
  await writeImage(path, { width, height, data, header });
  return path;
}

Deno.test("SAAO crowded field: the transient of 2013-08-03 stands where it is known to be", {
  ignore: absent(SAAO),
}, async () => {
  const base = await Deno.makeTempDir({ prefix: "gppy-saao-" });
  try {
    const path = await withShift(base, "0102");
    const reference = await withShift(base, "0172");
    const { made, left } = await run(base, { path, object: "KB13475", filter: "I" }, reference);
    assert.deepEqual(left, []);
    const { data, width } = await readImage(made.path);
    let best = { value: -Infinity, x: 0, y: 0 };
    for (let y = 200; y < 240; y++) {
      for (let x = 250; x < 290; x++) {
        const value = data[y * width + x]!;
        if (value > best.value) best = { value, x, y };
      }
    }
    assert.ok(Math.hypot(best.x - 270.9, best.y - 219.8) < 2, JSON.stringify(best));
    assert.ok(best.value > 500, `peak of ${best.value} ADU`);
    const pull = Number(made.measured["pullSigma"]);
    assert.ok(Math.abs(pull - 1) < 0.15, `pull ${pull}`);
    assert.ok(Number(made.measured["powerLeft"]) < 0.2);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});

Deno.test(
  "DECam cut-outs: as quiet as the published difference within a tenth, and the supernova in it",
  {
    ignore: absent(DECAM),
  },
  async () => {
    const base = await Deno.makeTempDir({ prefix: "gppy-decam-" });
    try {
      const path = join(DECAM, "Stack-DEC-OBS04.fits");
      const reference = join(DECAM, "Stack-DEC-OBS18.fits");
      const { made, left } = await run(base, { path, object: "X", filter: "i" }, reference);
      assert.deepEqual(left, []);
      const [own, published] = [
        await readImage(made.path),
        await readImage(join(DECAM, "FinalDifference.fits")),
      ];
      const spread = (data: Float32Array) => {
        const values = data.filter(Number.isFinite).map(Math.abs).sort();
        return 1.4826 * values[Math.floor(values.length / 2)]!;
      };
      const ratio = spread(own.data.filter((value) => value !== 0)) / spread(published.data);
      assert.ok(ratio < 1.1 && ratio > 0.9, `spread ${ratio} of the published`);
      assert.ok(Math.abs(Number(made.measured["pullSigma"]) - 1) < 0.15);
      let peak = 0;
      for (let y = 120; y < 140; y++) {
        for (let x = 120; x < 140; x++) peak = Math.max(peak, own.data[y * 256 + x]!);
      }
      assert.ok(peak > 10 * 9.3, `peak ${peak}`);
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  },
);
