/**
 * The mesh in fixed-point numbers: the same positions, bit by bit, on every backend.
 *
 * @module
 */

import type { CoordinateMesh } from "./mesh.ts";

/** Steps of a position: 2⁻¹⁶ px. */
const ONE = 65536;
/** Words of a node: x, y, area. */
const NODE_WORDS = 3;
/** Stands for x where there is no position. */
const NOWHERE = -(2 ** 31);
/** Positions beyond this lie outside of every frame. */
const FARTHEST_PX = 32000;

/** A mesh whose positions are right to 2⁻¹⁴ px. */
export interface FixedMesh {
  /** log2 of the distance of the nodes, target px. */
  readonly shift: number;
  /** Nodes along x. */
  readonly columns: number;
  /** Nodes along y. */
  readonly rows: number;
  /** `[rows, columns, 3]`: x and y in 2⁻¹⁶ px, and the bits of the area as float32. */
  readonly nodes: Int32Array<ArrayBufferLike>;
  /** Whether rows may be interpolated first, then columns: the frame is hardly turned or zoomed. */
  readonly separable: boolean;
}

/** Source px that a column of the target may run along x for one along y. */
const LARGEST_SHEAR = 1 / 64;
/** Neighbours lie one pixel apart in the source, but for so much. */
const LARGEST_ZOOM = 1 / 384;
/** log2 of the smallest step of a mesh that is worth it. */
const SMALLEST_SHIFT = 4;

/**
 * Rounds a mesh to fixed point.
 *
 * @param mesh One whose step is a power of two.
 * @returns The mesh, one node wider and higher, so that every pixel lies in a cell.
 */
export function fixedMesh(mesh: CoordinateMesh): FixedMesh {
  const columns = mesh.columns + 1;
  const rows = mesh.rows + 1;
  const nodes = new Int32Array(columns * rows * NODE_WORDS);
  const areas = new Float32Array(nodes.buffer);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = (row * columns + column) * NODE_WORDS;
      const near = Math.min(row, mesh.rows - 1) * mesh.columns + Math.min(column, mesh.columns - 1);
      const x = mesh.x[near]!;
      const y = mesh.y[near]!;
      const known = Math.abs(x) < FARTHEST_PX && Math.abs(y) < FARTHEST_PX; // not so for NaN
      nodes[at] = known ? Math.round(x * ONE) : NOWHERE;
      nodes[at + 1] = known ? Math.round(y * ONE) : NOWHERE;
      areas[at + 2] = known ? mesh.area[near]! : 0;
    }
  }
  return { shift: Math.log2(mesh.stepPx), columns, rows, nodes, separable: isSeparable(mesh) };
}

/**
 * Whether columns of the target cross the rows of the source nearly at right angles, and at distances
 * of nearly one pixel: the samples of a row then serve six rows of the target.
 */
function isSeparable({ stepPx, columns, rows, x, y }: CoordinateMesh): boolean {
  if (stepPx < 2 ** SMALLEST_SHIFT) return false;
  for (let row = 0; row < rows - 1; row++) {
    for (let a = row * columns; a < row * columns + columns - 1; a++) {
      const [down, right] = [a + columns, a + 1];
      const dy = y[down]! - y[a]!;
      const shear = (x[down]! - x[a]!) / dy;
      const across = (x[right]! - x[a]! - shear * (y[right]! - y[a]!)) / stepPx;
      const fits = Math.abs(shear) <= LARGEST_SHEAR && Math.abs(dy / stepPx) < 1.1 &&
        Math.abs(y[right]! - y[a]!) <= LARGEST_SHEAR * stepPx &&
        Math.abs(Math.abs(across) - 1) <= LARGEST_ZOOM;
      if (!fits && !Number.isNaN(across)) return false; // NaN has no pixels
    }
  }
  return true;
}

/**
 * The part of a mesh that some target rows need.
 *
 * @param mesh The whole mesh.
 * @param firstRow First target row.
 * @param rows How many.
 * @returns Its nodes, not copied, and the target row of the first of them.
 */
export function meshRows(
  mesh: FixedMesh,
  firstRow: number,
  rows: number,
): { readonly nodes: Int32Array<ArrayBufferLike>; readonly firstRow: number } {
  const first = firstRow >> mesh.shift;
  const last = ((firstRow + rows - 1) >> mesh.shift) + 1;
  const words = mesh.columns * NODE_WORDS;
  return {
    nodes: mesh.nodes.subarray(first * words, (last + 1) * words),
    firstRow: first << mesh.shift,
  };
}
