/**
 * The HOTPANTS engine.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import { runHotpants } from "../../../external/hotpants.ts";
import type { HotpantsOptions } from "../../../external/hotpants_options.ts";
import {
  countStamps,
  hotpantsKernelAt,
  type HotpantsRegion,
  readHotpantsKernels,
  readHotpantsRegions,
} from "../../../external/hotpants_report.ts";
import { PROGRAMS } from "../../../external/programs.ts";
import type { ToolSet } from "../../../external/run_tool.ts";
import { readImage, writeImage } from "../../../fits/image.ts";
import type { KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { bit, UNUSABLE } from "../../../sky/mask.ts";
import { reachOf } from "../fit/fit_kernel.ts";
import {
  FILL_ADU,
  type HotpantsChoices,
  hotpantsSettings,
  substampText,
} from "./hotpants_settings.ts";
import { kernelSurfaces } from "../psf/kernel_surface.ts";
import { varianceIn } from "../noise.ts";
import {
  type AlignedPair,
  type ConvolvedSide,
  type Engine,
  type EngineResult,
  type KernelMetrics,
  type PairImage,
  stripsOf,
} from "../pair.ts";

/** What the engine can be told. */
export interface HotpantsEngineOptions extends HotpantsChoices {
  readonly tools: ToolSet;
  /** A folder for the files that only HOTPANTS needs. */
  readonly scratch: string;
}

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
    stampRegions: at("stamps.reg"),
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

/** The files that tell the result. */
interface ResultFiles {
  readonly difference: string;
  readonly differenceNoise: string;
  readonly differenceMask: string;
  readonly stampRegions: string;
}

async function readResult(
  pair: AlignedPair,
  files: ResultFiles,
  settings: HotpantsOptions,
): Promise<EngineResult> {
  const made = await readImage(files.difference);
  const noise = await readImage(files.differenceNoise);
  const bits = await readImage(files.differenceMask);
  for (const image of [made, noise, bits]) requireSize(image, pair);
  const side: ConvolvedSide = settings.convolve === "i" ? "science" : "reference";
  const regions = readHotpantsRegions(made.header);
  const field = await readField(pair, files.difference, regions.length);
  const fill = Math.fround(FILL_ADU);
  return {
    engine: "hotpants",
    convolvedSide: side,
    strips: stripsOf({
      difference: made.data.map((value) => value === fill ? NaN : value),
      variance: noise.data.map((sigma) => sigma > 0 && sigma !== fill ? sigma * sigma : NaN),
    }, pair),
    mask: Uint16Array.from(bits.data, planesOf),
    growPx: field === undefined ? Math.ceil((settings.kernelRadiusPx ?? 10) / 2) : reachOf(field),
    ...(field === undefined ? {} : { field, kernelHalfPx: field.halfPx }),
    kernel: {
      offered: pair.stars.length,
      ...await stampCounts(files.stampRegions),
      conditionNumber: null,
      sum: kernelSum(regions, side),
      orders: `${settings.kernelOrder},${settings.backgroundOrder}`,
      chi2: meanOf(regions.flatMap(({ chi2 }) => chi2 === null ? [] : [chi2])),
    },
  };
}

/** Bits of the mask that HOTPANTS writes (its `defaults.h`). */
const HOTPANTS_BITS = { saturated: 2, notANumber: 8, stillGood: 0x40, bad: 0x8000 } as const;

/**
 * What HOTPANTS says of a pixel as planes of our masks: unusable only where it
 * gives up the pixel; where a masked one has a small part in it, SUSPECT.
 *
 * @param value Value of its mask.
 * @returns Planes.
 */
export function planesOf(value: number): number {
  const { saturated, notANumber, stillGood, bad } = HOTPANTS_BITS;
  const suspect = value & stillGood ? bit("SUSPECT") : 0;
  if ((value & bad) === 0) return suspect;
  const why = (value & saturated ? bit("SAT") : 0) | (value & notANumber ? bit("NO_DATA") : 0);
  return suspect | why | (value === bad ? bit("EDGE") : bit("BAD"));
}

/** The kernel over the field, where one region has it all. */
async function readField(
  { width, height }: AlignedPair,
  path: string,
  regions: number,
): Promise<KernelField | undefined> {
  const [kernel] = regions === 1 ? await readHotpantsKernels(path) : [];
  if (kernel === undefined) return undefined;
  const [field] = kernelSurfaces({ width, height, order: kernel.order }, (x, y) => {
    // The program counts places from −1 to 1 by whole pixels from half the width.
    return [hotpantsKernelAt(kernel, (2 * x) / width - 1, (2 * y) / height - 1)];
  });
  return field;
}

async function stampCounts(path: string): Promise<Pick<KernelMetrics, "used" | "clipped">> {
  const count = async (ending: string) => {
    try {
      return countStamps(await Deno.readTextFile(path + ending));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  };
  return { used: await count(""), clipped: await count(".skipped") };
}

/** Sum of the kernel as science over reference, over all regions. */
function kernelSum(regions: readonly HotpantsRegion[], side: ConvolvedSide): number | null {
  const sums = regions.map(({ kernelSum }) => side === "reference" ? kernelSum : 1 / kernelSum);
  return meanOf(sums);
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
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
