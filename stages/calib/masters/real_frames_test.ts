import assert from "node:assert/strict";
import { join } from "node:path";
import { openCompute } from "../../../gpu/compute.ts";
import type { CombineOptions } from "../../../gpu/kernels/clip_stack/combine_strip.ts";
import { python, realData } from "../_real_night.ts";
import { combineFiles } from "./combine_files.ts";

const ORACLE = `
import json, sys, warnings, numpy as np
from astropy.io import fits
from astropy.stats import sigma_clip
warnings.simplefilter('ignore')
method, sigma, combined, *inputs = sys.argv[1:]
cube = np.stack([fits.getdata(path) for path in inputs])
if method == 'median':
    truth = np.median(cube.astype(np.float32), axis=0)
    rejected = 0
else:
    cube = cube.astype(np.float64)
    kept = sigma_clip(cube, sigma=float(sigma), maxiters=5, axis=0, masked=False)
    truth = np.nanmean(kept, axis=0)
    rejected = np.isnan(kept).mean()
found = fits.getdata(combined)
print(json.dumps({
    'rejected': float(rejected),
    'relative': float(np.max(np.abs(found - truth) / np.maximum(np.abs(truth), 1e-30))),
    'different': int(np.sum(found.astype(np.float32) != truth.astype(np.float32)))}))
`;

/** Frames of one kind; of five none can lie 3 sigma out. */
const SETS = [
  { name: "arcsat-20250602-xo1b", what: "biases", pattern: /^Bias/, clipSigma: 1.5 },
  { name: "arcsat-20250602-xo1b", what: "darks", pattern: /^Dark/, clipSigma: 1.5 },
  { name: "arcsat-20250602-xo1b", what: "flats", pattern: /^domeflat/, clipSigma: 1.5 },
  { name: "arcsat-20250602-xo1b", what: "lights", pattern: /^XO1-b/, clipSigma: 3 },
  { name: "saao-kb13475/Images", what: "lights", pattern: /\.fits$/, clipSigma: 3 },
];

/** Combines the frames and compares with numpy's or astropy's result. */
async function compare(folder: string, pattern: RegExp, options: CombineOptions) {
  const inputs = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => pattern.test(name)).sort().map((name) => join(folder, name));
  const output = await Deno.makeTempFile({ prefix: "gppy-real-", suffix: ".fits" });
  try {
    using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
    await combineFiles(inputs, output, { compute, ...options });
    return await python(ORACLE, [options.method, `${options.clipSigma}`, output, ...inputs]);
  } finally {
    await Deno.remove(output);
  }
}

for (const { name, what, pattern, clipSigma } of SETS) {
  const { path, ignore } = realData(name);
  Deno.test({
    name: `combineFiles() gives the clipped mean of astropy for ${what} of ${name} (GPPY_TESTDATA)`,
    ignore,
    async fn() {
      const options = { method: "clipped-mean", scatter: "std", clipSigma } as const;
      const found = await compare(path, pattern, options);
      assert.ok(found["rejected"]! > 0.001, `${found["rejected"]} of the samples rejected`);
      assert.ok(found["relative"]! < 1e-6, `${found["relative"]} of the value`);
    },
  });
  Deno.test({
    name: `combineFiles() gives the bits of numpy's median for ${what} of ${name} (GPPY_TESTDATA)`,
    ignore,
    async fn() {
      assert.equal((await compare(path, pattern, { method: "median" }))["different"], 0);
    },
  });
}
