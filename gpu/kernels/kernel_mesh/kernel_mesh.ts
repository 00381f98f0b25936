/**
 * A varying kernel at the nodes of a mesh, as the kernel's code takes it.
 *
 * @module
 */

import { type OpenedModule, openHere, Room } from "../../calling_thread.ts";
import {
  chebyshevAt,
  type KernelField,
  polynomialTerms,
  type SpatialKernels,
  spatialKernels,
} from "../convolve_varying/kernel_field.ts";
import wasm from "./kernel_mesh.wasm.b64" with { type: "text" };

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
  const taps = (half: number | undefined) => half === undefined ? 0 : (2 * half + 1) ** 2 + 3 & ~3;
  const stride = taps(halfPx) + taps(innerHalfPx);
  const nodes = meshNodes(spatial, { of, shift, columns, rows, stride, innerHalfPx });
  return {
    ...{ halfPx, shift, columns, nodes },
    ...(innerHalfPx === undefined ? {} : { innerHalfPx }),
  };
}

interface MeshShape extends Required<MeshOptions> {
  readonly shift: number;
  readonly columns: number;
  readonly rows: number;
  /** Float32 of a node. */
  readonly stride: number;
  readonly innerHalfPx: number | undefined;
}

/** The function of `kernel_mesh.as.ts`, which says what it does. */
type MeshRow = (
  ...args: [
    ...[images: number, v: number, u: number, order: number, nodes: number],
    ...[half: number, inner: number, what: number, stride: number, room: number, out: number],
  ]
) => void;

let opened: OpenedModule | undefined;

const OF = { kernel: 1, square: 2, both: 3 } as const;

/** `[rows, columns, stride]`: what varies along y is summed once for a row. */
function meshNodes(spatial: SpatialKernels, shape: MeshShape): Float32Array {
  const { order, width, height, halfPx } = spatial;
  const { columns, rows, stride, shift } = shape;
  const images = imagesByPower(spatial), terms = order + 1, taps = (2 * halfPx + 1) ** 2;
  const { exports, memory } = opened ??= openHere(wasm, 16);
  const meshRow = exports["meshRow"] as MeshRow, room = new Room(memory);
  const along = (count: number, pixels: number) => {
    const nodes = Array.from({ length: count }, (_, k) => chebyshevAt(k << shift, pixels, order));
    return room.putAll(nodes, terms);
  };
  const [at, u, v] = [room.put(images), along(columns, width), along(rows, height)];
  const sums = room.floats(taps * (terms + 1)), out = room.floats(columns * stride / 2);
  const line = room.floats32(out, columns * stride);
  const nodes = new Float32Array(rows * columns * stride);
  const half = [halfPx, shape.innerHalfPx ?? 0, OF[shape.of], stride] as const;
  for (let row = 0; row < rows; row++) {
    meshRow(at, v + 8 * row * terms, u, order, columns, ...half, sums, out);
    nodes.set(line, row * line.length);
  }
  return nodes;
}

/** The images of a kernel, their taps in reversed order: by the power of x, then by that of y. */
function imagesByPower({ order, images }: SpatialKernels): Float64Array {
  const taps = images[0]!.length;
  const sorted = new Float64Array(images.length * taps);
  for (let power = 0, at = 0; power <= order; power++) {
    for (let j = 0; power + j <= order; j++, at += taps) {
      sorted.set(images[polynomialTerms(power + j - 1) + j]!.toReversed(), at);
    }
  }
  return sorted;
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
