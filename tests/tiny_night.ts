/**
 * Writes a tiny night for command-line tests: 64×48 pixels, three frames a calibration
 * kind and two lights, with faults on request.
 *
 *   tiny_night.ts FOLDER [--no-bias] [--no-dark] [--no-flat] [--lights N] [--other-size]
 *                        [--truncated] [--text] [--missing CARD] [--twin]
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { FitsHeader } from "../fits/header.ts";
import { writeImage } from "../fits/image.ts";

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
if (values.text) {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "notes.fits"), "Clouds until three, then clear.\n");
}
