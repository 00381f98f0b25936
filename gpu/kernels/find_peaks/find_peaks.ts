/**
 * Local maxima of an image above its sky.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, rowNumbers, table, u32 } from "../../job.ts";
import wgsl from "./find_peaks.wgsl" with { type: "text" };
import wasm from "./find_peaks.wasm.b64" with { type: "text" };

/** The kernel. */
export const FIND_PEAKS: Kernel = { name: "find_peaks", wgsl, wasm };

/** An image that is held whole, and its sky. */
export interface PeakImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width]`, ADU; NaN counts as sky. */
  readonly data: Float32Array<ArrayBufferLike>;
  /** Level of the sky at a pixel, ADU. */
  readonly skyAt: (x: number, y: number) => number;
  /** Noise of the sky at a pixel, ADU. */
  readonly sigmaAt: (x: number, y: number) => number;
}

/** How peaks are found. */
export interface PeakOptions {
  /** A peak lies so far above the sky, in units of the noise of the smoothed image. */
  readonly sigmas: number;
  readonly signal?: AbortSignal | undefined;
}

/** Peaks by row, then by column. */
export interface Peaks {
  readonly x: Uint32Array;
  readonly y: Uint32Array;
}

/** Noise of white noise of 1 after smoothing: the sum of squares of the binomial of five, 70 / 256. */
export const SMOOTHED_NOISE = 70 / 256;

/** Rows of a strip. */
const ROWS = 512;
/** log2 of the distance of the nodes of the sky, px: a cell of the usual mesh. */
const SHIFT = 6;

/**
 * Finds the pixels that are the largest of 3 × 3 after smoothing by a binomial of 5 × 5 px, which a star
 * of 2 px FWHM or more survives; of equal neighbours the first. The outermost rows have none.
 *
 * The sky is bilinear between nodes 64 px apart; float32.
 *
 * @param compute Where.
 * @param image The image.
 * @param options Threshold.
 * @returns Where the peaks are.
 */
export async function findPeaks(
  compute: Compute,
  image: PeakImage,
  options: PeakOptions,
): Promise<Peaks> {
  const { width, height, data } = image;
  const sky = skyNodes(image);
  const most = Math.ceil(width / 2);
  const found: number[] = [];
  const rowPeaks = new Uint32Array(Math.min(ROWS, height) * (most + 1));
  for (let firstRow = 0; firstRow < height; firstRow += ROWS) {
    const rows = Math.min(ROWS, height - firstRow);
    const first = Math.max(0, firstRow - 3), end = Math.min(height, firstRow + rows + 3);
    const count = end - first, top = firstRow - first;
    const input = data.subarray(first * width, end * width);
    const peaks = rowPeaks.subarray(0, rows * (most + 1));
    const params = [
      ...[u32(SHIFT), u32(sky.columns), u32(sky.nodes.length / 2)],
      ...[f32(options.sigmas * SMOOTHED_NOISE), u32(most), u32(height)],
    ];
    await compute.run({
      ...{ label: "find peaks", width, rows, top, bottom: count - top - rows, halo: 3 },
      slots: [
        { role: "input", rowBytes: width * 4, bytes: bytesOf(input) },
        rowNumbers(first, count),
        table(sky.nodes),
        { role: "temporary", rowBytes: 16 + (((width + 3) & ~3) + 8) * 4 },
        { role: "output", rowBytes: (most + 1) * 4, bytes: bytesOf(peaks) },
      ],
      passes: [
        {
          ...{ kernel: FIND_PEAKS, entry: "smoothRows", slots: [0, 1, 2, 3], params, rows: "all" },
          each: "row",
          pieceRows: 32,
          scratchBytes: 128 + sky.columns * 8 + 6 * 4 * ((width + 3) & ~3) + 64,
        },
        { kernel: FIND_PEAKS, entry: "findPeaks", slots: [3, 4], params, each: width },
      ],
    }, options.signal);
    collect(peaks, firstRow, most, found);
  }
  const x = new Uint32Array(found.length / 2), y = new Uint32Array(found.length / 2);
  for (let i = 0; i < x.length; i++) {
    x[i] = found[2 * i]!;
    y[i] = found[2 * i + 1]!;
  }
  return { x, y };
}

function collect(peaks: Uint32Array, firstRow: number, most: number, into: number[]): void {
  for (let row = 0; row * (most + 1) < peaks.length; row++) {
    const at = row * (most + 1);
    for (let i = 1; i <= peaks[at]!; i++) into.push(peaks[at + i]!, firstRow + row);
  }
}

function skyNodes(image: PeakImage): { readonly columns: number; readonly nodes: Float32Array } {
  const { width, height } = image;
  const columns = (width >> SHIFT) + 2, rows = (height >> SHIFT) + 2;
  const nodes = new Float32Array(2 * rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = Math.min(width - 1, column << SHIFT), y = Math.min(height - 1, row << SHIFT);
      nodes[row * columns + column] = image.skyAt(x, y);
      nodes[(rows + row) * columns + column] = image.sigmaAt(x, y);
    }
  }
  return { columns, nodes };
}
