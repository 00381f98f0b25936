import assert from "node:assert/strict";
import { readImage } from "../../../fits/image.ts";
import { historyOf, python, realData, RealNight } from "../_real_night.ts";

const overscan = realData("saao-kb13475/raw_overscan_a8280271.fits");
const trimmed = realData("saao-kb13475/Images");
const mosaic = realData("neoexchange-scamp/mef_raw_test_frame.fits");
const ALONE = { needBias: false, needFlat: false };

const OVERSCAN = `
import sys, json, numpy as np
from astropy.io import fits
from astropy.stats import sigma_clip
raw = fits.getdata(sys.argv[1]).astype(float)
ours = fits.getdata(sys.argv[2])
rows = np.median(raw[:, 3:13], axis=1)
level = np.array([np.ma.mean(sigma_clip(rows[max(0, i - 25):i + 26], sigma=3, maxiters=5))
                  for i in range(len(rows))])
truth = (raw - level[:, None])[:, 16:528]
print(json.dumps({'level': float(np.median(rows)), 'shape': float(ours.shape == truth.shape),
                  'worst': float(np.abs(ours - truth).max())}))
`;

Deno.test({
  name: "calib takes off overscan and trims as numpy does on a raw SAAO frame (GPPY_TESTDATA)",
  ignore: overscan.ignore,
  async fn() {
    await using night = await RealNight.create();
    const { products, left } = await night.run([overscan.path], "SAAO", ALONE);
    assert.deepEqual(left, []);
    const { path, width, height } = products.find(({ kind }) => kind === "frame")!;
    assert.deepEqual([width, height], [512, 520]);
    const { header } = await readImage(path);
    const found = await python(OVERSCAN, [overscan.path, path]);
    assert.equal(found["shape"], 1);
    assert.ok(found["worst"]! < 1e-3, `worst ${found["worst"]} ADU`);
    assert.ok(Math.abs(header.requireNumber("OSCANLEV") - found["level"]!) < 1e-3);
    assert.match(
      historyOf(header.cards),
      /overscan taken off, method smooth\n.*trimmed to 512x520/,
    );
  },
});

Deno.test({
  name: "calib trims by ccd.dat before the cards (GPPY_TESTDATA)",
  ignore: overscan.ignore,
  async fn() {
    await using night = await RealNight.create({
      "ccd.dat": "unit gain_setting camera pixel_um gain_e_adu read_noise_e saturation_adu " +
        "dark_e_s temperature_c overscan trim\n" +
        "SAAO - STE3 24 1.9 5 65000 0 - [4:13,1:520] [17:528,1:512]\n",
    });
    const { products } = await night.run([overscan.path], "SAAO", ALONE);
    const { width, height } = products.find(({ kind }) => kind === "frame")!;
    assert.deepEqual([width, height], [512, 512]);
  },
});

Deno.test({
  name: "calib reports the stale regions of trimmed SAAO frames and does not obey (GPPY_TESTDATA)",
  ignore: trimmed.ignore,
  async fn() {
    await using night = await RealNight.create();
    const file = `${trimmed.path}/AKB13475I0102.fits`;
    const { products } = await night.run([file], "SAAO", ALONE);
    const frame = products.find(({ kind }) => kind === "frame")!;
    assert.deepEqual([frame.width, frame.height], [512, 512]);
    const stale = (frame.measured as Record<string, unknown>)["staleRegions"];
    assert.equal(stale, "TRIMSEC=[17:528,1:520] BIASSEC=[4:13,1:520]");
    const [made, raw] = [await readImage(frame.path), await readImage(file)];
    assert.deepEqual(made.data, raw.data);
    assert.match(historyOf(made.header.cards), /TRIMSEC=\[17:528,1:520\] does not fit the image/);
  },
});

const MOSAIC = `
import sys, json, numpy as np
from astropy.io import fits
units = fits.open(sys.argv[1])[1:]
ours = fits.getdata(sys.argv[2])
mask = fits.getdata(sys.argv[3])
gains = [u.header['GAIN'] for u in units]
head = fits.getheader(sys.argv[1])
def signal(u):
    d = u.data.astype(float)
    return d[:512, :512] - np.median(np.median(d[:512, 519:540], axis=1))
truth = np.full((1024, 1024), np.nan)
sat = np.zeros((1024, 1024), bool)
for (y, x, k), u, g in zip([(512, 0, 0), (0, 0, 1), (0, 512, 2), (512, 512, 3)], units, gains):
    d = u.data.astype(float)
    part = signal(u)
    for j, v in enumerate(units):
        part = part - head['CRSTLK%d%d' % (j + 1, k + 1)] * signal(v) if j != k else part
    part = part * g / np.mean(gains)
    full = d[:512, :512] >= 40000
    if y: part, full = part[::-1], full[::-1]
    if x: part, full = part[:, ::-1], full[:, ::-1]
    truth[y:y + 512, x:x + 512] = part
    sat[y:y + 512, x:x + 512] = full
def seam(a, b):  # how alike the pixels on both sides of a seam are, sky off
    a, b = a - np.median(a), b - np.median(b)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
print(json.dumps({'worst': float(np.abs(ours - truth).max()),
  'sat': float(((mask & 2 != 0) == sat).all()), 'gain': float(np.mean(gains)),
  # the ghost of a saturated star of amplifier 2 in amplifier 1
  'ghost': float(np.median(ours[695:704, 138:147]) - np.median(ours[660:740, 100:180])),
  'ghostMask': float((mask[695:704, 138:147] & 16384 != 0).mean()),
  'seamX': seam(ours[:, 511], ours[:, 512]), 'seamY': seam(ours[511], ours[512])}))
`;

Deno.test({
  name: "calib puts the four amplifiers of an LCO frame together as numpy does (GPPY_TESTDATA)",
  ignore: mosaic.ignore,
  async fn() {
    await using night = await RealNight.create();
    const options = { ...ALONE, overscan: "level" } as const;
    const { products, left } = await night.run([mosaic.path], "LCO", options);
    assert.deepEqual(left, []);
    const image = products.find(({ kind }) => kind === "frame")!;
    const mask = products.find(({ kind }) => kind === "mask")!;
    assert.equal(image.id, "calib_LCO_2021-SO2_20211008_015517_w_94.975");
    assert.deepEqual([image.width, image.height], [1024, 1024]);
    const found = await python(MOSAIC, [mosaic.path, image.path, mask.path]);
    assert.ok(found["worst"]! < 1e-2, `worst ${found["worst"]} ADU`);
    assert.equal(found["sat"], 1);
    // few stars lie on the horizontal seam
    assert.ok(found["seamX"]! > 0.8 && found["seamY"]! > 0.2, JSON.stringify(found));
    assert.ok(Math.abs(found["ghost"]!) < 16, `ghost ${found["ghost"]}`); // 48 ADU before
    assert.ok(found["ghostMask"]! > 0.5, "what saturated pixels left is marked CROSSTALK");
    assert.ok(Math.abs(image.gain! - found["gain"]!) < 1e-9);
    const { header } = await readImage(image.path);
    assert.ok(!header.has("DETSEC") && !header.has("BIASSEC"));
    assert.equal(header.number("CRPIX1"), 512);
  },
});
