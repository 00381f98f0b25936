import assert from "node:assert/strict";
import { python, realData, RealNight } from "./_real_night.ts";

const raw = realData("arcsat-20250602-xo1b");

/** Variance and weights by numpy; prints the largest relative differences. */
const ORACLE = `
import sys, json, glob, numpy as np
from astropy.io import fits
raw, masters, light = sys.argv[1:4]
read = lambda p: [fits.getdata(f).astype(np.float64) for f in sorted(glob.glob(raw + '/' + p))]
m = lambda kind, end='': [fits.getdata(f).astype(np.float64)
     for f in glob.glob(masters + '/ARCSAT/' + kind + '/*' + end + '.fits')
     if end or not ('.var.' in f or '.count.' in f)][0]
bias = read('Bias*')
variance = np.var(bias, axis=0, ddof=1) / len(bias)
count = m('zero', '.count')
image = fits.getdata(light + '.fits').astype(np.float64)
mask = fits.getdata(light + '.mask.fits')
weight = fits.getdata(light + '.weight.fits')
g, rn = 1.39, 16.8
flat = m('flat'); dark = m('dark')
signal = np.maximum(image * flat + dark, 0)
var = (signal / g + (rn / g) ** 2 + m('zero', '.var') + m('dark', '.var')
       + image ** 2 * np.nan_to_num(m('flat', '.var'))) / flat ** 2
truth = np.where(mask & (1 | 2 | 256), 0, 1 / var)
rel = lambda a, b: float(np.nanmax(np.abs(a - b) / np.maximum(np.abs(b), 1e-12)))
sky = image[(mask == 0)]
mid = np.median(sky)
box = image[400:600, 100:300][mask[400:600, 100:300] == 0]
box = box[np.abs(box - np.median(box)) < 60]
print(json.dumps({'variance': rel(m('zero', '.var'), variance), 'counts': float(count.min() + count.max()),
  'weight': rel(weight[truth > 0], truth[truth > 0]), 'zeros': float(((weight == 0) == (truth == 0)).all()),
  'pull': float(np.std(box) * np.sqrt(np.median(weight[400:600, 100:300]))),
  'suspect': int(((mask & 128) != 0).sum()),}))
`;

Deno.test({
  name: "calib's variances and weights are those of numpy on the ARCSAT night (GPPY_TESTDATA)",
  ignore: raw.ignore,
  async fn() {
    await using night = await RealNight.create();
    const params = { combine: "mean", weight: true } as const;
    const { products, masters, folder } = await night.run([raw.path], "ARCSAT", params);
    assert.equal(products.filter(({ kind }) => kind === "weight").length, 14);
    const light = `${folder}/calib_ARCSAT_XO1-b_20250602_041014_z_60`;
    const found = await python(ORACLE, [raw.path, masters, light]);
    assert.ok(found["variance"]! < 1e-4, JSON.stringify(found));
    assert.equal(found["counts"], 10);
    assert.ok(found["weight"]! < 1e-4, JSON.stringify(found));
    assert.equal(found["zeros"], 1);
    assert.ok(found["pull"]! > 0.85 && found["pull"]! < 1.15, JSON.stringify(found));
  },
});
