/**
 * Circular apertures centred on a pixel, as lists of weighted pixels.
 *
 * @module
 */

/** The pixels of a circular aperture around a pixel, each with the part that lies inside. */
export interface Stencil {
  /** Offsets from the central pixel. */
  readonly dx: Int16Array;
  readonly dy: Int16Array;
  /** Covered part of each pixel, 0–1. */
  readonly weight: Float64Array;
  /** Sum of the weights, px. */
  readonly areaPx: number;
  /** Largest offset, px. */
  readonly halfPx: number;
}

const SUBPIXELS = 10;

/**
 * Makes the stencil of an aperture.
 *
 * @param diameterPx Diameter, px.
 * @returns Pixels with covered parts, from 10×10 subpixels each.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { stencilOf } from "./stencil.ts";
 * assert.ok(Math.abs(stencilOf(8).areaPx - Math.PI * 16) < 0.2);
 * ```
 */
export function stencilOf(diameterPx: number): Stencil {
  const radius = diameterPx / 2;
  const half = Math.ceil(radius + 0.5);
  const pixels: { dx: number; dy: number; weight: number }[] = [];
  for (let dy = -half; dy <= half; dy++) {
    for (let dx = -half; dx <= half; dx++) {
      const weight = coveredPart(dx, dy, radius);
      if (weight > 0) pixels.push({ dx, dy, weight });
    }
  }
  return {
    dx: Int16Array.from(pixels, (pixel) => pixel.dx),
    dy: Int16Array.from(pixels, (pixel) => pixel.dy),
    weight: Float64Array.from(pixels, (pixel) => pixel.weight),
    areaPx: pixels.reduce((sum, pixel) => sum + pixel.weight, 0),
    halfPx: half,
  };
}

/**
 * Sums an image over an aperture.
 *
 * @param data `[rows, width]` row-major.
 * @param width Pixels a row.
 * @param x Column of the central pixel; the aperture must lie inside in x.
 * @param y Row of the central pixel.
 * @param stencil The aperture.
 * @returns Weighted sum; NaN if a pixel is NaN or outside.
 */
export function sumStencil(
  data: Float32Array,
  width: number,
  x: number,
  y: number,
  stencil: Stencil,
): number {
  let sum = 0;
  for (let i = 0; i < stencil.weight.length; i++) {
    const index = (y + (stencil.dy[i] ?? 0)) * width + x + (stencil.dx[i] ?? 0);
    sum += (stencil.weight[i] ?? 0) * (data[index] ?? NaN);
  }
  return sum;
}

function coveredPart(dx: number, dy: number, radius: number): number {
  const distance = Math.hypot(dx, dy);
  if (distance > radius + 0.75) return 0;
  if (distance < radius - 0.75) return 1;
  let inside = 0;
  for (let i = 0; i < SUBPIXELS; i++) {
    for (let j = 0; j < SUBPIXELS; j++) {
      const x = dx + (i + 0.5) / SUBPIXELS - 0.5;
      const y = dy + (j + 0.5) / SUBPIXELS - 0.5;
      if (x * x + y * y <= radius * radius) inside++;
    }
  }
  return inside / (SUBPIXELS * SUBPIXELS);
}
