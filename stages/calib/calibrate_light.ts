/**
 * Calibrates one light: detector signature out, first mask planes in.
 *
 * @module
 */

import { fillGaps } from "../../gpu/kernels/reduce/fill_gaps.ts";
import {
  inverseVariance,
  type InverseVarianceOptions,
} from "../../gpu/kernels/reduce/inverse_variance.ts";
import { type ReduceOptions, reduceStrip } from "../../gpu/kernels/reduce/reduce.ts";
import { bit, countMasked } from "../../sky/mask.ts";
import { mad, MAD_TO_SIGMA, median } from "../../sky/stats.ts";
import type { NewProduct } from "../stage.ts";
import { describeLight, type LightCounts } from "./describe_light.ts";
import type { RawFrame } from "./frame.ts";
import { type FringeFit, removeFringe } from "./fringe.ts";
import { lightHeader, setFringe } from "./light_header.ts";
import { LightOutputs } from "./light_outputs.ts";
import type { LightRecipe } from "./light_recipe.ts";
import { companionPath, darkScale, type Master } from "./master.ts";
import type { PixelCache } from "./pixel_cache.ts";
import { openRaw } from "./raw_image.ts";
import { PixelSample, stripRows } from "./strips.ts";

const BAD = bit("BAD");
const BITS = { bad: BAD, saturated: bit("SAT"), noData: bit("NO_DATA") };
/** Pixels with one of these have no weight. */
const WORTHLESS = bit("BAD", "SAT", "NO_DATA", "CR");

/**
 * Calibrates one light and writes the image, its mask and, if asked, its weights.
 *
 * @param frame The raw light.
 * @param recipe Masters, limits, place.
 * @returns The image and its companions.
 * @throws {DataError} If the frame cannot be read.
 */
export async function calibrateLight(frame: RawFrame, recipe: LightRecipe): Promise<NewProduct[]> {
  const { width, height } = frame.setup;
  const work = await prepare(frame, recipe);
  using raw = await openRaw(frame, recipe.overscan);
  const header = lightHeader(frame, recipe, raw.overscanAdu);
  await using outputs = await LightOutputs.open(recipe, { width, height, header });
  const counts: LightCounts = { BAD: 0, SAT: 0, NO_DATA: 0, SUSPECT: 0 };
  // fringes are measured on the whole frame
  const step = recipe.fringe === undefined ? stripRows(width, height, 4) : height;
  const pixels = new Float32Array(step * width);
  const planes = new Uint16Array(step * width);
  let fringe: FringeFit | undefined;
  for (let firstRow = 0; firstRow < height; firstRow += step) {
    recipe.signal.throwIfAborted();
    const rows = Math.min(step, height - firstRow);
    const bits = planes.subarray(0, rows * width).fill(0);
    const strip = await raw.readRows(firstRow, rows, pixels, bits);
    reduceStrip(strip, bits, cut(work.reduce, firstRow * width, strip.length));
    const weights = work.noise &&
      inverseVariance(strip, bits, cut(work.noise, firstRow * width, strip.length));
    if (recipe.limits.repair) fillGaps(strip, bits, { width, bits: BAD, mark: bit("INTRP") });
    if (recipe.fringe !== undefined) {
      const fit = removeFringe(strip, bits, recipe.fringe, { width, height, id: recipe.id });
      setFringe(outputs.header, fit);
      fringe = fit;
    }
    for (const name of Object.keys(counts) as (keyof LightCounts)[]) {
      counts[name] += countMasked(bits, bit(name));
    }
    await outputs.write(strip, bits, weights);
  }
  await outputs.finish();
  return describeLight(frame, recipe, { ...outputs.paths, counts, fringe, raw });
}

interface LightWork {
  readonly reduce: ReduceOptions;
  /** Undefined when no weights are wanted. */
  readonly noise: InverseVarianceOptions | undefined;
}

/** Pixels of the masters, and the limits in their units. */
async function prepare(frame: RawFrame, recipe: LightRecipe): Promise<LightWork> {
  const { cache, limits } = recipe;
  const { gainEAdu, readNoiseE, saturationAdu } = frame.detector;
  const [bias, dark, flat] = [recipe.bias?.master, recipe.dark?.master, recipe.flat?.master];
  const darkPixels = dark && await cache.pixels(dark.path);
  const flatPixels = flat && await cache.pixels(flat.path);
  const scale = darkScale(dark, frame.product.exposureS ?? 0);
  const reduce: ReduceOptions = {
    bias: bias && await cache.pixels(bias.path),
    dark: darkPixels,
    darkScale: scale,
    flat: flatPixels,
    ...(dark && darkPixels ? { hotAbove: hotLevel(dark, darkPixels, limits.hotSigma) } : {}),
    flatBelow: limits.flatMin,
    flatAbove: limits.flatMax,
    ...(frame.layout.plain ? { saturation: saturationAdu } : {}),
    bits: BITS,
  };
  if (!recipe.weight) return { reduce, noise: undefined };
  const noise = {
    ...{ gainEAdu, readNoiseE, dark: darkPixels, darkScale: scale, flat: flatPixels },
    biasVariance: await variancePixels(bias, cache),
    darkVariance: await variancePixels(dark, cache),
    flatVariance: await variancePixels(flat, cache),
    zeroBits: WORTHLESS,
  };
  return { reduce, noise };
}

/** Variances of a master, where they stand beside it. */
async function variancePixels(
  master: Master | undefined,
  cache: PixelCache,
): Promise<Float32Array | undefined> {
  if (master === undefined) return undefined;
  const path = companionPath(master.path, "variance");
  const exists = await Deno.stat(path).then(() => true, () => false);
  return exists ? await cache.pixels(path) : undefined;
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

/** The options with every image cut down to the pixels of a strip. */
function cut<Options extends object>(options: Options, first: number, length: number): Options {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      value instanceof Float32Array ? value.subarray(first, first + length) : value,
    ]),
  ) as Options;
}
