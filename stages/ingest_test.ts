import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { loadSite } from "../config/site.ts";
import { packFits } from "../external/fpack.ts";
import { toolSet } from "../external/run_tool.ts";
import { FitsHeader } from "../fits/header.ts";
import { writeImage } from "../fits/image.ts";
import { ingest, type IngestOptions } from "./ingest.ts";

const SIZE = { width: 60, height: 40 };

/** A folder with frame `a`, its mask and its weight, and compressed copies of all. */
async function withPacked(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-ingest-" });
  const tools = toolSet({ signal: new AbortController().signal });
  try {
    const header = FitsHeader.from({
      ...{ OBJECT: "T1", FILTER: "r", EXPTIME: 60, "DATE-OBS": "2024-04-23T02:53:12" },
      IMAGETYP: "LIGHT",
    });
    const data = Float32Array.from({ length: SIZE.width * SIZE.height }, (_, i) => i % 71);
    for (const name of ["a.fits", "a.mask.fits", "a.weight.fits"]) {
      const path = join(folder, name);
      await writeImage(path, { ...SIZE, data, header });
      await packFits(tools, path, `${path}.fz`);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function take(paths: readonly string[], as: IngestOptions["as"]) {
  const site = await loadSite({ base: "/nowhere", env: {} });
  const quiet = { log: getLogger(["gppy", "test"]), progress: () => {} };
  const { signal } = new AbortController();
  const { products, left } = await ingest(paths, { as, site, signal, ...quiet, unit: "7DT07" });
  return { names: products.map(({ path }) => basename(path)), left };
}

Deno.test("a compressed copy beside a frame is passed over", () =>
  withPacked(async (folder) => {
    const taken = await take([folder], "frame");
    assert.deepEqual(taken.left, []);
    assert.deepEqual(taken.names, ["a.fits", "a.mask.fits", "a.weight.fits"]);
  }));

Deno.test("a compressed frame is taken with its compressed mask and weight", () =>
  withPacked(async (folder) => {
    for (const name of ["a", "a.mask", "a.weight"]) await Deno.remove(join(folder, `${name}.fits`));
    for (const path of [folder, join(folder, "a.fits.fz")]) {
      const { names, left } = await take([path], "frame");
      assert.deepEqual(left, []);
      assert.deepEqual(names, ["a.fits.fz", "a.mask.fits.fz", "a.weight.fits.fz"]);
    }
    const raw = await take([join(folder, "a.fits.fz")], "raw");
    assert.deepEqual([raw.names, raw.left], [["a.fits.fz"], []]);
  }));
