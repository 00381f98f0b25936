/**
 * Light smoothing of an image.
 *
 * @module
 */

/**
 * The mean of the 3 × 3 pixels around a place, of those within the image that have data.
 *
 * @param data `[height, width]`; NaN where there is no data.
 * @param i Index of the pixel in the middle.
 * @param width Columns.
 * @param height Rows.
 * @returns NaN where none has data.
 */
export function meanAround(data: Float32Array, i: number, width: number, height: number): number {
  const x = i % width, y = (i - x) / width;
  let sum = 0, count = 0;
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
      const value = data[row * width + column]!;
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
    }
  }
  return sum / count;
}
