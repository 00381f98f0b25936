/**
 * Raw rows to the rows of calibrated files in one job: what lies between never leaves the device.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { type Pass, type Slot, type StripJob, table } from "../../job.ts";
import { decodePass, storedBytes } from "../decode/decode.ts";
import {
  type InterpolateOptions,
  interpolatePass,
  WINDOW_PX,
  windowWeights,
} from "../interpolate/interpolate.ts";
import { type FinishedRows, finishPasses, SlotList, type WeighOptions } from "./finish_rows.ts";
import { type RawRows, reducePass, type ReduceRowsOptions, slot } from "./reduce_rows.ts";

/** Raw rows and those about them. */
export interface RawRowsAround extends RawRows {
  /** How many of the rows lie above the first that is wanted; 0 if left out. */
  readonly top?: number;
  /** How many lie below the last; 0 if left out. */
  readonly bottom?: number;
}

/** What is done to raw rows; images have as many rows above and below as the raw ones. */
export interface CalibrateOptions {
  /** Masters and limits. */
  readonly reduce: ReduceRowsOptions;
  /** Which pixels are filled from those about them; none if left out. */
  readonly repair?: InterpolateOptions | undefined;
  /** Of the weights; needed for them. */
  readonly weigh?: WeighOptions | undefined;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows above and below that a repaired row depends on. */
export const REPAIR_HALO = WINDOW_PX;

/**
 * Reduces, repairs, weighs and encodes rows, as `reduceRows()`, `interpolate()` and `finishRows()` do.
 *
 * @param compute Where.
 * @param raw The rows and, for a repair, {@linkcode REPAIR_HALO} rows about them where there are any.
 * @param result Filled, without the rows about.
 * @param options Masters, limits, weights.
 */
export async function calibrateRows(
  compute: Compute,
  raw: RawRowsAround,
  result: FinishedRows,
  options: CalibrateOptions,
): Promise<void> {
  await compute.run(calibrateJob(raw, result, options), options.signal);
}

function calibrateJob(
  { width, rows, bytes, layout, top = 0, bottom = 0 }: RawRowsAround,
  result: FinishedRows,
  { reduce, repair, weigh }: CalibrateOptions,
): StripJob {
  const list = new SlotList([
    { role: "input", rowBytes: width * (layout ? storedBytes(layout) : 4), bytes },
    ...[reduce.bias, reduce.dark, reduce.flat, reduce.mask].map((a) => slot("input", width, a)),
  ]);
  const passes: Pass[] = [];
  let from = 0;
  if (layout !== undefined) {
    from = list.add(temporary(width, 4))[0]!;
    passes.push(decodePass(layout, [0, from]));
  }
  let [values, mask] = list.add(temporary(width, 4), temporary(width, 2));
  passes.push(reducePass([from, 1, 2, 3, 4, values!, mask!], reduce));
  if (repair !== undefined) {
    const weights = table(windowWeights(repair));
    const [window, filled, planes] = list.add(weights, temporary(width, 4), temporary(width, 2));
    passes.push(interpolatePass([values!, mask!, window!, filled!, planes!], repair));
    [values, mask] = [filled, planes];
  }
  const finished = { width, values: values!, mask: mask! };
  passes.push(...finishPasses(list, finished, result, { weigh }));
  const shape = { rows: rows - top - bottom, top, bottom, halo: repair ? REPAIR_HALO : 0 };
  return { label: "calibrate", width, ...shape, slots: list.slots, passes };
}

function temporary(width: number, pixelBytes: number): Slot {
  return { role: "temporary", rowBytes: width * pixelBytes };
}
