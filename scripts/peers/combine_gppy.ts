/**
 * Combines FITS images with gppy: combine_gppy.ts DEVICE METHOD OUTPUT INPUT…
 *
 * @module
 */

import { openCompute } from "../../gpu/compute.ts";
import { combineFiles } from "../../stages/calib/combine_files.ts";

const [device, method, output = "", ...inputs] = Deno.args;
using compute = await openCompute({ device: device === "webgpu" ? "webgpu" : "cpu" });
await combineFiles(inputs, output, {
  compute,
  method: method === "median" ? "median" : "clipped-mean",
});
