/**
 * Takes the detector out of rows of a frame on the chosen backend.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import {
  bytesOf,
  f32,
  type Kernel,
  type Param,
  type Pass,
  type Slot,
  type StripJob,
  u32,
} from "../../job.ts";
import { decodePass, storedBytes, type StoredLayout } from "../decode/decode.ts";
import { type EncodedRows, encodedSlots, encodePass } from "../encode/encode.ts";
import type { ReduceOptions } from "./reduce.ts";
import wgsl from "./reduce.wgsl" with { type: "text" };
import wasm from "./reduce.wasm.b64" with { type: "text" };

/** The kernel. */
export const REDUCE: Kernel = { name: "reduce", wgsl, wasm };

/** What is taken out of rows, and what is known of the detector. */
export interface ReduceRowsOptions extends ReduceOptions {
  /** `[rows, width]` bits that are known already, as of a bad-pixel mask. */
  readonly mask?: Uint16Array<ArrayBufferLike>;
  /** Raw values from this on, ADU, that are not saturated, are not linear. */
  readonly suspectAbove?: number;
  /** The bit they get. */
  readonly suspect?: number;
  /** Pixels with any of these bits become NaN; 0 if left out. */
  readonly nanBits?: number;
}

/** Rows of a raw frame. */
export interface RawRows {
  /** Pixels a row. */
  readonly width: number;
  /** How many rows. */
  readonly rows: number;
  /** `[rows, width]` as `layout` says. */
  readonly bytes: Uint8Array<ArrayBufferLike>;
  /** Pixels as in the file, big-endian; float32 of this machine if left out. */
  readonly layout?: StoredLayout;
}

/** Where the results go; every array is `[rows, width]`. */
export interface ReducedRows {
  /** ADU; NaN where the raw frame has no value, and by `nanBits`. Must not lie on an input. */
  readonly values: Float32Array<ArrayBufferLike>;
  /** Bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  /** The values as a FITS file has them. */
  readonly encoded?: EncodedRows;
}

const FLAGS = { bias: 1, dark: 2, flat: 4, mask: 8 } as const;
const OUTPUT_SLOT = 5;
const DECODED_SLOT = 7;
/** A NaN as a word. */
const NAN_BITS = 0x7fc00000;

/**
 * Reduces rows: `(raw − bias − darkScale · dark) · scale / flat`, in float32.
 *
 * The mask gets the bits of `reduceStrip()` and those given.
 *
 * @param compute Where.
 * @param raw The rows.
 * @param result Where the results go.
 * @param options Masters and limits.
 * @param signal Stops it.
 */
export async function reduceRows(
  compute: Compute,
  raw: RawRows,
  result: ReducedRows,
  options: ReduceRowsOptions,
  signal?: AbortSignal,
): Promise<void> {
  await compute.run(reduceJob(raw, result, options), signal);
}

function reduceJob(raw: RawRows, result: ReducedRows, options: ReduceRowsOptions): StripJob {
  const { width, rows, bytes, layout } = raw;
  const rowBytes = width * (layout === undefined ? 4 : storedBytes(layout));
  const slots: Slot[] = [
    { role: "input", rowBytes, bytes },
    ...[options.bias, options.dark, options.flat, options.mask].map((a) => slot("input", width, a)),
    ...[result.values, result.mask].map((a) => slot("output", width, a)),
    { role: "temporary", rowBytes: layout === undefined ? 0 : width * 4 },
    ...(result.encoded ? encodedSlots(width, result.encoded) : []),
  ];
  const reduce = reducePass([layout === undefined ? 0 : DECODED_SLOT, 1, 2, 3, 4, 5, 6], options);
  const decode = layout === undefined ? [] : [decodePass(layout, [0, DECODED_SLOT])];
  const encode = result.encoded ? [encodePass([OUTPUT_SLOT, 8, 9])] : [];
  return { label: "reduce", width, rows, slots, passes: [...decode, reduce, ...encode] };
}

/**
 * A pass that reduces rows and those about them.
 *
 * @param slots Values, bias, dark, flat, mask, and both results; one of no array where there is none.
 * @param options Limits.
 */
export function reducePass(slots: readonly number[], options: ReduceRowsOptions): Pass {
  const params = reduceParams(options);
  const shape = { rows: "all", sameRows: true, each: 2, scratchBytes: 512 } as const;
  return { kernel: REDUCE, entry: "reduceRows", slots, params, ...shape };
}

/** A slot of an array, or one that stands for none. */
export function slot(
  role: "input" | "output",
  width: number,
  array: Float32Array<ArrayBufferLike> | Uint16Array<ArrayBufferLike> | undefined,
): Slot {
  if (array === undefined) return { role: "temporary", rowBytes: 0 };
  const bytes = bytesOf(array);
  return { role, rowBytes: width * array.BYTES_PER_ELEMENT, bytes };
}

function reduceParams(options: ReduceRowsOptions): Param[] {
  const { bias, dark, flat, mask, bits } = options;
  const flags = (bias ? FLAGS.bias : 0) | (dark ? FLAGS.dark : 0) | (flat ? FLAGS.flat : 0) |
    (mask ? FLAGS.mask : 0);
  return [
    u32(flags),
    f32(options.darkScale ?? 1),
    f32(options.hotAbove ?? Infinity),
    f32(Math.max(options.flatBelow ?? 0, 2 ** -126)),
    f32(options.flatAbove ?? Infinity),
    f32(options.saturation ?? Infinity),
    f32(options.scale ?? 1),
    u32(bits.bad),
    u32(bits.saturated),
    u32(bits.noData),
    f32(options.suspectAbove ?? Infinity),
    u32(options.suspect ?? 0),
    u32(options.nanBits ?? 0),
    u32(NAN_BITS),
  ];
}
