/**
 * Calibrates one light: detector signature out, first mask planes in.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import type { WeighOptions } from "../../../gpu/kernels/reduce/finish_rows.ts";
import { bit } from "../../../sky/mask.ts";
import { mad, MAD_TO_SIGMA, median } from "../../../sky/stats.ts";
import type { NewProduct } from "../../stage.ts";
import { calibrateStrips, type StripCalibration } from "./calibrate_strips.ts";
import { cleanRays } from "./clean_rays.ts";
import { describeLight, type LightCounts } from "./describe_light.ts";
import { finishLight } from "./finish_light.ts";
import type { RawFrame } from "../frames/frame.ts";
import { type AppliedFringe, measureFringe } from "./fringe.ts";
import { lightHeader, setFringe } from "./light_header.ts";
import { LightOutputs } from "./light_outputs.ts";
import type { LightRecipe } from "./light_recipe.ts";
import { type LightSource, openLight } from "./light_source.ts";
import { companionPath, darkScale, type Master } from "../masters/master.ts";
import type { PixelCache } from "../frames/pixel_cache.ts";
import { floatsOf, shortsOf } from "../frames/plain_frames.ts";
import { openRaw } from "../frames/raw_image.ts";
import { type LightReduction, type LightStrip, reduceLight } from "./reduce_light.ts";
import { repairLight } from "./repair_light.ts";
import { PixelSample } from "../frames/strips.ts";

const BAD = bit("BAD");
const BITS = { bad: BAD, saturated: bit("SAT"), noData: bit("NO_DATA") };
/** Rows in which cosmic rays are looked for at a time. */
const RAY_ROWS = 1024;
/** Pixels with one of these have no weight; INTRP have none of their own. */
const WORTHLESS = bit("BAD", "SAT", "NO_DATA", "CR", "INTRP");

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
  const { signal } = recipe;
  const { reduce, weigh } = await prepare(frame, recipe);
  const compute = await recipe.compute.get();
  using raw = await openRaw(frame, recipe.overscan);
  using source = await openLight(frame, raw);
  const header = lightHeader(frame, recipe, raw.overscanAdu);
  await using outputs = await LightOutputs.open(recipe, { width, height, header });
  const { detector } = frame;
  const place = { width, height, compute, signal };
  const calibration = { ...place, detector, reduce, weigh, repair: recipe.limits.repair };
  const direct = !recipe.cosmicRays && recipe.fringe === undefined;
  const { planes, fringe } = direct
    ? { planes: await calibrateStrips(source, outputs, calibration), fringe: undefined }
    : await calibrateInSteps(source, outputs, { frame, recipe, calibration });
  await outputs.finish();
  return describeLight(frame, recipe, {
    ...{ ...outputs.paths, counts: countsOf(planes), fringe, raw },
  });
}

interface SteppedCalibration {
  readonly frame: RawFrame;
  readonly recipe: LightRecipe;
  readonly calibration: StripCalibration;
}

/** Calibrates a light that more than a few rows of must be in memory for. */
async function calibrateInSteps(
  source: LightSource,
  outputs: LightOutputs,
  { frame, recipe, calibration }: SteppedCalibration,
): Promise<{ planes: Float64Array; fringe: AppliedFringe | undefined }> {
  const { width, height, compute } = calibration;
  const reduced = reduceLight(source, calibration);
  const clean = withoutRays(reduced, frame, recipe, compute);
  const strips = calibration.repair ? repairLight(clean, calibration) : clean;
  let fringe: AppliedFringe | undefined;
  const whole = recipe.fringe === undefined ? strips : held(strips, frame, compute, async (all) => {
    fringe = await measureFringe(all.values, all.mask, recipe.fringe!, {
      ...{ width, height, id: recipe.id, compute },
    });
    setFringe(outputs.header, fringe);
  });
  const fringes = () =>
    recipe.fringe && fringe?.applied ? { fringe: recipe.fringe, scale: fringe.scale } : undefined;
  return { planes: await finishLight(whole, outputs, { ...calibration, fringes }), fringe };
}

/** Takes cosmic rays out of a light, if that is asked for. */
function withoutRays(
  strips: AsyncIterable<LightStrip>,
  { setup: { width, height }, detector: { gainEAdu, readNoiseE } }: RawFrame,
  { cosmicRays, signal }: LightRecipe,
  compute: Compute,
): AsyncIterable<LightStrip> {
  if (!cosmicRays) return strips;
  const place = { width, height, rows: RAY_ROWS, compute, signal };
  return cleanRays(strips, { ...place, gainEAdu, readNoiseE });
}

/** Holds a light in memory, as fringes are measured on the whole frame, before it goes on. */
async function* held(
  strips: AsyncIterable<LightStrip>,
  { setup: { width, height } }: RawFrame,
  compute: Compute,
  measure: (whole: LightStrip) => Promise<void>,
): AsyncGenerator<LightStrip> {
  using room = compute.allocate(width * height * 4);
  using marks = compute.allocate(width * height * 2);
  const whole = { firstRow: 0, values: floatsOf(room.bytes), mask: shortsOf(marks.bytes) };
  for await (const { firstRow, values, mask } of strips) {
    whole.values.set(values, firstRow * width);
    whole.mask.set(mask, firstRow * width);
  }
  await measure(whole);
  yield whole;
}

function countsOf(planes: Float64Array): LightCounts {
  const count = (name: keyof LightCounts) => planes[Math.log2(bit(name))]!;
  return {
    BAD: count("BAD"),
    SAT: count("SAT"),
    NO_DATA: count("NO_DATA"),
    SUSPECT: count("SUSPECT"),
    CR: count("CR"),
  };
}

interface LightWork extends Pick<LightReduction, "reduce"> {
  /** Undefined when no weights are wanted. */
  readonly weigh: WeighOptions | undefined;
}

/** Pixels of the masters, and the limits in their units. */
async function prepare(frame: RawFrame, recipe: LightRecipe): Promise<LightWork> {
  const { cache, limits } = recipe;
  const { gainEAdu, readNoiseE } = frame.detector;
  const [bias, dark, flat] = [recipe.bias?.master, recipe.dark?.master, recipe.flat?.master];
  const darkPixels = dark && await cache.pixels(dark.path);
  const flatPixels = flat && await cache.pixels(flat.path);
  const scale = darkScale(dark, frame.product.exposureS ?? 0);
  const reduce: LightReduction["reduce"] = {
    bias: bias && await cache.pixels(bias.path),
    dark: darkPixels,
    darkScale: scale,
    flat: flatPixels,
    ...(dark && darkPixels ? { hotAbove: hotLevel(dark, darkPixels, limits.hotSigma) } : {}),
    flatBelow: limits.flatMin,
    flatAbove: limits.flatMax,
    bits: BITS,
  };
  if (!recipe.weight) return { reduce, weigh: undefined };
  const weigh = {
    ...{ gainEAdu, readNoiseE, dark: darkPixels, darkScale: scale, flat: flatPixels },
    biasVariance: await variancePixels(bias, cache),
    darkVariance: await variancePixels(dark, cache),
    flatVariance: await variancePixels(flat, cache),
    zeroBits: WORTHLESS,
  };
  return { reduce, weigh };
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
