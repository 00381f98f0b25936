/**
 * Takes cosmic rays out of an image with gppy: rays_gppy.ts DEVICE PARAMETERS INPUT FOLDER
 *
 * PARAMETERS is JSON. Writes FOLDER/clean.fits and FOLDER/clean.mask.fits.
 *
 * @module
 */

import { FitsHeader } from "../../fits/header.ts";
import { readHeader } from "../../fits/file.ts";
import { removeCosmicRays } from "../../gpu/kernels/cosmic_rays/cosmic_rays.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { bit } from "../../sky/mask.ts";
import { finishLight } from "../../stages/calib/lights/finish_light.ts";
import { LightOutputs } from "../../stages/calib/lights/light_outputs.ts";
import { PixelCache } from "../../stages/calib/frames/pixel_cache.ts";
import type { LightStrip } from "../../stages/calib/lights/reduce_light.ts";

const [device, parameters = "", input = "", folder = ""] = Deno.args;
using lazy = new LazyCompute({ device: device === "webgpu" ? "webgpu" : "cpu" });
using cache = new PixelCache(lazy);
const header = await readHeader(input);
const [width, height] = [header.requireNumber("NAXIS1"), header.requireNumber("NAXIS2")];
const values = await cache.pixels(input);
const compute = await lazy.get();

async function* clean(): AsyncGenerator<LightStrip> {
  const mask = new Uint16Array(values.length);
  const found = await removeCosmicRays(compute, { width, values, mask }, {
    ...JSON.parse(parameters),
    ...{ bit: bit("CR"), ignoreBits: bit("BAD", "SAT", "NO_DATA") },
  });
  yield { firstRow: 0, ...found };
}

await using outputs = await LightOutputs.open(
  { id: "clean", folder, weight: false, durable: false },
  { width, height, header: FitsHeader.from({}) },
);
await finishLight(clean(), outputs, {
  ...{ width, height, compute, signal: new AbortController().signal },
  ...{ weigh: undefined, fringes: () => undefined },
});
await outputs.finish();
