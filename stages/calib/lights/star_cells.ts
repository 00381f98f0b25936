/**
 * Finds where stars and their halos are, coarsely: in cells of a few pixels.
 *
 * @module
 */

import type { Size } from "../frames/section.ts";

/** Side of a cell, px. */
export const CELL_PX = 4;

/** Cells brighter than so many sigma of their mean are grown by so many cells. */
const GROWTH = [
  { sigma: 5, cells: 2 },
  { sigma: 40, cells: 8 },
] as const;

/**
 * Marks cells that hold the light of stars.
 *
 * @param sky `[height, width]`, ADU, sky taken off; NaN takes no part.
 * @param size Of the image.
 * @param sigma Noise of one pixel, ADU.
 * @returns 1 for cells with stars, `[ceil(height / 4), ceil(width / 4)]`.
 */
export function starCells(sky: Float32Array, size: Size, sigma: number): Uint8Array {
  const columns = Math.ceil(size.width / CELL_PX);
  const rows = Math.ceil(size.height / CELL_PX);
  const marked = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const brightness = cellBrightness(sky, size, column, row) / sigma;
      const reach = GROWTH.findLast((growth) => brightness > growth.sigma)?.cells;
      if (reach === undefined) continue;
      for (let v = Math.max(0, row - reach); v <= Math.min(rows - 1, row + reach); v++) {
        const from = v * columns + Math.max(0, column - reach);
        marked.fill(1, from, v * columns + Math.min(columns, column + reach + 1));
      }
    }
  }
  return marked;
}

/** Mean of a cell times the root of its pixels: in units of one pixel's noise it is its S/N. */
function cellBrightness(
  sky: Float32Array,
  { width, height }: Size,
  column: number,
  row: number,
): number {
  let [sum, count] = [0, 0];
  const right = Math.min(width, (column + 1) * CELL_PX);
  const top = Math.min(height, (row + 1) * CELL_PX);
  for (let y = row * CELL_PX; y < top; y++) {
    for (let x = column * CELL_PX; x < right; x++) {
      const value = sky[y * width + x]!;
      if (value === value) [sum, count] = [sum + value, count + 1];
    }
  }
  return count === 0 ? 0 : sum / Math.sqrt(count);
}
