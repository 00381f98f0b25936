/**
 * Sums over pairs of pixels of bare sky by their offset.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, rowNumbers, table, u32 } from "../../job.ts";
import wgsl from "./noise_products.wgsl" with { type: "text" };
import wasm from "./noise_products.wasm.b64" with { type: "text" };

/** The kernel. */
export const NOISE_PRODUCTS: Kernel = { name: "noise_products", wgsl, wasm };

/** An image, and where it shows bare sky; all `[height, width]`. */
export interface SkyImage {
  readonly width: number;
  readonly height: number;
  /** ADU. */
  readonly data: Float32Array<ArrayBufferLike>;
  /** Bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  /** 1 at pixels of bare sky. */
  readonly quiet: Uint8Array<ArrayBufferLike>;
  /** Level of the sky at a pixel, ADU. */
  readonly sky: (x: number, y: number) => number;
  /** Noise of the sky at a pixel, ADU. */
  readonly skySigma: (x: number, y: number) => number;
}

/** What is summed. */
export interface ProductOptions {
  /** Side of the square in the middle of the image that is looked at, px, at most. */
  readonly windowPx: number;
  /** Side of the squares over which the sky is held constant, px: a power of two from 4 on. */
  readonly blockPx: number;
  /** Planes of pixels that do not count. */
  readonly unusable: number;
  /** Pixels farther than this from the sky do not count, in its noise. */
  readonly mostPull: number;
  /** Largest offset, px. */
  readonly reachPx: number;
  /** Offsets up to here are summed over one of `nearStep` rows, others over one of `farStep`. */
  readonly nearPx: number;
  readonly nearStep: number;
  readonly farStep: number;
  readonly signal?: AbortSignal | undefined;
}

/** Sums by offset, `[2 · reachPx + 1, 2 · reachPx + 1]`, rows first; in units of the noise. */
export interface NoiseProducts {
  readonly sums: Float64Array;
  /** Pairs of pixels. */
  readonly counts: Float64Array;
}

/**
 * Multiplies the pulls of pairs of pixels of bare sky and adds up the products.
 *
 * @param compute Where.
 * @param image The image.
 * @param options Window, offsets.
 * @returns Sums and counts, float64; of each row in float32, by four lanes on the cpu and by
 * blocks of 32 pixels on a GPU: means of products are right to 1e-8 either way.
 */
export async function sumNoiseProducts(
  compute: Compute,
  image: SkyImage,
  options: ProductOptions,
): Promise<NoiseProducts> {
  const { width, height } = image;
  const { reachPx, windowPx } = options;
  const columns = Math.min(width, windowPx), lines = Math.min(height, windowPx);
  const side = 2 * reachPx + 1, offsets = (side * side + 1) / 2;
  const made = { sums: new Float64Array(side * side), counts: new Float64Array(side * side) };
  const rows = lines - 2 * reachPx;
  if (rows < 1 || columns <= 2 * reachPx) return made;
  const left = Math.floor((width - columns) / 2), top = Math.floor((height - lines) / 2);
  const sky = skyOfSquares(image, { left, top, columns, lines }, options.blockPx);
  const products = new Float32Array(rows * 2 * offsets);
  const rowsOf = (array: Float32Array | Uint16Array | Uint8Array) =>
    bytesOf(array.subarray(top * width, (top + lines) * width));
  const params = [
    ...[left, columns, Math.log2(options.blockPx), sky.across, sky.count, options.unusable].map(
      u32,
    ),
    f32(options.mostPull),
    ...[reachPx, options.nearPx, options.nearStep, options.farStep].map(u32),
  ];
  const each = { kernel: NOISE_PRODUCTS, params, each: "row" } as const;
  await compute.run({
    ...{
      label: "correlation of the noise",
      width,
      rows,
      halo: reachPx,
      top: reachPx,
      bottom: reachPx,
    },
    slots: [
      { role: "input", rowBytes: 4 * width, bytes: rowsOf(image.data) },
      { role: "input", rowBytes: 2 * width, bytes: rowsOf(image.mask) },
      { role: "input", rowBytes: width, bytes: rowsOf(image.quiet) },
      rowNumbers(0, lines),
      table(sky.values),
      { role: "temporary", rowBytes: 16 + 4 * ((columns + 3) & ~3) + 64 },
      { role: "output", rowBytes: 8 * offsets, bytes: bytesOf(products) },
    ],
    passes: [
      { ...each, entry: "pullRows", slots: [0, 1, 2, 3, 4, 5], rows: "all" },
      { ...each, entry: "sumProducts", slots: [5, 6], pieceRows: 16 },
    ],
  }, options.signal);
  for (let row = 0; row < rows; row++) {
    if (row % options.nearStep !== 0 && row % options.farStep !== 0) continue; // all 0
    for (let k = 0; k < offsets; k++) {
      made.sums[k]! += products[row * 2 * offsets + k]!;
      made.counts[k]! += products[(row * 2 + 1) * offsets + k]!;
    }
  }
  for (let k = 0; k < offsets; k++) {
    made.sums[side * side - 1 - k] = made.sums[k]!;
    made.counts[side * side - 1 - k] = made.counts[k]!;
  }
  return made;
}

/** Level and noise of the sky in the middle of each square of a window, `[2, rows, columns]`. */
function skyOfSquares(
  image: SkyImage,
  window: {
    readonly left: number;
    readonly top: number;
    readonly columns: number;
    readonly lines: number;
  },
  blockPx: number,
): { readonly across: number; readonly count: number; readonly values: Float32Array } {
  const across = Math.ceil(window.columns / blockPx);
  const count = across * Math.ceil(window.lines / blockPx);
  const values = new Float32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const x = window.left + Math.min(window.columns - 1, (i % across + 0.5) * blockPx);
    const y = window.top + Math.min(window.lines - 1, (Math.floor(i / across) + 0.5) * blockPx);
    values[i] = image.sky(x, y);
    values[count + i] = image.skySigma(x, y);
  }
  return { across, count, values };
}
