/**
 * Takes bias and dark out of the frames that a master is made from.
 *
 * @module
 */

import { reduceStrip } from "../../../gpu/kernels/reduce/reduce.ts";
import { bit } from "../../../sky/mask.ts";
import type { RawFrame } from "../frames/frame.ts";
import type { MasterType } from "../frames/groups.ts";
import { darkScale, type Master } from "./master.ts";
import type { PixelCache } from "../frames/pixel_cache.ts";

/** A frame and the factor that brings it to the level of the master. */
export interface ScaledFrame {
  readonly frame: RawFrame;
  readonly scale: number;
}

/** Masters that are taken out. */
export interface UsedMasters {
  readonly bias: Master | undefined;
  /** Of a flat: scaled to each of its exposures. */
  readonly dark: Master | undefined;
}

/** Masters and their pixels. */
export interface LoadedMasters extends UsedMasters {
  readonly biasPixels: Float32Array | undefined;
  readonly darkPixels: Float32Array | undefined;
}

/** Some rows of a frame. */
export interface FrameStrip extends ScaledFrame {
  /** Raw values; becomes the reduced ones. */
  readonly strip: Float32Array;
  /** What reading said of them. */
  readonly mask: Uint16Array;
  /** Index of the strip's first pixel in the image. */
  readonly first: number;
}

const BITS = { bad: bit("BAD"), saturated: bit("SAT"), noData: bit("NO_DATA") };
const UNFIT = bit("BAD", "SAT", "NO_DATA");

/** Reads the pixels of the masters that are taken out. */
export async function loadMasters(used: UsedMasters, cache: PixelCache): Promise<LoadedMasters> {
  return {
    bias: used.bias,
    dark: used.dark,
    biasPixels: used.bias && await cache.pixels(used.bias.path),
    darkPixels: used.dark && await cache.pixels(used.dark.path),
  };
}

/**
 * Reduces some rows of a frame in place.
 *
 * @param type Of a flat, saturated pixels become NaN.
 * @param rows The rows.
 * @param masters What is taken out.
 */
export function reduceFrame(type: MasterType, rows: FrameStrip, masters: LoadedMasters): void {
  const { frame, scale, strip, mask, first } = rows;
  const end = first + strip.length;
  reduceStrip(strip, mask, {
    bias: masters.biasPixels?.subarray(first, end),
    dark: masters.darkPixels?.subarray(first, end),
    darkScale: darkScale(masters.dark, frame.product.exposureS ?? 0),
    ...(frame.layout.plain ? { saturation: frame.detector.saturationAdu } : {}),
    scale,
    bits: BITS,
  });
  if (type !== "flat") return;
  for (let i = 0; i < strip.length; i++) if ((mask[i]! & UNFIT) !== 0) strip[i] = NaN;
}
