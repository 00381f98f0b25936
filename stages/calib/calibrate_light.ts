/**
 * Calibrates one light: detector signature out, first mask planes in.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { createImage, openImage } from "../../fits/image.ts";
import { fillGaps } from "../../gpu/kernels/reduce/fill_gaps.ts";
import { type ReduceOptions, reduceStrip } from "../../gpu/kernels/reduce/reduce.ts";
import { bit, countMasked, setPlaneCards } from "../../sky/mask.ts";
import { mad, MAD_TO_SIGMA, median } from "../../sky/stats.ts";
import type { NewProduct } from "../stage.ts";
import { sizeText } from "./frame.ts";
import type { RawFrame } from "./frame.ts";
import { FitsHeader } from "../../fits/header.ts";
import type { FoundMaster } from "./library.ts";
import { lightHeader } from "./light_header.ts";
import { darkScale, type Master } from "./master.ts";
import type { PixelCache } from "./pixel_cache.ts";
import { PixelSample, stripRows } from "./strips.ts";

/** The masters of a light. */
export interface LightMasters {
  readonly bias: FoundMaster;
  readonly dark: FoundMaster | undefined;
  readonly flat: FoundMaster;
}

/** Limits that decide which pixels are bad. */
export interface BadPixelLimits {
  /** A dark this many sigma above its median marks a hot pixel. */
  readonly hotSigma: number;
  /** A flat below this marks a dead pixel. */
  readonly flatMin: number;
  /** A flat above this marks a bad pixel. */
  readonly flatMax: number;
  /** Whether bad pixels are filled from their neighbours. */
  readonly repair: boolean;
}

/** What a light is calibrated with, and where to. */
export interface LightRecipe extends LightMasters {
  readonly id: string;
  readonly folder: string;
  readonly limits: BadPixelLimits;
  readonly cache: PixelCache;
  readonly signal: AbortSignal;
}

const BAD = bit("BAD");
const SAT = bit("SAT");
const BITS = { bad: BAD, saturated: SAT, noData: bit("NO_DATA") };

/**
 * Calibrates one light and writes the image and its mask.
 *
 * @param frame The raw light.
 * @param recipe Masters, limits, place.
 * @returns The image and its mask.
 * @throws {DataError} If the frame cannot be read.
 */
export async function calibrateLight(frame: RawFrame, recipe: LightRecipe): Promise<NewProduct[]> {
  const { width, height } = frame.setup;
  const path = join(recipe.folder, `${recipe.id}.fits`);
  const maskPath = join(recipe.folder, `${recipe.id}.mask.fits`);
  const reduce = await reduceOptions(frame, recipe);
  using reader = await openImage(frame.product.path);
  if (reader.width !== width || reader.height !== height) {
    throw new DataError(
      `Cannot calibrate "${frame.product.id}": its header says ${sizeText(frame.setup)}, ` +
        `its image is ${sizeText(reader)}`,
    );
  }
  const header = lightHeader(frame, recipe);
  await using image = await createImage(path, { width, height, header });
  await using mask = await createImage(maskPath, {
    width,
    height,
    header: maskHeader(recipe.id, header),
    bitpix: 16,
    bzero: 32768,
  });
  const counts = { bad: 0, saturated: 0 };
  const step = stripRows(width, height, 4);
  const pixels = new Float32Array(step * width);
  const planes = new Uint16Array(step * width);
  for (let firstRow = 0; firstRow < height; firstRow += step) {
    recipe.signal.throwIfAborted();
    const strip = await reader.readRows(firstRow, Math.min(step, height - firstRow), pixels);
    const bits = planes.subarray(0, strip.length).fill(0);
    reduceStrip(strip, bits, cut(reduce, firstRow * width, strip.length));
    if (recipe.limits.repair) fillGaps(strip, bits, { width, bits: BAD, mark: bit("INTRP") });
    counts.bad += countMasked(bits, BAD);
    counts.saturated += countMasked(bits, SAT);
    await image.writeRows(strip);
    await mask.writeRows(bits);
  }
  await mask.finish();
  await image.finish();
  return describe(frame, recipe, { path, maskPath, ...counts });
}

async function reduceOptions(frame: RawFrame, recipe: LightRecipe): Promise<ReduceOptions> {
  const { cache, limits } = recipe;
  const dark = recipe.dark?.master;
  const darkPixels = dark && await cache.pixels(dark.path);
  const hot = dark && darkPixels && hotLevel(dark, darkPixels, limits.hotSigma);
  return {
    bias: await cache.pixels(recipe.bias.master.path),
    dark: darkPixels,
    darkScale: darkScale(dark, frame.product.exposureS ?? 0),
    flat: await cache.pixels(recipe.flat.master.path),
    ...(hot === undefined ? {} : { hotAbove: hot }),
    flatBelow: limits.flatMin,
    flatAbove: limits.flatMax,
    saturation: frame.detector.saturationAdu,
    bits: BITS,
  };
}

/** The dark level from which a pixel is hot; measured when the master does not say its own. */
function hotLevel(dark: Master, pixels: Float32Array, hotSigma: number): number {
  let { level, sigma } = dark;
  if (!Number.isFinite(level) || !(sigma > 0)) {
    const sample = new PixelSample(pixels.length);
    sample.add(pixels);
    level = median(sample.values);
    sigma = mad(sample.values, level) * MAD_TO_SIGMA;
  }
  return level + hotSigma * Math.max(sigma, 0.5);
}

function cut(options: ReduceOptions, first: number, length: number): ReduceOptions {
  const part = (pixels: Float32Array | undefined) => pixels?.subarray(first, first + length);
  return {
    ...options,
    bias: part(options.bias),
    dark: part(options.dark),
    flat: part(options.flat),
  };
}

function maskHeader(id: string, image: FitsHeader): FitsHeader {
  const header = FitsHeader.from({
    IMAGETYP: ["MASK", "bit planes"],
    MASKOF: [`${id}.fits`, "image it belongs to"],
  });
  for (const keyword of ["OBJECT", "FILTER", "DATE-OBS", "EXPTIME"]) {
    const value = image.get(keyword);
    if (value !== undefined) header.set(keyword, value);
  }
  return setPlaneCards(header);
}

function describe(
  frame: RawFrame,
  recipe: LightRecipe,
  made: {
    readonly path: string;
    readonly maskPath: string;
    readonly bad: number;
    readonly saturated: number;
  },
): NewProduct[] {
  const { bytes: _bytes, sha256: _sha256, stage: _stage, ...raw } = frame.product;
  const masters = [recipe.bias, recipe.dark, recipe.flat].filter((found) => found !== undefined);
  const borrowed = masters.filter((found) => found.borrowed).map((found) => found.master.id);
  const from = [raw.id, ...masters.map((found) => found.master.id)];
  const image: NewProduct = {
    ...raw,
    id: recipe.id,
    kind: "frame",
    path: made.path,
    imageType: "light",
    from,
    gain: frame.detector.gainEAdu,
    measured: {
      badPixels: made.bad,
      saturatedPixels: made.saturated,
      darkScale: darkScale(recipe.dark?.master, raw.exposureS ?? 0),
      ...(borrowed.length === 0 ? {} : { borrowed: borrowed.join(" ") }),
    },
    gates: recipe.dark === undefined
      ? [{ name: "dark", value: 0, threshold: "a dark is at hand", verdict: "degraded" }]
      : [],
  };
  const mask: NewProduct = {
    id: `${recipe.id}.mask`,
    kind: "mask",
    path: made.maskPath,
    of: recipe.id,
    from,
    ...(raw.unit === undefined ? {} : { unit: raw.unit }),
    ...(raw.object === undefined ? {} : { object: raw.object }),
    ...(raw.filter === undefined ? {} : { filter: raw.filter }),
    ...(raw.mjd === undefined ? {} : { mjd: raw.mjd }),
    width: frame.setup.width,
    height: frame.setup.height,
  };
  return [image, mask];
}
