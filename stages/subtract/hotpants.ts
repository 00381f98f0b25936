/**
 * The HOTPANTS engine.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { type HotpantsOptions, runHotpants } from "../../external/hotpants.ts";
import { PROGRAMS } from "../../external/programs.ts";
import type { ToolSet } from "../../external/run_tool.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { UNUSABLE } from "../../sky/mask.ts";
import { varianceIn } from "./noise.ts";
import {
  type AlignedPair,
  type ConvolvedSide,
  type Engine,
  type EngineResult,
  type PairImage,
  stripsOf,
} from "./pair.ts";

/** What the engine can be told. */
export interface HotpantsEngineOptions {
  readonly tools: ToolSet;
  /** A folder for the files that only HOTPANTS needs. */
  readonly scratch: string;
  readonly convolve?: ConvolvedSide;
  readonly kernelOrder?: number;
  readonly backgroundOrder?: number;
  /** Regions along x and y; by the number of stars when left out. */
  readonly regions?: readonly [number, number];
}

/** What HOTPANTS writes into pixels it cannot give. */
const FILL_ADU = 1e-30;
const FWHM_TO_SIGMA = 2.3548;

/**
 * Makes the HOTPANTS engine.
 *
 * @param options Programs, folder, orders.
 * @returns The engine.
 */
export function hotpantsEngine(options: HotpantsEngineOptions): Engine {
  return {
    name: "hotpants",
    available: () => options.tools.has(PROGRAMS.hotpants.names),
    run: (pair) => runPair(pair, options),
  };
}

async function runPair(pair: AlignedPair, options: HotpantsEngineOptions): Promise<EngineResult> {
  const { tools, scratch } = options;
  const at = (name: string) => join(scratch, name);
  await Promise.all([
    writeMaskFile(at("science.mask.fits"), pair, pair.science),
    writeMaskFile(at("reference.mask.fits"), pair, pair.reference),
    writeNoiseFile(at("science.noise.fits"), pair, pair.science),
    writeNoiseFile(at("reference.noise.fits"), pair, pair.reference),
    Deno.writeTextFile(at("substamps.txt"), substampText(pair)),
  ]);
  const settings = hotpantsSettings(pair, options);
  const files = {
    difference: at("difference.fits"),
    differenceNoise: at("difference.noise.fits"),
    differenceMask: at("difference.mask.fits"),
    convolved: at("convolved.fits"),
  };
  await runHotpants(tools, {
    ...files,
    science: pair.science.path,
    template: pair.reference.path,
    scienceMask: at("science.mask.fits"),
    templateMask: at("reference.mask.fits"),
    scienceNoise: at("science.noise.fits"),
    templateNoise: at("reference.noise.fits"),
    substampFile: at("substamps.txt"),
  }, settings);
  return await readResult(pair, files, settings);
}

/**
 * The substamp centres as HOTPANTS takes them.
 *
 * @param pair Its stars.
 * @returns `x y` a line, 1-based px.
 */
export function substampText(pair: AlignedPair): string {
  return pair.stars.map(({ x, y }) => `${(x + 1).toFixed(2)} ${(y + 1).toFixed(2)}\n`).join("");
}

/**
 * Chooses the settings of HOTPANTS for a pair: widths from the two PSFs, valid
 * ranges from sky and saturation, as many regions as the stars carry.
 *
 * @param pair The pair.
 * @param options Direction, orders and regions where they are given.
 * @returns The settings.
 */
export function hotpantsSettings(
  pair: AlignedPair,
  options: Pick<HotpantsEngineOptions, "convolve" | "kernelOrder" | "backgroundOrder" | "regions">,
): HotpantsOptions {
  const { science, reference } = pair;
  const side = options.convolve ?? (science.fwhmPx < reference.fwhmPx ? "science" : "reference");
  const wide = Math.max(science.fwhmPx, reference.fwhmPx);
  const narrow = Math.min(science.fwhmPx, reference.fwhmPx);
  const sigmaPx = Math.max(Math.sqrt(wide ** 2 - narrow ** 2) / FWHM_TO_SIGMA, 1);
  const regions = options.regions ?? regionsFor(pair.stars.length);
  const round = (value: number) => Number(value.toFixed(3));
  return {
    convolve: side === "reference" ? "t" : "i",
    normalize: "i",
    ...limits(science, "science"),
    ...limits(reference, "template"),
    regionsX: regions[0],
    regionsY: regions[1],
    stampsX: 10,
    stampsY: 10,
    substamps: 3,
    kernelRadiusPx: Math.ceil(2.5 * wide),
    substampRadiusPx: Math.ceil(3.5 * wide),
    kernelOrder: options.kernelOrder ?? 2,
    backgroundOrder: options.backgroundOrder ?? 2,
    gaussians: [
      { degree: 6, sigmaPx: round(0.5 * sigmaPx) },
      { degree: 4, sigmaPx: round(sigmaPx) },
      { degree: 2, sigmaPx: round(2 * sigmaPx) },
    ],
    fillAdu: FILL_ADU,
    verbosity: 1,
  };
}

/** At least forty stars a region, 3 × 2 regions at most. */
function regionsFor(stars: number): readonly [number, number] {
  return stars >= 240 ? [3, 2] : stars >= 80 ? [2, 1] : [1, 1];
}

function limits(image: PairImage, side: "science" | "template"): HotpantsOptions {
  const upper = Number.isFinite(image.saturationAdu)
    ? image.saturationAdu
    : image.skyAdu + 1e6 * image.skySigmaAdu;
  const lower = image.skyAdu - 10 * image.skySigmaAdu;
  const [high, low] = [Number(upper.toPrecision(7)), Number(lower.toPrecision(7))];
  return side === "science"
    ? { scienceUpperAdu: high, scienceLowerAdu: low, scienceGain: image.gainEAdu }
    : { templateUpperAdu: high, templateLowerAdu: low, templateGain: image.gainEAdu };
}

async function writeMaskFile(path: string, pair: AlignedPair, image: PairImage): Promise<void> {
  const { width, height } = pair;
  const data = image.mask.map((value) => (value & UNUSABLE) === 0 ? 0 : 1);
  await writeImage(path, { width, height, data }, { bitpix: 16 });
}

async function writeNoiseFile(path: string, pair: AlignedPair, image: PairImage): Promise<void> {
  const { width, height } = pair;
  const variance = varianceIn(image, pair, { left: 0, top: 0, width, height });
  await writeImage(path, { width, height, data: variance.map(Math.sqrt) });
}

async function readResult(
  pair: AlignedPair,
  files: {
    readonly difference: string;
    readonly differenceNoise: string;
  },
  settings: HotpantsOptions,
): Promise<EngineResult> {
  const made = await readImage(files.difference);
  const noise = await readImage(files.differenceNoise);
  for (const image of [made, noise]) requireSize(image, pair);
  const fill = Math.fround(FILL_ADU);
  const side: ConvolvedSide = settings.convolve === "i" ? "science" : "reference";
  const sum = made.header.number("KSUM00") ?? null;
  return {
    engine: "hotpants",
    convolvedSide: side,
    strips: stripsOf({
      difference: made.data.map((value) => value === fill ? NaN : value),
      variance: noise.data.map((sigma) => sigma === fill ? NaN : sigma * sigma),
    }, pair),
    growPx: Math.ceil((settings.kernelRadiusPx ?? 10) / 2),
    kernel: {
      offered: pair.stars.length,
      used: null,
      clipped: null,
      conditionNumber: null,
      sum: sum === null || side === "reference" ? sum : 1 / sum,
      orders: `${settings.kernelOrder},${settings.backgroundOrder}`,
      chi2: made.header.number("X2NRM00") ?? null,
    },
  };
}

function requireSize(
  image: { readonly width: number; readonly height: number; readonly header: { where: string } },
  pair: AlignedPair,
): void {
  if (image.width === pair.width && image.height === pair.height) return;
  throw new DataError(
    `Cannot use "${image.header.where}": it is ${image.width} by ${image.height} px, ` +
      `the science frame ${pair.width} by ${pair.height}`,
    { details: { width: image.width, height: image.height } },
  );
}
