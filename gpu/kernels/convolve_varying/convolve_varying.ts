/**
 * Convolution with a kernel that varies over the image.
 *
 * The kernel is evaluated at the centre of each tile and held constant within
 * it; the sums are float64.
 *
 * @module
 */

import { kernelAt, type KernelField } from "./kernel_field.ts";

/** How {@linkcode convolveVarying} works. */
export interface ConvolveOptions {
  /** First row to compute; 0 when left out. */
  readonly y0?: number;
  /** One past the last row to compute; the height when left out. */
  readonly y1?: number;
  /** Side of the squares over which the kernel is held constant, px; 32 when left out. */
  readonly tilePx?: number;
  /** Convolve with the square of the kernel, as variances are. */
  readonly squared?: boolean;
  /** Ends the work early when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Convolves an image with a kernel that varies over it.
 *
 * `out(x, y) = Σ K(x, y; dx, dy) · image(x − dx, y − dy)`. Beyond the border the
 * nearest pixel is repeated. NaN spreads over the footprint of the kernel: fill
 * gaps first.
 *
 * @param image `[field.height, field.width]`, row-major, ADU.
 * @param field The kernel; its width and height are those of the image.
 * @param options Rows to compute, side of the tiles.
 * @returns The rows `y0 … y1`, `[y1 − y0, width]`, row-major.
 */
export function convolveVarying(
  image: Float32Array,
  field: KernelField,
  options: ConvolveOptions = {},
): Float32Array {
  const { y0 = 0, y1 = field.height, tilePx = 32, squared = false, signal } = options;
  const { width, halfPx } = field;
  const size = 2 * halfPx + 1;
  const out = new Float32Array((y1 - y0) * width);
  const kernel = new Float64Array(size * size);
  const pad = new Float64Array((tilePx + 2 * halfPx + 3) * (tilePx + 2 * halfPx));
  // Tiles lie on a grid that starts at the image's origin, so strips give what one call gives.
  for (let top = Math.floor(y0 / tilePx) * tilePx; top < y1; top += tilePx) {
    signal?.throwIfAborted();
    const tileHeight = Math.min(tilePx, field.height - top);
    for (let left = 0; left < width; left += tilePx) {
      const tileWidth = Math.min(tilePx, width - left);
      kernelAt(field, left + (tileWidth - 1) / 2, top + (tileHeight - 1) / 2, kernel);
      kernel.reverse();
      if (squared) { for (let i = 0; i < kernel.length; i++) kernel[i]! *= kernel[i]!; }
      const from = Math.max(top, y0);
      const to = Math.min(top + tileHeight, y1);
      const tile = { left, top: from, width: tileWidth, height: to - from };
      const padWidth = fillPad(pad, image, field, tile);
      convolveTile(pad, padWidth, { kernel, size }, out.subarray((from - y0) * width), width, tile);
    }
  }
  return out;
}

interface Tile {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Copies a tile and its halo; three more columns let the inner loop go by fours. */
function fillPad(pad: Float64Array, image: Float32Array, field: KernelField, tile: Tile): number {
  const { halfPx, width, height } = field;
  const padWidth = tile.width + 2 * halfPx + 3;
  const rows = tile.height + 2 * halfPx;
  for (let row = 0; row < rows; row++) {
    const y = Math.min(height - 1, Math.max(0, tile.top + row - halfPx));
    const at = row * padWidth;
    for (let column = 0; column < padWidth; column++) {
      const x = Math.min(width - 1, Math.max(0, tile.left + column - halfPx));
      pad[at + column] = image[y * width + x]!;
    }
  }
  return padWidth;
}

/** Four neighbouring sums at a time: each sample and each weight is loaded once for four products. */
function convolveTile(
  pad: Float64Array,
  padWidth: number,
  reversed: { readonly kernel: Float64Array; readonly size: number },
  out: Float32Array,
  stride: number,
  tile: Tile,
): void {
  const { kernel, size } = reversed;
  for (let y = 0; y < tile.height; y++) {
    const row = y * stride + tile.left;
    for (let x = 0; x < tile.width; x += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let v = 0; v < size; v++) {
        let p = (y + v) * padWidth + x;
        let a = pad[p]!, b = pad[p + 1]!, c = pad[p + 2]!;
        p += 3;
        for (let k = v * size, end = k + size; k < end; k++, p++) {
          const d = pad[p]!, w = kernel[k]!;
          s0 += w * a;
          s1 += w * b;
          s2 += w * c;
          s3 += w * d;
          a = b;
          b = c;
          c = d;
        }
      }
      out[row + x] = s0;
      if (x + 1 < tile.width) out[row + x + 1] = s1;
      if (x + 2 < tile.width) out[row + x + 2] = s2;
      if (x + 3 < tile.width) out[row + x + 3] = s3;
    }
  }
}
