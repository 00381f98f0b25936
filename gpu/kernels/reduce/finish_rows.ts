/**
 * Brings reduced rows into the form of their files: fringes off, weights, bytes and checksums.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { f32, type Param, type Pass, type Slot, type StripJob, u32 } from "../../job.ts";
import {
  type EncodedMask,
  type EncodedRows,
  encodedSlots,
  encodeMaskPass,
  encodePass,
  maskSlots,
} from "../encode/encode.ts";
import { REDUCE, slot } from "./reduce_rows.ts";

/** What the noise of a reduced pixel comes from. Every strip is `[rows, width]`. */
export interface WeighOptions {
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Electrons. */
  readonly readNoiseE: number;
  /** Master dark, ADU. */
  readonly dark?: Float32Array | undefined;
  /** Exposure of the frame over that of the dark; 1 if left out. */
  readonly darkScale?: number;
  /** Master flat around 1. */
  readonly flat?: Float32Array | undefined;
  /** Variance of the master bias, ADU²; NaN counts as 0. */
  readonly biasVariance?: Float32Array | undefined;
  /** Variance of the master dark, ADU²; NaN counts as 0. */
  readonly darkVariance?: Float32Array | undefined;
  /** Variance of the master flat; NaN counts as 0. */
  readonly flatVariance?: Float32Array | undefined;
  /** Pixels with any of these bits get weight 0. */
  readonly zeroBits: number;
}

/** Fringes of rows. */
export interface RowFringes {
  /** `[rows, width]`; NaN where it is not known, which leaves the pixel as it is. */
  readonly pattern: Float32Array;
  /** Factor on the pattern. */
  readonly scale: number;
}

/** Reduced rows. */
export interface UnfinishedRows {
  /** Pixels a row, at most 65 536. */
  readonly width: number;
  /** `[rows, width]`, ADU. */
  readonly values: Float32Array<ArrayBufferLike>;
  /** `[rows, width]`, bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
}

/** Rows as their files have them. */
export interface FinishedRows {
  /** The values, without the fringes. */
  readonly image: EncodedRows;
  /** The mask, and how many pixels have each bit. */
  readonly mask: EncodedMask;
  /** Inverse variances, ADU⁻²; filled if they are asked for. */
  readonly weight?: EncodedRows | undefined;
}

/** What is done besides, and what stops it. */
export interface FinishOptions {
  /** Of the weights; needed for them. */
  readonly weigh?: WeighOptions | undefined;
  /** What is taken off the values, after they were weighed. */
  readonly fringes?: RowFringes | undefined;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

const FLAGS = {
  dark: 2,
  flat: 4,
  biasVariance: 16,
  darkVariance: 32,
  flatVariance: 64,
} as const;

/**
 * Finishes rows.
 *
 * With s = `value · flat + darkScale · dark`, the light and dark current in ADU, the weight is one
 * over the variance
 *
 * `(max(s, 0) / gain + (readNoise / gain)² + V_bias + darkScale² · V_dark + value² · V_flat) / flat²`
 *
 * and 0 where that is no number or a pixel is of no use.
 *
 * @param compute Where.
 * @param rows The reduced rows.
 * @param result Filled.
 * @param options Weights and fringes.
 */
export async function finishRows(
  compute: Compute,
  rows: UnfinishedRows,
  result: FinishedRows,
  options: FinishOptions = {},
): Promise<void> {
  await compute.run(finishJob(rows, result, options), options.signal);
}

function finishJob(
  { width, values, mask }: UnfinishedRows,
  result: FinishedRows,
  options: FinishOptions,
): StripJob {
  const list = new SlotList([slot("input", width, values), slot("input", width, mask)]);
  const passes = finishPasses(list, { width, values: 0, mask: 1 }, result, options);
  return { label: "finish", width, rows: mask.length / width, slots: list.slots, passes };
}

/** The slots of a job while it is put together. */
export class SlotList {
  /** All slots so far. */
  readonly slots: Slot[];

  /** @param slots The first ones. */
  constructor(slots: readonly Slot[] = []) {
    this.slots = [...slots];
  }

  /** Adds slots; gives their indices. */
  add(...slots: readonly Slot[]): number[] {
    return slots.map((slot) => this.slots.push(slot) - 1);
  }
}

/**
 * The passes of {@linkcode finishRows}, for jobs that have made the rows themselves.
 *
 * @param list Gets the slots they need.
 * @param rows Slots of values and mask, without rows above.
 * @param result Filled.
 * @param options Weights and fringes, whose images have as many rows above and below as the job.
 */
export function finishPasses(
  list: SlotList,
  { width, values, mask }: Readonly<Record<"width" | "values" | "mask", number>>,
  result: FinishedRows,
  { weigh, fringes }: FinishOptions,
): Pass[] {
  const passes: Pass[] = [];
  const encode = (from: number, encoded: EncodedRows) => {
    const [raw, sums] = list.add(...encodedSlots(width, encoded));
    passes.push(encodePass([from, raw!, sums!]));
  };
  const temporary: Slot = { role: "temporary", rowBytes: width * 4 };
  if (weigh !== undefined && result.weight !== undefined) {
    const { dark, flat, biasVariance, darkVariance, flatVariance } = weigh;
    const masters = list.add(
      ...[dark, flat, biasVariance, darkVariance, flatVariance].map((a) => slot("input", width, a)),
    );
    const [weights] = list.add(temporary);
    passes.push(weighPass([values, mask, ...masters, weights!], weigh));
    encode(weights!, result.weight);
  }
  if (fringes === undefined) {
    encode(values, result.image);
  } else {
    const [pattern, clean] = list.add(slot("input", width, fringes.pattern), temporary);
    passes.push(fringePass([values, pattern!, clean!], fringes.scale));
    encode(clean!, result.image);
  }
  const encoded = list.add(...maskSlots(width, result.mask));
  return [...passes, encodeMaskPass([mask, ...encoded])];
}

function weighPass(slots: readonly number[], options: WeighOptions): Pass {
  const { gainEAdu, readNoiseE, zeroBits } = options;
  const flags = Object.entries(FLAGS)
    .reduce((sum, [name, flag]) => options[name as keyof typeof FLAGS] ? sum | flag : sum, 0);
  const params: Param[] = [
    u32(flags),
    f32(options.darkScale ?? 1),
    f32(1 / gainEAdu),
    f32((readNoiseE / gainEAdu) ** 2),
    u32(zeroBits),
  ];
  return { kernel: REDUCE, entry: "weighRows", slots, params, sameRows: true, scratchBytes: 64 };
}

function fringePass(slots: readonly number[], scale: number): Pass {
  return { kernel: REDUCE, entry: "subtractPattern", slots, params: [f32(scale)], sameRows: true };
}
