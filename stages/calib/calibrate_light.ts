/**
 * Calibrates one light: detector signature out, first mask planes in.
 *
 * @module
 */

import type { HostBuffer } from "../../gpu/backend.ts";
import { encodeFloats, foldSums } from "../../gpu/kernels/encode/encode.ts";
import { fillGaps } from "../../gpu/kernels/reduce/fill_gaps.ts";
import {
  inverseVariance,
  type InverseVarianceOptions,
} from "../../gpu/kernels/reduce/inverse_variance.ts";
import type { ReduceOptions } from "../../gpu/kernels/reduce/reduce.ts";
import { bit } from "../../sky/mask.ts";
import { mad, MAD_TO_SIGMA, median } from "../../sky/stats.ts";
import type { NewProduct } from "../stage.ts";
import { cleanRays } from "./clean_rays.ts";
import { describeLight, type LightCounts } from "./describe_light.ts";
import type { RawFrame } from "./frame.ts";
import { type FringeFit, removeFringe } from "./fringe.ts";
import { lightHeader, setFringe } from "./light_header.ts";
import { LightOutputs } from "./light_outputs.ts";
import type { LightRecipe } from "./light_recipe.ts";
import { companionPath, darkScale, type Master } from "./master.ts";
import type { PixelCache } from "./pixel_cache.ts";
import { openPlainFrames, type PlainFrames } from "./plain_frames.ts";
import { openRaw } from "./raw_image.ts";
import { reducePlain } from "./reduce_plain.ts";
import { cutImages, type LightStrip, reduceStrips } from "./reduce_strips.ts";
import { PixelSample, stripRows } from "./strips.ts";

const BAD = bit("BAD");
const BITS = { bad: BAD, saturated: bit("SAT"), noData: bit("NO_DATA") };
/** Rows in which cosmic rays are looked for at a time. */
const RAY_ROWS = 1024;
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
  const counts: LightCounts = { BAD: 0, SAT: 0, NO_DATA: 0, SUSPECT: 0, CR: 0 };
  using plain = recipe.fringe === undefined ? await openPlainLight(frame) : undefined;
  let fringe: FringeFit | undefined;
  if (plain !== undefined) {
    await calibratePlain(plain, frame, { recipe, work, outputs, counts });
  } else {
    // fringes are measured on the whole frame
    const step = recipe.fringe === undefined ? stripRows(width, height, 4) : height;
    const { signal } = recipe;
    const strips = reduceStrips(raw, { step, reduce: work.reduce, signal });
    for await (const strip of await withoutRays(strips, frame, recipe, Math.max(step, RAY_ROWS))) {
      const weights = finishStrip(strip, width, { recipe, work });
      const { values, mask } = strip;
      if (recipe.fringe !== undefined) {
        const compute = await recipe.compute.get();
        const place = { width, height, id: recipe.id, compute };
        const fit = await removeFringe(values, mask, recipe.fringe, place);
        setFringe(outputs.header, fit);
        fringe = fit;
      }
      countPlanes(mask, counts);
      await outputs.write(values, mask, weights);
    }
  }
  await outputs.finish();
  return describeLight(frame, recipe, { ...outputs.paths, counts, fringe, raw });
}

/** The light for the kernels; undefined if it has to be read otherwise. */
async function openPlainLight(frame: RawFrame): Promise<PlainFrames | undefined> {
  const plain = await openPlainFrames([frame]);
  if (plain === undefined || plain.layout.bitpix === 16) return plain;
  plain[Symbol.dispose]();
  return undefined;
}

interface LightRun {
  readonly recipe: LightRecipe;
  readonly work: LightWork;
  readonly outputs: LightOutputs;
  readonly counts: LightCounts;
}

/** Calibrates on the backend; the next strip is computed while the last is filled and written. */
async function calibratePlain(
  plain: PlainFrames,
  frame: RawFrame,
  { recipe, work, outputs, counts }: LightRun,
): Promise<void> {
  const { width } = plain;
  const { signal } = recipe;
  const compute = await recipe.compute.get();
  const { detector } = frame;
  const { reduce } = work;
  let room: HostBuffer | undefined;
  try {
    const strips = reducePlain(plain, { detector, reduce, compute, signal });
    for await (const strip of await withoutRays(strips, frame, recipe, RAY_ROWS)) {
      const { values, mask } = strip;
      room ??= compute.allocate(values.byteLength);
      const weights = finishStrip(strip, width, { recipe, work });
      countPlanes(mask, counts);
      const raw = room.bytes.subarray(0, values.byteLength);
      const sums = new Uint32Array(2 * values.length / width);
      await encodeFloats(compute, values, { raw, sums }, { width, signal });
      await outputs.writeEncoded({ raw, sum: foldSums(sums) }, mask, weights);
    }
  } finally {
    room?.[Symbol.dispose]();
  }
}

/** Takes cosmic rays out of a light, if that is asked for. */
async function withoutRays(
  strips: AsyncIterable<LightStrip>,
  { setup: { width, height }, detector: { gainEAdu, readNoiseE } }: RawFrame,
  { cosmicRays, compute: lazy, signal }: LightRecipe,
  rows: number,
): Promise<AsyncIterable<LightStrip>> {
  if (!cosmicRays) return strips;
  const compute = await lazy.get();
  return cleanRays(strips, { width, height, rows, gainEAdu, readNoiseE, compute, signal });
}

/** Weighs a reduced strip and fills its bad pixels; gives the weights, if any are wanted. */
function finishStrip(
  { firstRow, values, mask }: LightStrip,
  width: number,
  { recipe, work }: Pick<LightRun, "recipe" | "work">,
): Float32Array | undefined {
  const first = firstRow * width;
  const weights = work.noise &&
    inverseVariance(values, mask, cutImages(work.noise, first, values.length));
  if (recipe.limits.repair) fillGaps(values, mask, { width, bits: BAD, mark: bit("INTRP") });
  return weights;
}

function countPlanes(mask: Uint16Array, counts: LightCounts): void {
  const planes = (Object.keys(counts) as (keyof LightCounts)[])
    .map((name) => ({ name, plane: bit(name), count: 0 }));
  for (let i = 0; i < mask.length; i++) {
    const bits = mask[i]!;
    if (bits === 0) continue;
    for (const entry of planes) if ((bits & entry.plane) !== 0) entry.count++;
  }
  for (const { name, count } of planes) counts[name] += count;
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
