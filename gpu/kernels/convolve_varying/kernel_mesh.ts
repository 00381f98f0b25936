/**
 * A varying kernel at the nodes of a mesh, as the kernel's code takes it.
 *
 * @module
 */

import { type KernelField, type SpatialKernels, spatialKernels } from "./kernel_field.ts";

/** A kernel at the nodes of a mesh; bilinear between them, constant over a tile. */
export interface KernelMesh {
  /** Half side of the kernel, px. */
  readonly halfPx: number;
  /** Half side of the squared kernel beside it, px; undefined where there is none. */
  readonly innerHalfPx?: number;
  /** log2 of the distance of the nodes, px. */
  readonly shift: number;
  /** Nodes along x. */
  readonly columns: number;
  /**
   * `[rows, columns, taps]`: taps in reversed order, side² of the kernel and then of its square, each
   * part filled up to a multiple of four.
   */
  readonly nodes: Float32Array;
}

/** What a mesh holds. */
export interface MeshOptions {
  /** The kernel; its square, for the variance; or both. `kernel` if left out. */
  readonly of?: "kernel" | "square" | "both";
}

/** Nodes along the longer side at least: a quadratic variation is then right to 2/24² of itself. */
const NODES = 24;
/** The share of the squared kernel's sum that its box must hold; the sum itself is kept. */
const INNER_SHARE = 0.998;

/**
 * Evaluates a varying kernel at the nodes of a mesh, in float64.
 *
 * @param field The kernel.
 * @param options What of it.
 * @returns The mesh, float32.
 */
export function kernelMesh(field: KernelField, options: MeshOptions = {}): KernelMesh {
  const { of = "kernel" } = options;
  const { width, height, halfPx } = field;
  const spatial = spatialKernels(field);
  const shift = Math.max(3, Math.floor(Math.log2(Math.max(width, height) / NODES)));
  // a tile's middle may lie beyond the last pixel
  const columns = ((width + 64) >> shift) + 2, rows = ((height + 64) >> shift) + 2;
  const innerHalfPx = of === "both" ? innerHalf(spatial) : undefined;
  const side = 2 * halfPx + 1, innerSide = 2 * (innerHalfPx ?? 0) + 1;
  const outer = (side * side + 3) & ~3;
  const count = outer + (innerHalfPx === undefined ? 0 : (innerSide * innerSide + 3) & ~3);
  const nodes = new Float32Array(rows * columns * count);
  const kernel = new Float64Array(side * side);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = (row * columns + column) * count;
      spatial.at(column << shift, row << shift, kernel).reverse();
      if (of !== "square") nodes.set(kernel, at);
      if (of === "kernel") continue;
      for (let i = 0; i < kernel.length; i++) kernel[i]! *= kernel[i]!;
      if (innerHalfPx === undefined) nodes.set(kernel, at);
      else nodes.set(innerPart(kernel, halfPx, innerHalfPx), at + outer);
    }
  }
  return {
    ...{ halfPx, shift, columns, nodes },
    ...(innerHalfPx === undefined ? {} : { innerHalfPx }),
  };
}

/** Half side of the smallest box that holds nearly all of the squared kernel, at the middle and the corners. */
function innerHalf(spatial: SpatialKernels): number {
  const { width, height, halfPx } = spatial;
  const right = width - 1, top = height - 1;
  const places = [[right / 2, top / 2], [0, 0], [right, 0], [0, top], [right, top]] as const;
  return Math.max(
    1,
    ...places.map(([x, y]) => {
      const rings = new Float64Array(halfPx + 1);
      const side = 2 * halfPx + 1;
      spatial.at(x, y).forEach((value, i) => {
        const dx = Math.abs(i % side - halfPx), dy = Math.abs(Math.floor(i / side) - halfPx);
        rings[Math.max(dx, dy)]! += value * value;
      });
      const total = rings.reduce((a, b) => a + b, 0);
      let inside = 0;
      return rings.findIndex((ring) => (inside += ring) >= INNER_SHARE * total);
    }),
  );
}

/** The middle of a squared kernel, with the sum of the whole. */
function innerPart(square: Float64Array, halfPx: number, innerHalfPx: number): Float64Array {
  const side = 2 * halfPx + 1, innerSide = 2 * innerHalfPx + 1;
  const part = new Float64Array(innerSide * innerSide);
  let sum = 0;
  for (let i = 0; i < part.length; i++) {
    const row = Math.floor(i / innerSide) + halfPx - innerHalfPx;
    part[i] = square[row * side + (i % innerSide) + halfPx - innerHalfPx]!;
    sum += part[i]!;
  }
  const total = square.reduce((a, b) => a + b, 0);
  return sum > 0 ? part.map((value) => value * total / sum) : part;
}
