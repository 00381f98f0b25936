/**
 * Fills pixels that cannot be used from usable ones around them.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, type Kernel, type Pass, type Slot, table, u32 } from "../../job.ts";
import wgsl from "./interpolate.wgsl" with { type: "text" };
import wasm from "./interpolate.wasm.b64" with { type: "text" };

/** The kernel. */
export const INTERPOLATE: Kernel = { name: "interpolate", wgsl, wasm };

/** How much a neighbour counts by its distance d, px. */
export type NeighbourWeights =
  /** exp(−d² / 2 σ²) */
  | { readonly gaussianSigmaPx: number }
  /** d to the power of −`inversePower`. */
  | { readonly inversePower: number };

/** Which pixels are filled, and how. */
export interface InterpolateOptions {
  /** Pixels with any of these bits are filled. */
  readonly bits: number;
  /** Pixels with any of these bits are not filled, but do not count as neighbours either; 0 if left out. */
  readonly avoid?: number | undefined;
  /** Bits that a filled pixel gets besides its own. */
  readonly mark: number;
  /** Bits that a pixel gets which cannot be filled. */
  readonly noData: number;
  /** A Gaussian of 0.5 px if left out: nearly the mean of the four nearest. */
  readonly weights?: NeighbourWeights | undefined;
  /** The window reaches so far, px; 2 if left out. The result depends on as many rows above and below. */
  readonly radiusPx?: number | undefined;
  /** Along the row a usable neighbour is looked for up to this far, px; 8 if left out. */
  readonly reachPx?: number | undefined;
}

/** Rows of an image with its mask. */
export interface MaskedRows {
  /** `[rows, width]`. */
  readonly values: Float32Array<ArrayBufferLike>;
  /** `[rows, width]` bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
}

/** Rows to fill, and what lies about them. */
export interface InterpolateRows extends MaskedRows {
  /** Pixels a row. */
  readonly width: number;
  /** How many of the rows lie above the first that is wanted; 0 if left out. */
  readonly top?: number | undefined;
  /** How many lie below the last; 0 if left out. */
  readonly bottom?: number | undefined;
}

/** Px that the window reaches if nothing else is said. */
export const WINDOW_PX = 2;
const REACH_PX = 8;
/**
 * Of laws tried on pixels of real frames whose value is known, the best beside stars; on bare sky its
 * error is 1.06 to 1.17 of the noise of a pixel, that of the mean of both neighbours in the row 1.2 to 1.3.
 */
const GAUSSIAN: NeighbourWeights = { gaussianSigmaPx: 0.5 };

/**
 * Weights of a window.
 *
 * @param options Their law and the window.
 * @returns `[2 radius + 1, 2 radius + 1]`, 0 in the middle; not normalised.
 */
export function windowWeights(
  { weights = GAUSSIAN, radiusPx = WINDOW_PX }: Pick<InterpolateOptions, "weights" | "radiusPx">,
): Float32Array {
  const side = 2 * radiusPx + 1;
  return Float32Array.from({ length: side * side }, (_, i) => {
    const d = Math.hypot(i % side - radiusPx, Math.floor(i / side) - radiusPx);
    if (d === 0) return 0;
    return "inversePower" in weights
      ? d ** -weights.inversePower
      : Math.exp(-d * d / 2 / weights.gaussianSigmaPx ** 2);
  });
}

/**
 * A pass that fills pixels, for jobs with a halo of the window's radius.
 *
 * @param slots Values, mask, {@linkcode windowWeights} as a table, and both results.
 * @param options What is filled.
 */
export function interpolatePass(
  slots: readonly [values: number, mask: number, weights: number, filled: number, planes: number],
  { bits, avoid = 0, mark, noData, radiusPx = WINDOW_PX, reachPx = REACH_PX }: InterpolateOptions,
): Pass {
  const params = [bits, bits | avoid, mark, noData, radiusPx, reachPx].map(u32);
  return { kernel: INTERPOLATE, entry: "interpolateRows", slots, params, each: 2 };
}

/**
 * Fills pixels of some planes.
 *
 * A pixel becomes the weighted mean of the usable ones in a window about it, where these surround it:
 * their weighted mean place is at most 0.45 px off in x and y. Else, as in wide bad columns, it is
 * interpolated between the nearest usable ones of its row; with one side within reach that one is
 * taken. What cannot be filled becomes NaN and gets `noData`. A neighbour is usable that is finite and
 * has none of `bits` and `avoid`; a NaN without these bits stays. In float64 on the cpu; on a GPU in
 * float32, right to 32 · 2⁻²⁴ of the values.
 *
 * @param compute Where.
 * @param rows The rows, and those about them that the window reaches. Not changed.
 * @param into Filled: the rows without those above and below.
 * @param options What is filled.
 * @param signal Stops it.
 */
export async function interpolate(
  compute: Compute,
  rows: InterpolateRows,
  into: MaskedRows,
  options: InterpolateOptions,
  signal?: AbortSignal,
): Promise<void> {
  const { width, values, mask, top = 0, bottom = 0 } = rows;
  const weights = windowWeights(options);
  const slots: Slot[] = [
    { role: "input", rowBytes: width * 4, bytes: bytesOf(values) },
    { role: "input", rowBytes: width * 2, bytes: bytesOf(mask) },
    table(weights),
    { role: "output", rowBytes: width * 4, bytes: bytesOf(into.values) },
    { role: "output", rowBytes: width * 2, bytes: bytesOf(into.mask) },
  ];
  await compute.run({
    label: "interpolate",
    width,
    rows: mask.length / width - top - bottom,
    top,
    bottom,
    halo: options.radiusPx ?? WINDOW_PX,
    slots,
    passes: [interpolatePass([0, 1, 2, 3, 4], options)],
  }, signal);
}
