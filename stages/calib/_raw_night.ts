/** Small raw nights for the tests of this stage. */

import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type * as z from "zod";
import { loadSite, type Site } from "../../config/site.ts";
import { toolSet } from "../../external/run_tool.ts";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import { makeContext } from "../context.ts";
import { ingest } from "../ingest.ts";
import type { Left, Manifest } from "../manifest.ts";
import { chooseInputs } from "../runner.ts";
import type { NewProduct } from "../stage.ts";
import { calib } from "./mod.ts";

/** One raw frame. */
export interface RawSpec {
  readonly name: string;
  readonly type: "BIAS" | "DARK" | "FLAT" | "LIGHT";
  readonly exposureS?: number;
  readonly filter?: string;
  readonly object?: string;
  readonly dateObs?: string;
  readonly width?: number;
  readonly height?: number;
  readonly cards?: Record<string, string | number>;
  /** Raw counts of a pixel. */
  readonly pixel: (x: number, y: number) => number;
}

/** A folder with raw frames, a site, and room for the outputs. */
export interface RawNight {
  readonly root: string;
  readonly raw: string;
  readonly site: Site;
  write(spec: RawSpec): Promise<void>;
  run(params?: z.input<typeof calib.params>, night?: string): Promise<CalibRun>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a run of the stage gave. */
export interface CalibRun {
  readonly products: readonly NewProduct[];
  readonly metrics: z.output<typeof calib.metrics>;
  readonly left: readonly Left[];
  readonly manifest: Manifest;
}

/** Makes an empty night of unit 7DT07. */
export async function rawNight(): Promise<RawNight> {
  const root = await Deno.makeTempDir({ prefix: "gppy-calib-" });
  const raw = join(root, "raw");
  await Deno.mkdir(raw);
  const site = await loadSite({ base: join(root, "base"), env: {} });
  return {
    root,
    raw,
    site,
    write: (spec) => writeRaw(join(raw, `${spec.name}.fits`), spec),
    run: (params = {}, night = "2024-04-23") => runCalib(raw, site, { root, params, night }),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

async function writeRaw(path: string, spec: RawSpec): Promise<void> {
  const { width = 40, height = 30 } = spec;
  const data = new Uint16Array(width * height);
  for (let i = 0; i < data.length; i++) data[i] = spec.pixel(i % width, Math.floor(i / width));
  const header = FitsHeader.from({
    IMAGETYP: spec.type,
    OBJECT: spec.object ?? (spec.type === "LIGHT" ? "T09614" : spec.type),
    EXPTIME: spec.exposureS ?? 0,
    "DATE-OBS": spec.dateObs ?? "2024-04-23T02:53:12.000",
    ...(spec.filter === undefined ? {} : { FILTER: spec.filter }),
    ...spec.cards,
  });
  await writeImage(path, { width, height, data, header });
}

async function runCalib(
  raw: string,
  site: Site,
  options: { root: string; params: z.input<typeof calib.params>; night: string },
): Promise<CalibRun> {
  const signal = new AbortController().signal;
  const log = getLogger(["gppy", "test"]);
  const progress = () => {};
  const found = await ingest([raw], { as: "raw", site, unit: "7DT07", log, progress, signal });
  const manifest = { ...found, night: { ...found.night, date: options.night } };
  const folder = join(options.root, "calib");
  await Deno.mkdir(folder, { recursive: true });
  const { context, left } = makeContext({
    stage: "calib",
    inputs: chooseInputs(calib, manifest),
    manifest,
    site,
    folder,
    tools: toolSet({ signal }),
    signal,
    log,
    progress,
  });
  const { products, metrics } = await calib.run(calib.params.parse(options.params), context);
  return { products, metrics, left: [...manifest.left, ...left], manifest };
}

/** A reproducible scatter of whole counts, −8 … 7. */
export function scatter(seed: number, x: number, y: number): number {
  let h = Math.imul(seed * 7919 + x * 104729 + y * 1299709 + 1, 2654435761) >>> 0;
  h ^= h >>> 15;
  h = Math.imul(h, 2246822519) >>> 0;
  return ((h >>> 13) & 15) - 8;
}

/** Bias 500, dark 0.2 ADU/s with a hot pixel at (5, 7), flat falling by 20 % to the right. */
export const DETECTOR = {
  bias: (seed: number) => (x: number, y: number) => 500 + scatter(seed, x, y),
  dark: (seed: number, exposureS: number) => (x: number, y: number) =>
    500 + scatter(seed, x, y) + darkAdu(x, y, exposureS),
  flat: (seed: number, exposureS: number, level: number) => (x: number, y: number) =>
    500 + scatter(seed, x, y) + darkAdu(x, y, exposureS) + Math.round(level * response(x, y)),
  light: (seed: number, exposureS: number, sky: number) => (x: number, y: number) =>
    x === 20 && y === 15
      ? 65535
      : 500 + scatter(seed, x, y) + darkAdu(x, y, exposureS) + Math.round(sky * response(x, y)),
};

/** Light that a pixel sees; the one at (30, 3) is dead. */
export function response(x: number, y: number): number {
  return x === 30 && y === 3 ? 0.02 : 1.1 - 0.2 * x / 39;
}

function darkAdu(x: number, y: number, exposureS: number): number {
  return Math.round((x === 5 && y === 7 ? 50 : 0.2) * exposureS);
}

/** Writes five biases, darks of 60 s and flats (80 s) in r. */
export async function writeCalibrations(night: RawNight, day = "2024-04-22"): Promise<void> {
  for (let k = 0; k < 5; k++) {
    const dateObs = `${day}T22:0${k}:00`;
    await night.write({ name: `B${k}`, type: "BIAS", dateObs, pixel: DETECTOR.bias(k) });
    const dark = DETECTOR.dark(10 + k, 60);
    await night.write({ name: `D${k}`, type: "DARK", exposureS: 60, dateObs, pixel: dark });
    await night.write({
      name: `F${k}`,
      type: "FLAT",
      exposureS: 80,
      filter: "r",
      dateObs,
      pixel: DETECTOR.flat(20 + k, 80, 20000 + 1000 * k),
    });
  }
}
