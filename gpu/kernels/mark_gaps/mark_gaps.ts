/**
 * Decodes rows of an image with its mask, the bytes taken as they are in the files.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, type Pass, type Slot, u32 } from "../../job.ts";
import { decodePass, storedBytes, type StoredLayout } from "../decode/decode.ts";
import wgsl from "./mark_gaps.wgsl" with { type: "text" };
import wasm from "./mark_gaps.wasm.b64" with { type: "text" };

/** The kernel. */
export const MARK_GAPS: Kernel = { name: "mark_gaps", wgsl, wasm };

/** Rows as they were read. */
export interface StoredRows {
  readonly width: number;
  readonly rows: number;
  /** Bytes of the pixels, big-endian as `layout` tells; without a layout float32 of this machine. */
  readonly pixels: Uint8Array<ArrayBufferLike>;
  readonly layout?: StoredLayout | undefined;
  /** `[rows, width]` uint16 planes, if there is a mask. */
  readonly mask?: Uint8Array<ArrayBufferLike> | undefined;
  /** Whether the planes are big-endian with an offset of 32768, as in a FITS file. */
  readonly swapMask?: boolean;
}

/** Planes. */
export interface GapPlanes {
  /** Of pixels without a value. */
  readonly noData: number;
  /** Of pixels from `level` on, where there is no mask. */
  readonly saturated: number;
  /** ADU; Infinity for none. */
  readonly level: number;
  /** A pixel of a mask with all of `all` loses `drop`. */
  readonly conditional?: { readonly all: number; readonly drop: number };
}

/** Rows that are ready. */
export interface MarkedRows {
  /** `[rows, width]`, filled; NaN where there is no value. */
  readonly values: Float32Array<ArrayBufferLike>;
  /** `[rows, width]`, filled; `noData` exactly where `values` are NaN. */
  readonly mask: Uint16Array<ArrayBufferLike>;
}

/**
 * Decodes rows and joins image and mask: NaN and infinities become `noData`, and pixels that the mask
 * calls so NaN.
 *
 * @param compute Where.
 * @param stored The rows.
 * @param planes What is marked how.
 * @param into Filled.
 * @param signal Stops it.
 * @returns How many pixels have a value.
 */
export async function markGaps(
  compute: Compute,
  stored: StoredRows,
  planes: GapPlanes,
  into: MarkedRows,
  signal?: AbortSignal,
): Promise<number> {
  const { width, rows, layout } = stored;
  const count = new Uint32Array(1);
  const { all, drop } = planes.conditional ?? { all: 0, drop: 0 };
  const flags = (stored.mask ? 1 : 0) | (stored.swapMask ? 2 : 0);
  const slots: Slot[] = [
    { role: "input", rowBytes: width * (layout ? storedBytes(layout) : 4), bytes: stored.pixels },
    { role: "temporary", rowBytes: layout ? width * 4 : 0 },
    stored.mask
      ? { role: "input", rowBytes: width * 2, bytes: stored.mask }
      : { role: "temporary", rowBytes: 0 },
    { role: "output", rowBytes: width * 4, bytes: bytesOf(into.values) },
    { role: "output", rowBytes: width * 2, bytes: bytesOf(into.mask) },
    { role: "sum", rowBytes: 4, bytes: bytesOf(count) },
  ];
  const mark: Pass = {
    ...{ kernel: MARK_GAPS, entry: "markGaps", slots: [layout ? 1 : 0, 2, 3, 4, 5], each: 2 },
    scratchBytes: 96,
    params: [
      u32(flags),
      u32(planes.noData),
      u32(planes.saturated),
      f32(planes.level),
      u32(all),
      u32(drop),
    ],
  };
  const passes = layout ? [decodePass(layout, [0, 1]), mark] : [mark];
  await compute.run({ label: "mark gaps", width, rows, slots, passes }, signal);
  return count[0]!;
}
