/**
 * Reduces a whole flat on the chosen backend to measure it.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { reduceRows } from "../../../gpu/kernels/reduce/reduce_rows.ts";
import { percentiles } from "../../../gpu/kernels/statistics/statistics.ts";
import { bit, countMasked } from "../../../sky/mask.ts";
import type { RawFrame } from "../frames/frame.ts";
import { darkScale } from "./master.ts";
import { floatsOf, type PlainFrames, shortsOf } from "../frames/plain_frames.ts";
import type { LoadedMasters } from "./reduce_frame.ts";
import { stripRows } from "../frames/strips.ts";

const BITS = { bad: bit("BAD"), saturated: bit("SAT"), noData: bit("NO_DATA") };
const UNFIT = bit("BAD", "SAT", "NO_DATA");

/** What is measured of a flat, and how. */
export interface FlatMeasures<Cells> {
  /** Median of the flat, ADU. */
  readonly levelAdu: number;
  /** Part of its pixels that are saturated. */
  readonly saturated: number;
  readonly cells: Cells;
}

/** Where and with what a flat is reduced. */
export interface FlatReduction<Cells> {
  readonly masters: LoadedMasters;
  readonly compute: Compute;
  readonly signal: AbortSignal;
  /** Measures cells of the reduced flat; must not change it. */
  readonly measure: (values: Float32Array) => Cells;
}

/**
 * Takes bias and dark out of a flat and measures it; saturated pixels do not take part.
 *
 * @param open The flat alone.
 * @param frame Its exposure and detector.
 * @param reduction Masters, backend, and what else to measure.
 */
export async function measurePlain<Cells>(
  open: PlainFrames,
  frame: RawFrame,
  reduction: FlatReduction<Cells>,
): Promise<FlatMeasures<Cells>> {
  const { width, height } = open;
  const { compute, signal } = reduction;
  using room = compute.allocate(width * height * 4);
  const values = floatsOf(room.bytes, width * height);
  const saturated = await reduceAll(open, frame, values, reduction);
  const [levelAdu = NaN] = await percentiles(compute, { width, values }, [0.5], signal);
  return { levelAdu, saturated: saturated / values.length, cells: reduction.measure(values) };
}

async function reduceAll(
  open: PlainFrames,
  frame: RawFrame,
  all: Float32Array,
  { masters, compute, signal }: Pick<FlatReduction<unknown>, "masters" | "compute" | "signal">,
): Promise<number> {
  const { width, height, pixelBytes, layout } = open;
  const step = stripRows(width, height, 4);
  using input = compute.allocate(step * width * pixelBytes);
  using marks = compute.allocate(step * width * 2);
  let saturated = 0;
  for (let firstRow = 0; firstRow < height; firstRow += step) {
    signal.throwIfAborted();
    const rows = Math.min(step, height - firstRow);
    const [from, to] = [firstRow * width, (firstRow + rows) * width];
    const bytes = await open.read(0, firstRow, rows, input.bytes);
    const values = all.subarray(from, to);
    const mask = shortsOf(marks.bytes, to - from);
    const bias = masters.biasPixels?.subarray(from, to);
    const dark = masters.darkPixels?.subarray(from, to);
    await reduceRows(compute, { width, rows, bytes, layout }, { values, mask }, {
      ...{ bias, dark, bits: BITS, nanBits: UNFIT },
      darkScale: darkScale(masters.dark, frame.product.exposureS ?? 0),
      saturation: frame.detector.saturationAdu,
    }, signal);
    saturated += countMasked(mask, BITS.saturated);
  }
  return saturated;
}
