/**
 * Repairs and smooths the mesh of a background.
 *
 * @module
 */

import { median } from "./stats.ts";

/**
 * Gives cells without an estimate the mean of the nearest cells that have one.
 *
 * @param levels `[rows, columns]`; NaN is replaced in place.
 * @param sigmas `[rows, columns]`; replaced where the level is.
 * @param columns Cells along x.
 */
export function fillHoles(levels: Float64Array, sigmas: Float64Array, columns: number): void {
  const good = [...levels.keys()].filter((i) => !Number.isNaN(levels[i]!));
  if (good.length === 0 || good.length === levels.length) return;
  const place = (i: number) => [i % columns, Math.floor(i / columns)] as const;
  const fill: [cell: number, level: number, sigma: number][] = [];
  for (let i = 0; i < levels.length; i++) {
    if (!Number.isNaN(levels[i]!)) continue;
    const [x, y] = place(i);
    let nearest = Infinity;
    let [level, sigma, count] = [0, 0, 0];
    for (const k of good) {
      const [kx, ky] = place(k);
      const distance = (kx - x) ** 2 + (ky - y) ** 2;
      if (distance > nearest) continue;
      if (distance < nearest) [nearest, level, sigma, count] = [distance, 0, 0, 0];
      level += levels[k]!;
      sigma += sigmas[k]!;
      count++;
    }
    fill.push([i, level / count, sigma / count]);
  }
  for (const [cell, level, sigma] of fill) {
    levels[cell] = level;
    sigmas[cell] = sigma;
  }
}

/**
 * Takes the median over a square of cells, which shrinks symmetrically at the edges.
 *
 * @param levels `[rows, columns]`. Not changed.
 * @param sigmas `[rows, columns]`. Not changed.
 * @param columns Cells along x.
 * @param rows Cells along y.
 * @param size Side of the square, odd.
 * @returns Filtered copies.
 */
export function medianFilter(
  levels: Float64Array,
  sigmas: Float64Array,
  columns: number,
  rows: number,
  size: number,
): { levels: Float64Array; sigmas: Float64Array } {
  const half = Math.floor(size / 2);
  const out = { levels: levels.slice(), sigmas: sigmas.slice() };
  for (let y = 0; y < rows; y++) {
    const ry = Math.min(half, y, rows - 1 - y);
    for (let x = 0; x < columns; x++) {
      const rx = Math.min(half, x, columns - 1 - x);
      const near: number[] = [];
      for (let dy = -ry; dy <= ry; dy++) {
        for (let dx = -rx; dx <= rx; dx++) near.push((y + dy) * columns + x + dx);
      }
      out.levels[y * columns + x] = median(near.map((i) => levels[i]!));
      out.sigmas[y * columns + x] = median(near.map((i) => sigmas[i]!));
    }
  }
  return out;
}
