/**
 * Writes a tiny night for command-line tests: 64×48 pixels, three frames a calibration
 * kind and two lights, with faults on request.
 *
 *   tiny_night.ts FOLDER [--no-bias] [--no-dark] [--no-flat] [--lights N] [--other-size]
 *                        [--truncated] [--text] [--empty] [--missing CARD] [--twin] [--sky]
 *
 * `--sky` writes `sky.fits` alone: a field of stars with a WCS, as astrometry leaves it.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { FitsHeader } from "../fits/header.ts";
import { writeImage } from "../fits/image.ts";
import { setWcs, tanWcs } from "../sky/wcs.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    "no-bias": { type: "boolean", default: false },
    "no-dark": { type: "boolean", default: false },
    "no-flat": { type: "boolean", default: false },
    lights: { type: "string", default: "2" },
    "other-size": { type: "boolean", default: false },
    truncated: { type: "boolean", default: false },
    text: { type: "boolean", default: false },
    empty: { type: "boolean", default: false },
    sky: { type: "boolean", default: false },
    missing: { type: "string" },
    twin: { type: "boolean", default: false },
  },
});

const folder = positionals[0] ?? "night";
let seconds = 0;

interface Spec {
  readonly type: string;
  readonly object: string;
  readonly exposureS: number;
  readonly level: number;
  readonly width?: number;
  readonly missing?: string;
}

async function writeFrame(name: string, spec: Spec): Promise<string> {
  const width = spec.width ?? 64;
  const height = 48;
  const time = `00:${String(Math.floor(seconds / 60)).padStart(2, "0")}:${
    String(seconds % 60).padStart(2, "0")
  }`;
  seconds += 7;
  const header = FitsHeader.from({
    IMAGETYP: spec.type,
    OBJECT: spec.object,
    FILTER: "m600",
    EXPTIME: spec.exposureS,
    "DATE-OBS": `2024-04-23T${time}`,
    RA: 150.1,
    DEC: -30.2,
    XBINNING: 1,
    YBINNING: 1,
    GAIN: 2750,
    "CCD-TEMP": -10,
  });
  if (spec.missing !== undefined) header.delete(spec.missing);
  const data = new Uint16Array(width * height).map((_, index) => spec.level + (index * 7919) % 5);
  const path = join(folder, name);
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await writeImage(path, { width, height, data, header });
  return path;
}

/** A number from 0 to 1 that depends on its argument alone. */
function scattered(index: number): number {
  return (Math.imul(index ^ 0x5bd1e995, 0x2c1b3c6d) >>> 0) / 2 ** 32;
}

/** Sixty stars of 4 px on a sky of 200 ± 6 ADU. */
async function writeSky(): Promise<void> {
  const [width, height] = [256, 256];
  const data = new Float32Array(width * height).map((_, i) =>
    200 + 6 * (scattered(3 * i) + scattered(3 * i + 1) + scattered(3 * i + 2) - 1.5) * 2
  );
  for (let star = 0; star < 60; star++) {
    const [x0, y0] = [13 + 33.1 * (star % 8), 13 + 33.1 * Math.floor(star / 8)];
    for (let y = Math.floor(y0) - 9; y <= y0 + 9; y++) {
      for (let x = Math.floor(x0) - 9; x <= x0 + 9; x++) {
        const r2 = (x - x0) ** 2 + (y - y0) ** 2;
        data[y * width + x]! += (300 + 90 * star) * Math.exp(-r2 / 5.77);
      }
    }
  }
  const header = FitsHeader.from({
    IMAGETYP: "LIGHT",
    OBJECT: "T09614",
    FILTER: "m600",
    EXPTIME: 100,
    "DATE-OBS": "2024-04-23T00:00:00",
    EGAIN: 1.5,
  });
  setWcs(header, tanWcs({ raDeg: 150.1, decDeg: -30.2, scaleArcsec: 0.505, width, height }));
  await Deno.mkdir(folder, { recursive: true });
  await writeImage(join(folder, "sky.fits"), { width, height, data, header });
}

if (values.sky) {
  await writeSky();
  Deno.exit(0);
}

const series: [string, Spec][] = [];
for (let i = 1; i <= 3; i++) {
  if (!values["no-bias"]) {
    series.push([`bias_${i}.fits`, { type: "BIAS", object: "BIAS", exposureS: 0, level: 500 }]);
  }
  if (!values["no-dark"]) {
    series.push([`dark_${i}.fits`, { type: "DARK", object: "DARK", exposureS: 100, level: 502 }]);
  }
  if (!values["no-flat"]) {
    series.push([`flat_${i}.fits`, { type: "FLAT", object: "FLAT", exposureS: 5, level: 20000 }]);
  }
}
const light = { type: "LIGHT", object: "T09614", exposureS: 100, level: 900 };
for (let i = 1; i <= Number(values.lights); i++) series.push([`light_${i}.fits`, light]);
if (values["other-size"]) series.push(["light_wide.fits", { ...light, width: 80 }]);
if (values.twin) series.push(["again/light_1.fits", light]);
if (values.missing !== undefined) {
  series.push(["light_bare.fits", { ...light, missing: values.missing }]);
}
for (const [name, spec] of series) await writeFrame(name, spec);
if (values.truncated) {
  await Deno.truncate(await writeFrame("light_cut.fits", light), 2880 + 1000);
}
if (values.empty) await Deno.writeFile(join(folder, "nothing.fits"), new Uint8Array());
if (values.text) {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "notes.fits"), "Clouds until three, then clear.\n");
}
