/**
 * Stars cut out of two images, with the variance of each pixel.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f64, type Kernel, table, u32 } from "../../job.ts";
import { cutHere } from "./_cut_here.ts";
import wasm from "./cut_stars.wasm.b64" with { type: "text" };

/** The kernel; it has no shader, see {@linkcode cutStars}. */
export const CUT_STARS: Kernel = { name: "cut_stars", wasm };

/** An image to cut stars out of, `[height, width]`. */
export interface CutImage {
  /** ADU; NaN where there is no data. */
  readonly data: Float32Array;
  readonly mask: Uint16Array;
  /** Taken off it, ADU. */
  readonly skyAdu: number;
  readonly gainEAdu: number;
  /** Level and noise of the sky at a place, ADU. */
  readonly skyAt: (x: number, y: number) => number;
  readonly sigmaAt: (x: number, y: number) => number;
  /** With it the variance of the sky is `unit² / weight`. */
  readonly coverage?: { readonly weight: Float32Array; readonly unit: number };
}

/** What stars are cut out of, and how. */
export interface CutOptions {
  readonly width: number;
  readonly height: number;
  /** The image to be convolved; the one to be matched. */
  readonly images: readonly [sharp: CutImage, broad: CutImage];
  /** Share of the variance of the first that is counted to that of the difference. */
  readonly share: number;
  /** Planes of the masks that make a pixel unusable. */
  readonly unusable: number;
  /** Side of the cut-outs, px. */
  readonly side: number;
  /** Half side of the kernel, px: as far from their border nothing can be used. */
  readonly halfPx: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Cuts stars out of two images, with the variance of each pixel: of the sky, held constant over a star, and
 * of the photons of what stands above it by more than its noise in the pixel and in the mean of 3 × 3.
 * Beside a GPU they are cut by the calling thread: the images would have to go there for a few of their pixels.
 *
 * @param compute Where.
 * @param stars Places, px.
 * @param cutOuts `[stars, 4, side, side]`, filled: the images, 0 where they have no data; the variance of
 * their difference, 0 where a pixel may not be used; the variance of the first.
 * @param options The images.
 */
export async function cutStars(
  compute: Compute,
  stars: readonly { readonly x: number; readonly y: number }[],
  cutOuts: Float32Array<ArrayBufferLike>,
  options: CutOptions,
): Promise<void> {
  if (stars.length === 0) return;
  if (compute.backend.kind !== "cpu") return cutHere(stars, cutOuts, options);
  const { width, height, images, side, halfPx, share, unusable, signal } = options;
  const places = Float64Array.from(stars.flatMap(({ x, y }) => {
    const first = (at: number) => Math.round(at) - (side - 1) / 2;
    const skies = images.flatMap((image) => [image.skyAt(x, y), image.sigmaAt(x, y)]);
    return [first(x), first(y), ...skies];
  }));
  const none = new Float32Array(0);
  const numbers = images.flatMap(({ skyAdu, gainEAdu, coverage }) => {
    return [skyAdu, gainEAdu, coverage === undefined ? 0 : coverage.unit ** 2];
  });
  await compute.run({
    ...{ label: "cut-outs of stars", width: side * side, rows: stars.length },
    slots: [
      { role: "input", rowBytes: 48, bytes: bytesOf(places) },
      ...images.map(({ data }) => table(data)),
      ...images.map(({ mask }) => table(mask)),
      ...images.map(({ coverage }) => table(coverage?.weight ?? none)),
      { role: "output", rowBytes: 16 * side * side, bytes: bytesOf(cutOuts) },
    ],
    passes: [{
      ...{ kernel: CUT_STARS, entry: "cutStars", slots: [0, 1, 2, 3, 4, 5, 6, 7] },
      params: [
        ...[halfPx, side, width, height, unusable].map(u32),
        ...[...numbers, share].flatMap(f64),
      ],
      pieceRows: 8,
    }],
  }, signal);
}
