import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../config/errors.ts";
import { scanFits } from "../fits/file.ts";
import { FitsHeader } from "../fits/header.ts";
import { DATA, testWithData } from "./_testing.ts";
import { type FrameInfo, type HeaderCorrection, readFrameInfo } from "./frame_info.ts";

/** Reads a real frame, with the header of its first image beside the primary one. */
async function readReal(name: string): Promise<FrameInfo> {
  const path = join(DATA, name);
  const hdus = await scanFits(path);
  const image = hdus.find(({ kind }) => kind === "image" || kind === "compressed-image");
  assert.ok(image !== undefined);
  return readFrameInfo(hdus[0]!.header, [], {
    path,
    ...(image.index > 0 && { extension: image.header }),
  });
}

/** What each camera's frame must be read as. */
const EXPECTED: Readonly<Record<string, Partial<FrameInfo>>> = {
  "arcsat-20250602-xo1b/domeflat_z_001.fits": {
    object: "FLAT",
    imageType: "flat",
    filter: "z",
    exposureS: 76.15,
    dateObs: "2025-06-02T03:52:48.329",
  },
  "arcsat-20250602-xo1b/Bias_BIN1_20250602_032138.fits": {
    object: "BIAS",
    imageType: "bias",
    exposureS: 0,
    dateObs: "2025-06-02T03:21:41.040",
    raDeg: 132.96666666666667,
  },
  "arcsat-20250602-xo1b/43Bet Com_z_20250602_033902.fits": {
    object: "43Bet Com",
    imageType: "light",
    filter: "z",
    exposureS: 30,
    temperatureC: -25.06741875,
  },
  "saao-kb13475/Images/AKB13475I0102.fits": {
    object: "KB13475",
    imageType: "light",
    filter: "58",
    gain: 1.9,
    dateObs: "2013-08-03T19:28:45.000",
    raDeg: 273.87083333333334,
    decDeg: -25.285,
    airmass: 1.016,
  },
  // MJD-OBS is rounded to the day here: DATE-OBS and UT must win.
  "saao-kb13475/raw_overscan_a8280271.fits": {
    dateObs: "2013-07-13T00:57:33.000",
    width: 536,
    height: 520,
  },
  "exotic-hatp32/HatP32Dec202017/HATP-32171220013343.FITS": {
    object: "HATP-32",
    imageType: "light",
    filter: "Clear",
    dateObs: "2017-12-20T01:33:43.317",
    raDeg: 31.312099,
    exposureS: 60,
  },
  "panoptes/unsolved.fits": {
    imageType: "light",
    filter: "RGGB",
    exposureS: 120.4,
    dateObs: "2016-09-09T08:12:26.000",
  },
  "panoptes/solved.fits.fz": { width: 700, height: 700, raDeg: 303.206422334 },
  "decam-sfft-mini/DEC-OBS18e.mini.fits": { filter: "i", gain: 4.1505, raDeg: 316.8366457274 },
  "sep-image/image.fits": { mjd: 48921.62787, exposureS: 1200, raDeg: 5.64817 },
  "neoexchange-scamp/mef_raw_test_frame.fits": {
    object: "2021 SO2",
    imageType: "light",
    filter: "w",
    binning: "2x2",
    gain: 6.42,
    width: 544,
    temperatureC: -90.0006714,
  },
  "decam-cp-cutout/images/decam/CP/V4.8.2/CP20170315/c4d_170316_062107_ooi_z_ls9.N2.fits": {
    filter: "z",
    width: 245,
    dateObs: "2017-03-16T06:18:30.751",
  },
};

for (const [name, expected] of Object.entries(EXPECTED)) {
  testWithData(`readFrameInfo() understands ${name}`, async () => {
    const info = await readReal(name);
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(info[key as keyof FrameInfo], value, key);
    }
  });
}

testWithData("readFrameInfo() understands every raw frame of the real nights", async () => {
  const folders = ["arcsat-20250602-xo1b", "saao-kb13475/Images", "exotic-hatp32/HatP32Dec202017"];
  let frames = 0;
  for (const folder of folders) {
    for (const name of readdirSync(join(DATA, folder)).filter((n) => /\.fits$/i.test(n))) {
      const info = await readReal(join(folder, name));
      assert.ok(info.mjd > 56000 && info.raDeg !== undefined, name);
      const named = { B: "bias", D: "dark", d: "flat" }[name[0]!] ?? "light";
      assert.equal(info.imageType, named, name);
      frames++;
    }
  }
  assert.ok(frames > 60);
});

const RAW = {
  NAXIS1: 100,
  NAXIS2: 80,
  IMAGETYP: "Light Frame",
  OBJECT: "T09614",
  FILTER: "m600",
  EXPTIME: 100,
  "DATE-OBS": "2024-04-23T02:53:12.000",
  RA: 150.5,
  DEC: -20.25,
  GAIN: 2750,
  EGAIN: 0.25,
  XBINNING: 1,
  YBINNING: 1,
  TELESCOP: "7DT07",
};

function info(
  changes: Record<string, string | number | null> = {},
  rules: readonly HeaderCorrection[] = [],
  options: { unit?: string; site?: { latDeg: number; lonDeg: number; heightM: number } } = {},
): FrameInfo {
  const header = FitsHeader.from(RAW);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) header.delete(key);
    else header.set(key, value);
  }
  return readFrameInfo(header, rules, { path: "/data/raw.fits", ...options });
}

Deno.test("readFrameInfo() tells the gain from the camera's gain setting", () => {
  assert.equal(info().gain, 0.25);
  assert.equal(info().gainSetting, 2750);
  assert.equal(info({ EGAIN: null }).gain, undefined);
  assert.equal(info({ EGAIN: null, GAIN: 1.5 }).gain, 1.5);
  assert.equal(info({ EGAIN: null, GAIN: 0 }).gain, undefined);
});

Deno.test("readFrameInfo() knows the kinds of frames by the words in use", () => {
  const words: [string, string][] = [
    ["Bias Frame", "bias"],
    ["zero", "bias"],
    ["Dark Frame", "dark"],
    ["DARK", "dark"],
    ["Flat Field", "flat"],
    ["SKYFLAT", "flat"],
    ["dome flat", "flat"],
    ["object", "light"],
    ["Light Frame", "light"],
    ["EXPOSE", "light"],
  ];
  for (const [word, kind] of words) assert.equal(info({ IMAGETYP: word }).imageType, kind, word);
  assert.equal(info({ IMAGETYP: null, OBJECT: "BIAS" }).imageType, "bias");
  assert.equal(info({ IMAGETYP: null, EXPTIME: 0 }).imageType, "bias");
  assert.equal(info({ IMAGETYP: null, OBJECT: "flat_m600" }).imageType, "flat");
  assert.equal(info({ IMAGETYP: null, OBJECT: "Dark Cloud B33" }).imageType, "light");
});

Deno.test("readFrameInfo() names the file and the card that is missing or cannot be used", () => {
  const bad: [Record<string, string | number | null>, string][] = [
    [{ "DATE-OBS": null }, "DATE-OBS"],
    [{ "DATE-OBS": "tonight" }, "DATE-OBS"],
    [{ EXPTIME: null }, "EXPTIME"],
    [{ EXPTIME: -1 }, "EXPTIME"],
    [{ NAXIS2: null }, "NAXIS2"],
    [{ IMAGETYP: "focus" }, "IMAGETYP"],
  ];
  for (const [changes, card] of bad) {
    assert.throws(
      () => info(changes),
      (error) =>
        error instanceof DataError && error.message.includes("/data/raw.fits") &&
        error.details["card"] === card,
      card,
    );
  }
});

Deno.test("readFrameInfo() applies the first correction that fits, of this unit alone", () => {
  const rules: HeaderCorrection[] = [
    { unit: "7DT01", keyword: "FILTER", from: "m600", to: "wrong" },
    { unit: "7DT07", keyword: "FILTER", from: "m600", to: "m625" },
    { unit: "*", keyword: "FILTER", from: "m625", to: "twice" },
    { unit: "*", keyword: "OBJECT", from: "*", to: "T1" },
  ];
  const corrected = info({}, rules);
  assert.deepEqual([corrected.filter, corrected.object], ["m625", "T1"]);
});

Deno.test("readFrameInfo() computes the air mass at mid-exposure where the site is known", () => {
  const site = { latDeg: -30.47, lonDeg: -70.76, heightM: 1600 };
  const computed = info({ AIRMASS: 1.9 }, [], { site }).airmass;
  assert.ok(computed !== undefined && computed > 1 && computed < 1.5, `${computed}`);
  assert.equal(info({ AIRMASS: 1.9 }).airmass, 1.9);
  assert.equal(info({ AIRMASS: 0 }).airmass, undefined);
});

Deno.test("readFrameInfo() leaves out a pointing that cannot be read", () => {
  assert.equal(info({ RA: "N/A" }).raDeg, undefined);
  assert.equal(info({ RA: "N/A", OBJCTRA: "10 00 00", OBJCTDEC: "-5 00 00" }).raDeg, 150);
});

Deno.test("readFrameInfo() takes the unit that is given, else the header's, else the file name's", () => {
  assert.equal(info({}, [], { unit: "7DT02" }).unit, "7DT02");
  assert.equal(info().unit, "7DT07");
  assert.equal(info({ TELESCOP: null }).unit, "unknown");
});
