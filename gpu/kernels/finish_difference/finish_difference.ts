/**
 * Joins the masks of two images, one of which was convolved, and weighs their difference.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, type Kernel, rowNumbers, type Slot, u32 } from "../../job.ts";
import wgsl from "./finish_difference.wgsl" with { type: "text" };
import wasm from "./finish_difference.wasm.b64" with { type: "text" };

/** The kernel. */
export const FINISH: Kernel = { name: "finish_difference", wgsl, wasm };

/** Masks of two images that are held whole, `[height, width]`. */
export interface MaskPair {
  readonly width: number;
  readonly height: number;
  /** Of the image that was convolved. */
  readonly moved: Uint16Array<ArrayBufferLike>;
  /** Of the other one. */
  readonly still: Uint16Array<ArrayBufferLike>;
}

/** How masks are joined. */
export interface JoinMaskOptions {
  /** How far planes grow along either axis, px. */
  readonly reachPx: number;
  /** Planes of the convolved image that grow. */
  readonly carried: number;
  /** Plane of pixels within reach of the image's edge. */
  readonly edge: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Joins rows of two masks: planes of both, those of the convolved image grown to a square.
 *
 * @param compute Where.
 * @param masks The masks.
 * @param firstRow Which rows.
 * @param joined `[rows, width]`, filled.
 * @param options How.
 */
export async function joinMasks(
  compute: Compute,
  masks: MaskPair,
  firstRow: number,
  joined: Uint16Array<ArrayBufferLike>,
  options: JoinMaskOptions,
): Promise<void> {
  const { width, height, moved, still } = masks;
  const { reachPx, carried, edge, signal } = options;
  const rows = joined.length / width;
  const first = Math.max(0, firstRow - reachPx);
  const count = Math.min(height, firstRow + rows + reachPx) - first;
  const top = firstRow - first;
  const rowsOf = (mask: Uint16Array<ArrayBufferLike>): Slot => {
    const bytes = bytesOf(mask.subarray(first * width, (first + count) * width));
    return { role: "input", rowBytes: width * 2, bytes };
  };
  const params = [u32(reachPx), u32(carried), u32(0), u32(edge), u32(0), u32(height)];
  const padded = (width + 7) & ~7;
  await compute.run({
    ...{ label: "join masks", width, rows, top, bottom: count - top - rows, halo: reachPx },
    slots: [
      rowsOf(moved),
      rowNumbers(first, count),
      { role: "temporary", rowBytes: 16 + 2 * padded },
      rowsOf(still),
      { role: "output", rowBytes: width * 2, bytes: bytesOf(joined) },
    ],
    passes: [
      {
        ...{
          kernel: FINISH,
          entry: "growRows",
          slots: [0, 1, 2],
          params,
          rows: "all",
          each: "row",
        },
        scratchBytes: 2 * padded + 4 * reachPx + 32,
      },
      {
        ...{ kernel: FINISH, entry: "joinRows", slots: [2, 0, 3, 4], params, each: 2 },
        scratchBytes: 8 * reachPx + 64,
      },
    ],
  }, signal);
}

/** Rows of a difference as an engine gives them. */
export interface UnweighedRows {
  readonly width: number;
  /** `[rows, width]`, from {@linkcode joinMasks}. */
  readonly joined: Uint16Array<ArrayBufferLike>;
  /** `[rows, width]`; NaN where there is none. */
  readonly difference: Float32Array<ArrayBufferLike>;
  /** `[rows, width]`. */
  readonly variance: Float32Array<ArrayBufferLike>;
}

/** Rows as they are kept. */
export interface WeighedRows {
  /** `[rows, width]`, filled; 0 where there is none. */
  readonly difference: Float32Array<ArrayBufferLike>;
  /** `[rows, width]`, filled. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  /** Inverse variance, `[rows, width]`, filled; 0 where a pixel is unusable. */
  readonly weight: Float32Array<ArrayBufferLike>;
}

/** Planes that weighing looks at or sets. */
export interface WeighPlanes {
  /** Set where difference or variance are not finite. */
  readonly noData: number;
  /** Leave a pixel no weight. */
  readonly unusable: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Turns variance into inverse variance, and gaps into zeros with their plane.
 *
 * @param compute Where.
 * @param rows The difference.
 * @param into Filled.
 * @param planes Which planes.
 * @returns How many pixels have no weight.
 */
export async function weighDifference(
  compute: Compute,
  rows: UnweighedRows,
  into: WeighedRows,
  planes: WeighPlanes,
): Promise<number> {
  const { width } = rows;
  const none = new Uint32Array(1);
  const slot = (role: "input" | "output", array: Float32Array | Uint16Array): Slot => {
    return { role, rowBytes: width * array.BYTES_PER_ELEMENT, bytes: bytesOf(array) };
  };
  const inputs = [rows.joined, rows.difference, rows.variance].map((array) => slot("input", array));
  const outputs = [into.difference, into.mask, into.weight].map((array) => slot("output", array));
  await compute.run({
    ...{ label: "weigh", width, rows: rows.joined.length / width },
    slots: [...inputs, ...outputs, { role: "sum", rowBytes: 4, bytes: bytesOf(none) }],
    passes: [{
      ...{ kernel: FINISH, entry: "weighRows", slots: [0, 1, 2, 3, 4, 5, 6], each: 2 },
      params: [u32(0), u32(0), u32(planes.noData), u32(0), u32(planes.unusable)],
      scratchBytes: 160,
    }],
  }, planes.signal);
  return none[0]!;
}

/** Rows whose gaps shall be 0. */
export interface GapRows {
  readonly width: number;
  /** `[rows, width]`. */
  readonly values: Float32Array<ArrayBufferLike>;
  /** `[rows, width]`, bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
}

/**
 * Puts 0 where there is no value.
 *
 * @param compute Where.
 * @param rows The rows.
 * @param into `[rows, width]`, filled.
 * @param planes The plane of gaps.
 */
export async function zeroGaps(
  compute: Compute,
  rows: GapRows,
  into: Float32Array<ArrayBufferLike>,
  planes: Pick<WeighPlanes, "noData" | "signal">,
): Promise<void> {
  const { width, values, mask } = rows;
  await compute.run({
    ...{ label: "zero gaps", width, rows: values.length / width },
    slots: [
      { role: "input", rowBytes: width * 4, bytes: bytesOf(values) },
      { role: "input", rowBytes: width * 2, bytes: bytesOf(mask) },
      { role: "output", rowBytes: width * 4, bytes: bytesOf(into) },
    ],
    passes: [{
      ...{ kernel: FINISH, entry: "zeroRows", slots: [0, 1, 2] },
      params: [u32(0), u32(0), u32(planes.noData)],
    }],
  }, planes.signal);
}
