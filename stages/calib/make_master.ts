/**
 * Makes one master from a group of calibration frames.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { createImage, type ImageReader, openImage } from "../../fits/image.ts";
import { clipStack, type CombineMethod } from "../../gpu/kernels/clip_stack/clip_stack.ts";
import { reduceStrip } from "../../gpu/kernels/reduce/reduce.ts";
import { bit } from "../../sky/mask.ts";
import { mad, MAD_TO_SIGMA, median } from "../../sky/stats.ts";
import { type RawFrame, sizeText } from "./frame.ts";
import { describeGroup, type FrameGroup } from "./groups.ts";
import { masterHeader } from "./master_header.ts";
import { darkScale, type Master, masterFolder } from "./master.ts";
import type { PixelCache } from "./pixel_cache.ts";
import { PixelSample, readStrips } from "./strips.ts";

/** How masters are made. */
export interface MasterRecipe {
  readonly method: CombineMethod;
  readonly clipSigma: number;
  /** The master tree. */
  readonly root: string;
  /** `YYYYMMDD`. */
  readonly night: string;
  /** File name without `.fits`. */
  readonly id: string;
  readonly bias: Master | undefined;
  /** Of a flat: scaled to each of its exposures. */
  readonly dark: Master | undefined;
  readonly cache: PixelCache;
  readonly signal: AbortSignal;
}

const BITS = { bad: bit("BAD"), saturated: bit("SAT"), noData: bit("NO_DATA") };

/** A frame and the factor that brings it to the level of the master. */
export interface ScaledFrame {
  readonly frame: RawFrame;
  readonly scale: number;
}

/**
 * Makes a master and writes it to the master tree.
 *
 * Biases are combined as they are; darks without their bias; flats without bias
 * and dark, each divided by its median. Saturated pixels do not take part in a flat.
 *
 * @param group What it is for.
 * @param frames The frames, flats with the factor of {@linkcode measureFlat}.
 * @param recipe Method, place, masters it needs.
 * @returns The master.
 */
export async function makeMaster(
  group: FrameGroup,
  frames: readonly ScaledFrame[],
  recipe: MasterRecipe,
): Promise<Master> {
  const { width, height } = group.setup;
  const path = join(masterFolder(recipe.root, group.setup.unit, group.type), `${recipe.id}.fits`);
  const header = masterHeader(group, frames, recipe);
  await using writer = await createImage(path, { width, height, header });
  const sample = new PixelSample(width * height);
  const masters = await loadMasters(recipe);
  const options = { ...clipOptions(group, frames), ...recipe, variance: false };
  const paths = frames.map(({ frame }) => frame.product.path);
  for await (const { firstRow, strips } of readStrips(paths, recipe.signal)) {
    const mask = new Uint16Array(strips[0]?.length ?? 0);
    for (const [k, { frame, scale }] of frames.entries()) {
      reduceFrame(group, { frame, scale, strip: strips[k]!, mask, first: firstRow * width }, {
        ...masters,
        dark: recipe.dark,
      });
    }
    const { value } = clipStack(strips, options);
    sample.add(value);
    await writer.writeRows(value);
  }
  const level = median(sample.values);
  const sigma = mad(sample.values, level) * MAD_TO_SIGMA;
  if (!Number.isFinite(level)) throw allEmpty(group, recipe.id);
  writer.header.set("LEVEL", level).set("LEVELSIG", sigma);
  await writer.finish();
  const { type, setup, filter, exposureS } = group;
  const { night, id } = recipe;
  return { type, setup, filter, exposureS, night, id, path, level, sigma };
}

interface MasterPixels {
  readonly biasPixels: Float32Array | undefined;
  readonly darkPixels: Float32Array | undefined;
}

async function loadMasters(
  recipe: Pick<MasterRecipe, "bias" | "dark" | "cache">,
): Promise<MasterPixels> {
  return {
    biasPixels: recipe.bias && await recipe.cache.pixels(recipe.bias.path),
    darkPixels: recipe.dark && await recipe.cache.pixels(recipe.dark.path),
  };
}

/** Some rows of a frame of a group. */
interface FrameStrip extends ScaledFrame {
  readonly strip: Float32Array;
  /** Room as long as the strip; its content is lost. */
  readonly mask: Uint16Array;
  /** Index of the strip's first pixel in the image. */
  readonly first: number;
}

function reduceFrame(
  group: FrameGroup,
  { frame, scale, strip, mask, first }: FrameStrip,
  masters: MasterPixels & { readonly dark: Master | undefined },
): void {
  const end = first + strip.length;
  mask.fill(0);
  reduceStrip(strip, mask, {
    bias: masters.biasPixels?.subarray(first, end),
    dark: masters.darkPixels?.subarray(first, end),
    darkScale: darkScale(masters.dark, frame.product.exposureS ?? 0),
    saturation: frame.detector.saturationAdu,
    scale,
    bits: BITS,
  });
  if (group.type !== "flat") return;
  for (let i = 0; i < strip.length; i++) if (mask[i] !== 0) strip[i] = NaN;
}

/** The noise that samples have at least: read noise, and for flats that of their light. */
function clipOptions(
  group: FrameGroup,
  frames: readonly ScaledFrame[],
): { sigmaFloor: number; sigmaRelative: number } {
  const { gainEAdu, readNoiseE } = frames[0]!.frame.detector;
  const readNoiseAdu = Math.max(readNoiseE / gainEAdu, 0.5);
  if (group.type !== "flat") return { sigmaFloor: readNoiseAdu, sigmaRelative: 0 };
  const level = 1 / median(frames.map(({ scale }) => scale));
  const floor = Math.sqrt(level / gainEAdu + readNoiseAdu ** 2) / level;
  return { sigmaFloor: floor, sigmaRelative: 0 };
}

/** Limits on the level of a flat. */
export interface FlatLimits {
  /** ADU above bias and dark. */
  readonly minFlatAdu: number;
}

/**
 * Measures the level of one flat: its median without bias and dark, all pixels taken.
 *
 * @param group The group of the flat.
 * @param frame The flat.
 * @param recipe The masters that it needs.
 * @param limits What is too faint.
 * @returns The frame with the factor that brings it to 1.
 * @throws {DataError} If it is too faint or saturated.
 */
export async function measureFlat(
  group: FrameGroup,
  frame: RawFrame,
  recipe: Pick<MasterRecipe, "bias" | "dark" | "cache" | "signal">,
  limits: FlatLimits,
): Promise<ScaledFrame> {
  using reader: ImageReader = await openImage(frame.product.path);
  const pixels = await reader.readRows(0, reader.height);
  const masters = await loadMasters(recipe);
  const mask = new Uint16Array(pixels.length);
  reduceFrame(group, { frame, scale: 1, strip: pixels, mask, first: 0 }, {
    ...masters,
    dark: recipe.dark,
  });
  const saturated = mask.reduce((count, bits) => count + (bits === 0 ? 0 : 1), 0) / mask.length;
  const levelAdu = median(pixels, pixels);
  if (levelAdu >= limits.minFlatAdu && saturated < 0.5) return { frame, scale: 1 / levelAdu };
  const state = saturated >= 0.5
    ? `${Math.round(100 * saturated)} % of it is saturated`
    : `its level is ${levelAdu.toFixed(1)} ADU, below ${limits.minFlatAdu} ADU`;
  throw new DataError(`Cannot use flat "${frame.product.id}": ${state}`, {
    details: { file: frame.product.path, levelAdu, saturated, minFlatAdu: limits.minFlatAdu },
  });
}

function allEmpty(group: FrameGroup, id: string): DataError {
  return new DataError(
    `Cannot make master "${id}" (${describeGroup(group)}, ${sizeText(group.setup)}): ` +
      "no pixel has a usable sample",
  );
}
