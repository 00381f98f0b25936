/**
 * A smooth surface through a mesh, along rows of an image.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, type Slot, table, u32 } from "../../job.ts";
import wgsl from "./spline_surface.wgsl" with { type: "text" };
import wasm from "./spline_surface.wasm.b64" with { type: "text" };

/** The kernel. */
export const SPLINE_SURFACE: Kernel = { name: "spline_surface", wgsl, wasm };

/** A bicubic spline through the centres of square cells; beyond the outer ones its outer piece goes on. */
export interface SplineNodes {
  /** Cells along x. */
  readonly columns: number;
  /** Cells along y. */
  readonly rows: number;
  /** Side of a cell. */
  readonly meshPx: number;
  /**
   * `[rows, columns, 4]`: the value, and sixths of its second derivatives along y, along x, and of the
   * second along x of the first; cells are one apart.
   */
  readonly nodes: Float32Array;
}

/** Rows that {@linkcode laySurface} fills. */
export interface SurfaceRows {
  /** Pixels a row. */
  readonly width: number;
  /** `[rows, width]`, filled. */
  readonly into: Float32Array<ArrayBufferLike>;
  /** Number of the first row in the image; 0 if left out. */
  readonly firstRow?: number | undefined;
  /** `[rows, width]`: what the surface is taken off; if left out the surface itself is wanted. Not `into`. */
  readonly image?: Float32Array<ArrayBufferLike> | undefined;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Evaluates a surface along rows, or takes it off an image.
 *
 * In float32: right to 4 · 2⁻²⁴ of the largest value near a pixel on the cpu, 32 · 2⁻²⁴ on a GPU.
 *
 * @param compute Where.
 * @param surface The surface.
 * @param rows What to fill; NaN in the image stays.
 */
export async function laySurface(
  compute: Compute,
  surface: SplineNodes,
  rows: SurfaceRows,
): Promise<void> {
  const { width, into, firstRow = 0, image, signal } = rows;
  const { columns, meshPx, nodes } = surface;
  const count = into.length / width;
  const numbers = Uint32Array.from({ length: count }, (_, i) => firstRow + i);
  await compute.run({
    label: "spline surface",
    width,
    rows: count,
    slots: [
      { role: "input", rowBytes: 4, bytes: bytesOf(numbers) },
      table(nodes),
      image === undefined
        ? { role: "temporary", rowBytes: 0 }
        : { role: "input", rowBytes: width * 4, bytes: bytesOf(image) },
      { role: "output", rowBytes: width * 4, bytes: bytesOf(into) },
    ] satisfies Slot[],
    passes: [{
      kernel: SPLINE_SURFACE,
      entry: "laySurface",
      slots: [0, 1, 2, 3],
      params: [u32(surface.rows), u32(columns), f32(meshPx), u32(image ? 1 : 0)],
      scratchBytes: (width + 8) * 4 + columns * 16,
    }],
  }, signal);
}
