/**
 * A varying kernel at the nodes of a mesh, as the kernel's code takes it.
 *
 * @module
 */

import {
  chebyshevAt,
  type KernelField,
  polynomialTerms,
  type SpatialKernels,
  spatialKernels,
} from "./kernel_field.ts";

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
  const lines = new RowKernels(spatial);
  for (let row = 0, at = 0; row < rows; row++) {
    lines.cutAt(row << shift);
    for (let column = 0; column < columns; column++, at += count) {
      lines.at(column << shift, kernel);
      if (of !== "square") nodes.set(kernel, at);
      if (of === "kernel") continue;
      for (let i = 0; i < kernel.length; i++) kernel[i]! *= kernel[i]!;
      if (innerHalfPx === undefined) nodes.set(kernel, at);
      else setInnerPart(kernel, halfPx, innerHalfPx, nodes.subarray(at + outer));
    }
  }
  return {
    ...{ halfPx, shift, columns, nodes },
    ...(innerHalfPx === undefined ? {} : { innerHalfPx }),
  };
}

/** A kernel along a row, its taps in reversed order: what varies along y is summed once for all. */
class RowKernels {
  readonly #spatial: SpatialKernels;
  /** Reversed, `[order + 1][order + 1 - power]`: by the power of x, then by that of y. */
  readonly #images: Float64Array[][];
  readonly #sums: Float64Array[];

  constructor(spatial: SpatialKernels) {
    const { order, images } = spatial;
    this.#spatial = spatial;
    this.#images = Array.from({ length: order + 1 }, (_, power) => {
      return Array.from({ length: order + 1 - power }, (_, j) => {
        const degree = power + j;
        return images[polynomialTerms(degree - 1) + j]!.toReversed();
      });
    });
    this.#sums = this.#images.map(() => new Float64Array(images[0]!.length));
  }

  cutAt(y: number): void {
    const values = chebyshevAt(y, this.#spatial.height, this.#spatial.order);
    this.#images.forEach((images, power) => addUp(images, values, this.#sums[power]!));
  }

  at(x: number, into: Float64Array): void {
    addUp(this.#sums, chebyshevAt(x, this.#spatial.width, this.#spatial.order), into);
  }
}

function addUp(images: readonly Float64Array[], values: Float64Array, into: Float64Array): void {
  into.fill(0);
  for (let k = 0; k < images.length; k++) {
    const image = images[k]!, value = values[k]!;
    for (let i = 0; i < into.length; i++) into[i]! += value * image[i]!;
  }
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
function setInnerPart(
  square: Float64Array,
  halfPx: number,
  innerHalfPx: number,
  into: Float32Array,
): void {
  const side = 2 * halfPx + 1, from = halfPx - innerHalfPx, end = halfPx + innerHalfPx + 1;
  let sum = 0, total = 0;
  for (let i = 0; i < square.length; i++) total += square[i]!;
  for (let y = from; y < end; y++) {
    for (let x = from; x < end; x++) sum += square[y * side + x]!;
  }
  const factor = sum > 0 ? total / sum : 1;
  for (let y = from, k = 0; y < end; y++) {
    for (let x = from; x < end; x++) into[k++] = square[y * side + x]! * factor;
  }
}
