/**
 * Reduces a light on the chosen backend, strip by strip.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import type { ReduceOptions } from "../../../gpu/kernels/reduce/reduce.ts";
import { reduceRows, type ReduceRowsOptions } from "../../../gpu/kernels/reduce/reduce_rows.ts";
import { bit } from "../../../sky/mask.ts";
import type { Detector } from "../frames/detector.ts";
import type { LightSource, SourcePlace, SourceRows } from "./light_source.ts";
import { StripPlaces } from "../frames/pipe_strips.ts";
import { floatsOf, shortsOf } from "../frames/plain_frames.ts";

/** Reduced rows of a light. */
export interface LightStrip {
  readonly firstRow: number;
  /** `[rows, width]`, ADU. */
  readonly values: Float32Array;
  /** `[rows, width]`, bit planes. */
  readonly mask: Uint16Array;
}

/** Where and how a light is reduced. */
export interface LightReduction {
  readonly detector: Detector;
  /** Whole images of the masters. */
  readonly reduce: Omit<ReduceOptions, "saturation">;
  readonly compute: Compute;
  readonly signal: AbortSignal;
}

/** Rows of a strip: long against the start of a job, short against the processor's cache. */
export const STRIP_ROWS = 64;

/** Room for one strip. */
interface Place extends SourcePlace {
  readonly values: Uint8Array;
  readonly mask: Uint8Array;
}

/**
 * Reduces a light; while a strip is in the caller's hands, the next is read and computed.
 *
 * @param source The open light.
 * @param reduction Masters, limits, backend.
 * @returns Strips from the first rows to the last, each valid until the next is asked for.
 */
export async function* reduceLight(
  source: LightSource,
  reduction: LightReduction,
): AsyncGenerator<LightStrip> {
  const { width, height, pixelBytes } = source;
  const { compute, signal } = reduction;
  const step = Math.min(STRIP_ROWS, height);
  const pixels = step * width;
  using places = new StripPlaces(compute, (room): Place => ({
    ...{ input: room(pixels * pixelBytes), known: room(pixels * 2) },
    ...{ values: room(pixels * 4), mask: room(pixels * 2) },
  }));
  const start = (firstRow: number): Promise<LightStrip> | undefined => {
    if (firstRow >= height) return undefined;
    const rows = Math.min(step, height - firstRow);
    const strip = reduceStripAt(
      source,
      { firstRow, rows },
      places.at(firstRow / step),
      reduction,
    );
    strip.catch(() => undefined); // awaited below
    return strip;
  };
  let pending = start(0);
  try {
    for (let firstRow = step; pending !== undefined; firstRow += step) {
      signal.throwIfAborted();
      const strip: LightStrip = await pending;
      pending = start(firstRow);
      yield strip;
    }
  } finally {
    await pending?.catch(() => undefined);
  }
}

async function reduceStripAt(
  source: LightSource,
  { firstRow, rows }: { readonly firstRow: number; readonly rows: number },
  place: Place,
  reduction: LightReduction,
): Promise<LightStrip> {
  const { width, layout } = source;
  const { compute, signal } = reduction;
  const [from, to] = [firstRow * width, (firstRow + rows) * width];
  const read = await source.read(firstRow, rows, place);
  const values = floatsOf(place.values, to - from);
  const mask = shortsOf(place.mask, to - from);
  const raw = { width, rows, bytes: read.bytes, ...(layout && { layout }) };
  await reduceRows(compute, raw, { values, mask }, optionsAt(reduction, read, from, to), signal);
  return { firstRow, values, mask };
}

/**
 * Masters and limits of some rows.
 *
 * @param reduction Of the light.
 * @param read The rows.
 * @param from Index of their first pixel in the image.
 * @param to Index behind their last.
 */
export function optionsAt(
  { detector, reduce }: Pick<LightReduction, "detector" | "reduce">,
  { mask }: SourceRows,
  from: number,
  to: number,
): ReduceRowsOptions {
  const limits = {
    saturation: detector.saturationAdu,
    suspectAbove: detector.suspectAdu,
    suspect: bit("SUSPECT"),
  };
  return {
    ...reduce,
    bias: reduce.bias?.subarray(from, to),
    dark: reduce.dark?.subarray(from, to),
    flat: reduce.flat?.subarray(from, to),
    ...(mask === undefined ? limits : { mask }),
  };
}
