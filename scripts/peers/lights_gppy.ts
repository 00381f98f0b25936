/**
 * Calibrates lights with gppy: lights_gppy.ts DEVICE BASE buffered|durable OUTPUT INPUT…
 *
 * The masters come from the master tree below BASE. Without digests and a manifest, as the
 * programs that it is compared with make none.
 *
 * @module
 */

import { basename } from "node:path";
import { getLogger } from "@logtape/logtape";
import { loadSite } from "../../config/site.ts";
import { toolSet } from "../../external/run_tool.ts";
import { readHeader } from "../../fits/file.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { readFrameInfo } from "../../sky/frame_info.ts";
import { loadFrame } from "../../stages/calib/frames/frame.ts";
import { MasterLibrary } from "../../stages/calib/masters/library.ts";
import { calibrateLights } from "../../stages/calib/lights/lights.ts";
import { params } from "../../stages/calib/params.ts";
import { PixelCache } from "../../stages/calib/frames/pixel_cache.ts";
import { makeContext } from "../../stages/context.ts";
import { MANIFEST_VERSION, type Product } from "../../stages/manifest.ts";

const [device, base = "", flush, output = "", ...inputs] = Deno.args;
const site = await loadSite({ base });
const { signal } = new AbortController();
const tools = toolSet({ signal });
using compute = new LazyCompute({ device: device === "webgpu" ? "webgpu" : "cpu" });
using cache = new PixelCache(compute);

async function productOf(path: string): Promise<Product> {
  const unit = "7DT07";
  const info = readFrameInfo(await readHeader(path), site.headerRules, { path, unit });
  const known = Object.entries(info).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(known),
    ...{ id: basename(path, ".fits"), kind: "raw", path, unit, stage: "ingest", bytes: 0 },
    ...{ sha256: "0".repeat(64), from: [], measured: {}, gates: [] },
  };
}

const products = await Promise.all(inputs.map(productOf));
const night = { unit: "7DT07", date: "2024-04-23", source: base, work: output };
const { context, left } = makeContext({
  ...{ stage: "calib", inputs: products, site, folder: output, tools, signal, compute },
  manifest: { gppyManifest: MANIFEST_VERSION, night, products, left: [], stages: [] },
  log: getLogger("bench"),
  progress: () => {},
});
const wanted = params.parse({});
const root = site.paths.masters;
const lights = await Promise.all(products.map((product) => loadFrame(product, site)));
const library = new MasterLibrary(root, "20240423", wanted);
const plan = { ...wanted, root, night: "20240423", library, cache, durable: flush !== "buffered" };
await calibrateLights(lights, plan, wanted, context);
if (left.length > 0) throw new Error(left.map(({ message }) => message).join("; "));
