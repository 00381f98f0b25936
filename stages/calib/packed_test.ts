import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { packFits } from "../../external/fpack.ts";
import { toolSet } from "../../external/run_tool.ts";
import { readImage } from "../../fits/image.ts";
import { python, realData, RealNight } from "./_real_night.ts";
import { DETECTOR, rawNight, writeCalibrations } from "./_raw_night.ts";

const packed = realData("panoptes/solved.fits.fz");
const mosaic = realData("neoexchange-scamp/mef_raw_test_frame.fits");
const ALONE = { needBias: false, needFlat: false };
const LIGHT = { type: "LIGHT", exposureS: 120, filter: "r", name: "L1" } as const;

function tools() {
  return toolSet({ signal: new AbortController().signal });
}

Deno.test({
  name: "calib reads a RICE-compressed frame as astropy does (GPPY_TESTDATA)",
  ignore: packed.ignore,
  async fn() {
    await using night = await RealNight.create();
    const { products, left } = await night.run([packed.path], "PANOPTES", ALONE);
    assert.deepEqual(left, []);
    const image = products.find(({ kind }) => kind === "frame")!;
    const program = `
import sys, json, numpy as np
from astropy.io import fits
theirs, ours = fits.getdata(sys.argv[1], 1).astype(np.float32), fits.getdata(sys.argv[2])
print(json.dumps({'worst': float(np.abs(theirs - ours).max())}))`;
    assert.equal((await python(program, [packed.path, image.path]))["worst"], 0);
  },
});

Deno.test({
  name: "calib puts amplifiers of a compressed frame together as of the plain one (GPPY_TESTDATA)",
  ignore: mosaic.ignore,
  async fn() {
    await using night = await RealNight.create();
    const path = join(night.root, `${basename(mosaic.path)}.fz`);
    await packFits(tools(), mosaic.path, path);
    const [a, b] = [
      await night.run([mosaic.path], "LCO", ALONE),
      await night.run([path], "LCO", ALONE),
    ];
    const frames = [a, b].map(({ products }) => products.find(({ kind }) => kind === "frame")!);
    const [plain, unpacked] = await Promise.all(frames.map(({ path }) => readImage(path)));
    assert.deepEqual(unpacked!.data, plain!.data);
  },
});

Deno.test("calib keeps compressed copies that astropy reads, exact for masks", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  await night.write({ ...LIGHT, pixel: DETECTOR.light(40, 120, 3000) });
  const { products, left } = await night.run({ compress: true, weight: true });
  assert.deepEqual(left, []);
  const copies = products.filter(({ kind }) => kind === "archive");
  assert.deepEqual(copies.map(({ of }) => of), [
    "calib_7DT07_T09614_20240423_025312_r_120",
    "calib_7DT07_T09614_20240423_025312_r_120.mask",
    "calib_7DT07_T09614_20240423_025312_r_120.weight",
  ]);
  const program = `
import sys, json, numpy as np
from astropy.io import fits
out = {}
for name in sys.argv[1:]:
    a, b = fits.getdata(name + '.fz', 1), fits.getdata(name)
    kind = 'mask' if '.mask.' in name else 'weight' if '.weight.' in name else 'image'
    out[kind] = float(np.abs(a.astype(float) - b).max() / (1 if kind == 'mask' else np.std(b)))
print(json.dumps(out))`;
  const found = await python(program, copies.map(({ path }) => path.replace(/\.fz$/, "")));
  assert.equal(found["mask"], 0);
  assert.ok(found["image"]! < 0.2, JSON.stringify(found));
});
