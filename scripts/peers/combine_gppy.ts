/**
 * Combines FITS images with gppy: combine_gppy.ts DEVICE METHOD buffered|durable OUTPUT INPUT…
 *
 * @module
 */

import { openCompute } from "../../gpu/compute.ts";
import { combineFiles } from "../../stages/calib/masters/combine_files.ts";

const [device, method, flush, output = "", ...inputs] = Deno.args;
using compute = await openCompute({ device: device === "webgpu" ? "webgpu" : "cpu" });
await combineFiles(inputs, output, {
  compute,
  ...(method === "median" ? { method } : { method: "clipped-mean", scatter: "std", clipSigma: 3 }),
  durable: flush !== "buffered",
});
