/**
 * How much of a frame's noise is left in a pixel after interpolation.
 *
 * @module
 */

import {
  kernelTable,
  PHASES,
  type ResampleKernel,
} from "../../../gpu/kernels/resample/kernel_table.ts";
import type { CoordinateMesh } from "../../../gpu/kernels/resample/mesh.ts";

/** Positions looked at along each side. */
const PROBES = 61;
/** Steps from one position to the next beyond whole cells: the phases fill the unit square evenly. */
const GOLDEN = [0.7548776662466927, 0.5698402909980532] as const;

/**
 * Variance of a pixel of the target over that of a pixel of the frame.
 *
 * A sample is a weighted sum of independent pixels times the area A it covers, so its variance is
 * A² Σw² of theirs, which depends on where between the pixels it lies. The mean over the target is
 * given: exact where a frame is only shifted, and right on the average over the beat of a turned or
 * stretched one. The noise that is missing in the pixel is in its covariance with its neighbours.
 *
 * @param mesh Positions of the target's pixels in the frame.
 * @param frame Size of the frame, px.
 * @param kernel Interpolation.
 * @returns The factor; 1 where the frame does not reach the target.
 */
export function interpolationNoise(
  mesh: CoordinateMesh,
  frame: { readonly width: number; readonly height: number },
  kernel: ResampleKernel,
): number {
  let sum = 0;
  let count = 0;
  for (let j = 0; j < PROBES; j++) {
    for (let i = 0; i < PROBES; i++) {
      // spread over the cells of the mesh and over the pixels of a cell
      const n = j * PROBES + i;
      const u = (i + n * GOLDEN[0] % 1) / PROBES * (mesh.columns - 1);
      const v = (j + n * GOLDEN[1] % 1) / PROBES * (mesh.rows - 1);
      const { x, y, area } = positionAt(mesh, u, v);
      if (!(x >= 0 && y >= 0 && x < frame.width && y < frame.height)) continue;
      sum += area ** 2 * sumOfSquares(kernel, x) * sumOfSquares(kernel, y);
      count++;
    }
  }
  return count === 0 ? 1 : sum / count;
}

/** At whole pixels of the target, as the stack is made. */
function positionAt(mesh: CoordinateMesh, u: number, v: number) {
  const { columns, rows, stepPx } = mesh;
  const [px, py] = [Math.round(u * stepPx), Math.round(v * stepPx)];
  const column = Math.min(Math.floor(px / stepPx), columns - 2);
  const row = Math.min(Math.floor(py / stepPx), rows - 2);
  const [s, t] = [px / stepPx - column, py / stepPx - row];
  const at = row * columns + column;
  const between = (nodes: Float64Array | Float32Array) =>
    (nodes[at]! * (1 - s) + nodes[at + 1]! * s) * (1 - t) +
    (nodes[at + columns]! * (1 - s) + nodes[at + columns + 1]! * s) * t;
  return { x: between(mesh.x), y: between(mesh.y), area: between(mesh.area) };
}

const squares = new Map<ResampleKernel, Float64Array>();

function sumOfSquares(kernel: ResampleKernel, position: number): number {
  let table = squares.get(kernel);
  const { taps, weights, offset } = kernelTable(kernel);
  if (table === undefined) {
    table = new Float64Array(PHASES + 1);
    for (let i = 0; i < weights.length; i++) table[Math.floor(i / taps)]! += weights[i]! ** 2;
    squares.set(kernel, table);
  }
  const place = position + offset;
  return table[Math.round((place - Math.floor(place)) * PHASES)]!;
}
