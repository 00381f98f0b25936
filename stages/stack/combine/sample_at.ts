/**
 * One sample of one frame, as the kernels of a stack see it.
 *
 * @module
 */

import {
  kernelTable,
  PHASES,
  type ResampleKernel,
} from "../../../gpu/kernels/resample/kernel_table.ts";
import { MASK_WEIGHT } from "../../../gpu/kernels/resample/resample.ts";
import type { SourceRows } from "../../../gpu/kernels/resample/resample_rows.ts";

/** Steps of the positions of a mesh: 2⁻¹⁶ px. */
const ONE = 65536;

/** Gives single samples of the rows of a frame. */
export class Sampler {
  readonly #source: SourceRows;
  readonly #pixels: Float32Array<ArrayBufferLike>;
  readonly #planes: Uint16Array<ArrayBufferLike>;
  readonly #areas: Float32Array;
  readonly #kernel: ResampleKernel;
  readonly #excluded: number;

  /**
   * @param source Rows that are ready.
   * @param kernel Interpolation.
   * @param excluded Planes whose pixels take no part.
   */
  constructor(source: SourceRows, kernel: ResampleKernel, excluded: number) {
    const { pixels, mask, mesh } = source;
    this.#source = source;
    this.#pixels = new Float32Array(pixels.buffer, pixels.byteOffset, pixels.byteLength >> 2);
    this.#planes = new Uint16Array(mask.buffer, mask.byteOffset, mask.byteLength >> 1);
    this.#areas = new Float32Array(
      mesh.nodes.buffer,
      mesh.nodes.byteOffset,
      mesh.nodes.length,
    );
    this.#kernel = kernel;
    this.#excluded = excluded | 0x8000; // pixels that could not be filled
  }

  /** Where a pixel of the target lies in the frame, px, and how many of its pixels it covers. */
  locate(px: number, py: number): readonly [x: number, y: number, area: number] {
    const { shift, columns, nodes } = this.#source.mesh;
    const step = 1 << shift;
    const at = ((py >> shift) * columns + (px >> shift)) * 3;
    const [u, v] = [(px & (step - 1)) / step, (py & (step - 1)) / step];
    const between = (values: Int32Array<ArrayBufferLike> | Float32Array, i: number) =>
      (values[at + i]! * (1 - u) + values[at + 3 + i]! * u) * (1 - v) +
      (values[at + 3 * columns + i]! * (1 - u) + values[at + 3 * columns + 3 + i]! * u) * v;
    return [between(nodes, 0) / ONE, between(nodes, 1) / ONE, between(this.#areas, 2)];
  }

  /** The sample at a pixel of the target, on the scale of the stack; NaN where there is none. */
  at(px: number, py: number): number {
    const { width, rows, firstRow, scale } = this.#source;
    const { taps, before, offset, weights } = kernelTable(this.#kernel);
    const [x, y, area] = this.locate(px, py);
    const [sx, sy] = [x + offset, y + offset - firstRow];
    const [ix, iy] = [Math.floor(sx), Math.floor(sy)];
    const [left, top] = [ix - before, iy - before];
    if (!(left >= 0 && left <= width - taps && top >= 0 && top <= rows - taps)) return NaN;
    const phaseX = Math.round((sx - ix) * PHASES) * taps;
    const phaseY = Math.round((sy - iy) * PHASES) * taps;
    let sum = 0;
    for (let j = 0; j < taps; j++) {
      for (let k = 0; k < taps; k++) {
        const i = (top + j) * width + left + k;
        const weight = weights[phaseY + j]! * weights[phaseX + k]!;
        if ((this.#planes[i]! & this.#excluded) !== 0 && Math.abs(weight) >= MASK_WEIGHT) {
          return NaN;
        }
        sum += weight * this.#pixels[i]!;
      }
    }
    return sum * area * scale;
  }
}
