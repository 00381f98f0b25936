import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { getLogger } from "@logtape/logtape";
import { loadSite } from "../../config/site.ts";
import { toolSet } from "../../external/run_tool.ts";
import { makeContext } from "../context.ts";
import { ingest } from "../ingest.ts";
import { chooseInputs } from "../runner.ts";
import { calib } from "./mod.ts";

const data = Deno.env.get("GPPY_TESTDATA") ?? resolve(import.meta.dirname!, "../../../shared/data");
const raw = join(data, "arcsat-20250602-xo1b");

const OBS = `unit gain_e_adu read_noise_e pixel_scale_arcsec field_w_deg field_h_deg rotation_deg \
parity lat_deg lon_deg height_m saturation_adu width_px height_px
ARCSAT 1.39 16.8 0.67 - - 180 -1 32.78 -105.82 2788 60000 1024 1024
`;

/** The same calibration by numpy; prints the largest differences. */
const ORACLE = `
import sys, json, glob, numpy as np
from astropy.io import fits
raw, masters, lights = sys.argv[1:4]
read = lambda pattern: [(fits.getdata(f).astype(np.float32), fits.getheader(f)['EXPTIME'])
                        for f in sorted(glob.glob(raw + '/' + pattern))]
bias = np.median([d for d, _ in read('Bias*')], axis=0).astype(np.float32)
dark = np.median([d - bias for d, _ in read('Dark*')], axis=0).astype(np.float32)
flats = []
for d, t in read('domeflat*'):
    f = (d - bias).astype(np.float64) - t / 60.0 * dark
    f[d >= 60000] = np.nan
    flats.append((f / np.nanmedian(f)))
flat = np.nanmedian(flats, axis=0)
ours = lambda kind: fits.getdata(glob.glob(masters + '/ARCSAT/' + kind + '/*[!rt].fits')[0])
light = fits.getdata(raw + '/XO1-b_z_20250602_041008.fits').astype(np.float64)
name = lights + '/calib_ARCSAT_XO1-b_20250602_041014_z_60'
mask = fits.getdata(name + '.mask.fits')
made = fits.getdata(name + '.fits')
truth = (light - ours('zero') - ours('dark')) / ours('flat')
good = (mask & 1) == 0
print(json.dumps({
  'bias': float(np.abs(ours('zero') - bias).max()),
  'dark': float(np.abs(ours('dark') - dark).max()),
  'flat': float(np.nanmax(np.abs(ours('flat') - flat))),
  'light': float(np.abs(made - truth)[good].max() / 65535),
  'bad': int((~good).sum()),
  'hot': int((ours('dark') > np.median(dark) + 10 * 1.4826 * np.median(np.abs(dark - np.median(dark)))).sum()),
}))
`;

Deno.test({
  name: "calib gives the masters and lights of numpy on the ARCSAT night (GPPY_TESTDATA)",
  ignore: !existsSync(raw),
  async fn() {
    const root = await Deno.makeTempDir({ prefix: "gppy-arcsat-" });
    try {
      await Deno.writeTextFile(join(root, "obs.dat"), OBS);
      const site = await loadSite({ folder: root, base: join(root, "base"), env: {} });
      const signal = new AbortController().signal;
      const log = getLogger(["gppy", "test"]);
      const common = { site, signal, log, progress: () => {} };
      const manifest = await ingest([raw], { as: "raw", unit: "ARCSAT", ...common });
      const folder = join(root, "calib");
      await Deno.mkdir(folder);
      const { context, left } = makeContext({
        ...common,
        stage: "calib",
        inputs: chooseInputs(calib, manifest),
        manifest,
        folder,
        tools: toolSet({ signal }),
      });
      const params = calib.params.parse({ combine: "median", flatCombine: "median" });
      const { metrics, products } = await calib.run(params, context);
      assert.deepEqual(metrics, {
        masters: 3,
        lights: 14,
        calibrated: 14,
        borrowed: 0,
        refused: 0,
      });
      assert.deepEqual(left, []);
      const objects = new Set(products.filter(({ kind }) => kind === "frame").map((p) => p.object));
      assert.deepEqual([...objects].sort(), ["43Bet Com", "XO1-b"]);
      const found = await compare([raw, site.paths.masters, folder]);
      assert.equal(found["bias"], 0);
      assert.equal(found["dark"], 0);
      assert.ok(found["flat"]! < 1e-6, `flat ${found["flat"]}`);
      assert.ok(found["light"]! < 1e-6, `light ${found["light"]}`);
      const [bad = 0, hot = 0] = [found["bad"], found["hot"]];
      assert.ok(bad >= hot && bad < 1.2 * hot + 100, `${bad} bad of ${hot} hot`);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

async function compare(args: readonly string[]): Promise<Record<string, number>> {
  const python = new Deno.Command("/usr/bin/python3", { args: ["-c", ORACLE, ...args] });
  const { stdout, stderr, success } = await python.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
