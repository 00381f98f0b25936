/**
 * Reduces a light that must be trimmed, put together or unpacked, strip by strip.
 *
 * @module
 */

import { type ReduceOptions, reduceStrip } from "../../gpu/kernels/reduce/reduce.ts";
import type { RawImage } from "./raw_image.ts";

/** Reduced rows of a light. */
export interface LightStrip {
  readonly firstRow: number;
  /** `[rows, width]`, ADU. */
  readonly values: Float32Array;
  /** `[rows, width]`, bit planes. */
  readonly mask: Uint16Array;
}

/** How a light is cut and reduced. */
export interface StripReduction {
  /** Rows of a strip. */
  readonly step: number;
  /** Whole images of the masters. */
  readonly reduce: ReduceOptions;
  readonly signal: AbortSignal;
}

/**
 * Reduces a light.
 *
 * @param raw The open light.
 * @param reduction Masters and limits.
 * @returns Strips from the first rows to the last, each valid until the next is asked for.
 */
export async function* reduceStrips(
  raw: RawImage,
  { step, reduce, signal }: StripReduction,
): AsyncGenerator<LightStrip> {
  const { width, height } = raw;
  const pixels = new Float32Array(step * width);
  const planes = new Uint16Array(step * width);
  for (let firstRow = 0; firstRow < height; firstRow += step) {
    signal.throwIfAborted();
    const rows = Math.min(step, height - firstRow);
    const mask = planes.subarray(0, rows * width).fill(0);
    const values = await raw.readRows(firstRow, rows, pixels, mask);
    reduceStrip(values, mask, cutImages(reduce, firstRow * width, values.length));
    yield { firstRow, values, mask };
  }
}

/** The options with every image cut down to the pixels of a strip. */
export function cutImages<Options extends object>(
  options: Options,
  first: number,
  length: number,
): Options {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      value instanceof Float32Array ? value.subarray(first, first + length) : value,
    ]),
  ) as Options;
}
