/**
 * Sums over square cells of a difference.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, type Slot, u32 } from "../../job.ts";
import wgsl from "./cell_sums.wgsl" with { type: "text" };
import wasm from "./cell_sums.wasm.b64" with { type: "text" };

/** The kernel. */
export const CELL_SUMS: Kernel = { name: "cell_sums", wgsl, wasm };

/** A difference that is held whole, `[height, width]`. */
export interface CellPixels {
  readonly width: number;
  readonly height: number;
  readonly difference: Float32Array<ArrayBufferLike>;
  /** Inverse variance; where it is 0 a pixel takes no part. */
  readonly weight: Float32Array<ArrayBufferLike>;
  /** Pixels that take part; 0 for those that do not. */
  readonly quiet: Uint8Array<ArrayBufferLike>;
}

/** How {@linkcode sumCells} sums. */
export interface CellSumOptions {
  /** Side of a cell, px. */
  readonly cellPx: number;
  /** A pixel farther from the middle of its cell than so many of its standard deviations takes no part. */
  readonly clipSigma: number;
  /** `[rows, columns]`; 0 everywhere if left out. */
  readonly middles?: Float32Array | undefined;
  /** What is wanted besides; both if left out. What is not wanted is 0. */
  readonly also?: readonly ("variance" | "pulls")[];
  readonly signal?: AbortSignal | undefined;
}

/** Sums of cells, `[rows, columns]` each; those at the right and below may be cut off. */
export interface SummedCells {
  readonly columns: number;
  readonly rows: number;
  /** Pixels that took part. */
  readonly count: Float64Array;
  /** Of the difference. */
  readonly sum: Float64Array;
  /** Of its variance. */
  readonly variance: Float64Array;
  /** Of the difference over its noise. */
  readonly pulls: Float64Array;
  /** Of the squares of that. */
  readonly squares: Float64Array;
}

/** Means of the difference in cells, for a further cut about them; 0 where nothing took part. */
export function cellMiddles({ sum, count }: Pick<SummedCells, "sum" | "count">): Float32Array {
  return Float32Array.from(sum, (value, k) => value / Math.max(count[k]!, 1));
}

/** Threads of the shader for a cell. */
const CELL_THREADS = 256;

/**
 * Sums the pixels of cells: rows of a cell in float32, all of them in float64 on the cpu and in float32
 * on a GPU; the results are float32.
 *
 * @param compute Where.
 * @param image The difference.
 * @param options Side of a cell, limit.
 * @returns The sums.
 */
export async function sumCells(
  compute: Compute,
  image: CellPixels,
  options: CellSumOptions,
): Promise<SummedCells> {
  const { width, height } = image;
  const { cellPx, clipSigma, signal } = options;
  const columns = Math.ceil(width / cellPx), rows = Math.ceil(height / cellPx);
  const { also = ["variance", "pulls"] } = options;
  const wanted = (also.includes("variance") ? 1 : 0) | (also.includes("pulls") ? 2 : 0);
  const middles = options.middles ?? new Float32Array(rows * columns);
  const heights = Uint32Array.from(
    { length: rows },
    (_, row) => Math.min(cellPx, height - row * cellPx),
  );
  const found = new Float32Array(rows * columns * 5);
  const input = (rowBytes: number, array: ArrayBufferView<ArrayBufferLike>): Slot => {
    return { role: "input", rowBytes, bytes: bytesOf(array) };
  };
  const area = width * cellPx;
  await compute.run({
    ...{ label: "sum cells", width: area, rows },
    slots: [
      input(area * 4, image.difference),
      input(area * 4, image.weight),
      input(area, image.quiet),
      input(columns * 4, middles),
      input(4, heights),
      { role: "output", rowBytes: columns * 20, bytes: bytesOf(found) },
    ],
    passes: [{
      ...{ kernel: CELL_SUMS, entry: "cellSums", slots: [0, 1, 2, 3, 4, 5] },
      params: [u32(width), u32(cellPx), u32(columns), f32(clipSigma ** 2), u32(wanted)],
      ...{ each: area / (columns * CELL_THREADS), workgroup: CELL_THREADS, scratchBytes: 128 },
    }],
  }, signal);
  const column = (k: number) => Float64Array.from(middles, (_, i) => found[5 * i + k]!);
  return {
    ...{ columns, rows, count: column(0), sum: column(1), variance: column(2) },
    ...{ pulls: column(3), squares: column(4) },
  };
}
