/**
 * Writes a simulated pair with its truth to disk, as `bench_subtract` needs it.
 *
 * @module
 */

import { join } from "node:path";
import { note } from "../cli/terminal.ts";
import { FitsHeader } from "../fits/header.ts";
import { createImage, type ImageWriter, readImage, writeImage } from "../fits/image.ts";
import {
  fluxOfSnr,
  type PairPlan,
  type PairSide,
  type PairSource,
  SimulatedPair,
} from "../sim/pair.ts";
import { type PairCase, pairPlan } from "../sim/pair_cases.ts";
import { RandomStream } from "../sim/random.ts";
import { bit, setPlaneCards, writeMask } from "../sky/mask.ts";
import { setWcs, tanWcs } from "../sky/wcs.ts";
import { MANIFEST_VERSION, type Product } from "../stages/manifest.ts";

const OBJECT = "T09614";
const FILTER = "m600";
const SCALE_ARCSEC = 0.505;
const NO_DIGEST = "0".repeat(64);

/** Where a pair lies. */
export interface PairFiles {
  readonly folder: string;
  /** Id of the science frame. */
  readonly id: string;
  readonly science: string;
  readonly reference: string;
  /** A manifest with the science frame and its mask. */
  readonly manifest: string;
}

function filesIn(folder: string): PairFiles {
  const at = (file: string) => join(folder, file);
  const images = { science: at("science.fits"), reference: at("reference.fits") };
  return { folder, id: "science", ...images, manifest: at("manifest.json") };
}

/**
 * Makes a pair, unless it is there: both images with masks, both once more
 * without noise (`truth_science.fits`, `truth_reference.fits`), the light of the
 * new sources (`truth_fresh.fits`), the plan with all sources, and a manifest.
 *
 * @param folder Where to.
 * @param name Which pair.
 * @param options Size, px, and seed.
 * @returns The files.
 */
export async function makePair(
  folder: string,
  name: PairCase,
  options: { readonly width: number; readonly height: number; readonly seed: number },
): Promise<PairFiles> {
  const at = (file: string) => join(folder, file);
  const files = filesIn(folder);
  if (await Deno.stat(files.manifest).catch(() => undefined)) return files;
  note(`making ${name}, ${options.width}×${options.height} px`);
  await Deno.mkdir(folder, { recursive: true });
  const pair = new SimulatedPair(pairPlan(name, options.width, options.height, options.seed));
  for (const side of ["science", "reference"] as const) await writeSide(pair, side, at);
  await Deno.writeTextFile(at("plan.json"), JSON.stringify(planOf(pair)));
  await writeManifest(files, options);
  return files;
}

/**
 * Makes a pair once more with other noise, unless it is there: all that is light stays.
 *
 * @param pair The pair, with its truth.
 * @param realisation Which noise, from 1.
 * @returns The files, in a folder within that of the pair.
 */
export async function makeAgain(pair: PairFiles, realisation: number): Promise<PairFiles> {
  const files = filesIn(join(pair.folder, `again-${realisation}`));
  if (await Deno.stat(files.manifest).catch(() => undefined)) return files;
  await Deno.mkdir(files.folder, { recursive: true });
  const plan: PairPlan = JSON.parse(await Deno.readTextFile(join(pair.folder, "plan.json")));
  for (const name of ["science", "reference"] as const) {
    const read = (file: string) => readImage(join(pair.folder, file));
    const { data, header } = await read(`${name}.fits`);
    const light = (await read(`truth_${name}.fits`)).data;
    if (name === "science") addTo(light, (await read("truth_fresh.fits")).data);
    const side = plan[name], size = { width: plan.width, height: plan.height };
    const mask = new Uint16Array(data.length);
    for (let row = 0; row < plan.height; row++) {
      const random = new RandomStream(plan.seed, name === "science" ? 104 : 105, realisation, row);
      for (let i = row * plan.width, end = i + plan.width; i < end; i++) {
        const variance = side.readNoiseAdu ** 2 + Math.max(0, light[i]!) / side.gainEAdu;
        const value = light[i]! + Math.sqrt(variance) * random.normal();
        mask[i] = Number.isNaN(data[i]!)
          ? bit("NO_DATA")
          : value >= side.saturationAdu
          ? bit("SAT")
          : 0;
        if (!Number.isNaN(data[i]!)) data[i] = Math.min(value, side.saturationAdu);
      }
    }
    await writeImage(join(files.folder, `${name}.fits`), { ...size, data, header });
    await writeMask(join(files.folder, `${name}.mask.fits`), { ...size, data: mask, header });
  }
  await writeManifest(files, plan);
  return files;
}

function addTo(sum: Float32Array, more: Float32Array): void {
  more.forEach((value, i) => sum[i]! += value);
}

function planOf(pair: SimulatedPair) {
  const { science } = pair.plan;
  const withSnr = ({ x, y, flux, near }: PairSource) => ({
    x,
    y,
    flux,
    near,
    snr: snrOf(flux, science),
  });
  return {
    ...pair.plan,
    stars: pair.stars.map(withSnr),
    transients: pair.transients.map(withSnr),
  };
}

/**
 * Writes a manifest that has the science frame of a pair several times, as a night has many.
 *
 * @param pair The pair.
 * @param frames How many times.
 * @returns The pair with that manifest.
 */
export async function repeatPair(pair: PairFiles, frames: number): Promise<PairFiles> {
  const files = { ...pair, manifest: join(pair.folder, `manifest-${frames}.json`) };
  const plan: PairPlan = JSON.parse(await Deno.readTextFile(join(pair.folder, "plan.json")));
  await writeManifest(files, plan, frames);
  return files;
}

/** The S/N of a flux, by halving the interval in which it lies. */
function snrOf(flux: number, side: PairSide): number {
  let low = 0, high = 1e6;
  while (high - low > 1e-3 * high) {
    const middle = (low + high) / 2;
    if (fluxOfSnr(middle, side) < flux) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function headerOf(pair: SimulatedPair, name: "science" | "reference"): FitsHeader {
  const { width, height, fluxRatio } = pair.plan;
  const side = pair.plan[name];
  const header = FitsHeader.from({
    ...{ OBJECT, FILTER, EGAIN: side.gainEAdu, SATURATE: side.saturationAdu },
    "DATE-OBS": name === "science" ? "2024-04-23T02:53:12" : "2023-12-01T03:00:00",
    ZP_AUTO: 25 - (name === "science" ? 0 : 2.5 * Math.log10(fluxRatio)),
  });
  const wcs = tanWcs({ raDeg: 150, decDeg: -30, scaleArcsec: SCALE_ARCSEC, width, height });
  return setWcs(header, wcs);
}

async function writeSide(
  pair: SimulatedPair,
  name: "science" | "reference",
  at: (file: string) => string,
): Promise<void> {
  const { width, height } = pair.plan;
  const size = { width, height };
  const header = headerOf(pair, name);
  const planes = {
    ...size,
    header: setPlaneCards(header.clone()),
    bitpix: 16,
    bzero: 32768,
  } as const;
  await using image = await createImage(at(`${name}.fits`), { ...size, header });
  await using mask = await createImage(at(`${name}.mask.fits`), planes);
  await using clean = await createImage(at(`truth_${name}.fits`), size);
  await using fresh = await createImage(at(`truth_fresh.fits`), size);
  const writers: ImageWriter[] = [image, mask, clean];
  if (name === "science") writers.push(fresh);
  for (const y0 of pair.firstRows) {
    const rows = pair.rows(name, y0);
    await image.writeRows(rows.image);
    await mask.writeRows(Uint16Array.from(rows.saturated, (value, i) => {
      return value ? bit("SAT") : Number.isNaN(rows.image[i]!) ? bit("NO_DATA") : 0;
    }));
    await clean.writeRows(rows.clean);
    if (name === "science") await fresh.writeRows(rows.fresh);
  }
  for (const writer of writers) await writer.finish();
}

async function writeManifest(
  files: PairFiles,
  size: { readonly width: number; readonly height: number },
  frames = 1,
): Promise<void> {
  const common = {
    ...{ bytes: 0, sha256: NO_DIGEST, stage: "stack", from: [], measured: {}, gates: [] },
    ...{ unit: "7DT07", object: OBJECT, filter: FILTER, exposureS: 300 },
    ...{ width: size.width, height: size.height },
  };
  const mask = join(files.folder, "science.mask.fits");
  const products = Array.from({ length: frames }, (_, k): Product[] => {
    const id = k === 0 ? files.id : `${files.id}-${k}`;
    return [
      { ...common, id, kind: "stack", path: files.science },
      { ...common, id: `${id}.mask`, kind: "mask", path: mask, of: id },
    ];
  }).flat();
  const night = { unit: "7DT07", date: "2024-04-23", source: files.folder, work: files.folder };
  const manifest = { gppyManifest: MANIFEST_VERSION, night, products, left: [], stages: [] };
  await Deno.writeTextFile(files.manifest, JSON.stringify(manifest));
}
