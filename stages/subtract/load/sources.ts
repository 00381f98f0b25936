/**
 * Sources of an image: places, fluxes and shapes, as the choice of stars and of bare sky needs them.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { findPeaks, SMOOTHED_NOISE } from "../../../gpu/kernels/find_peaks/find_peaks.ts";
import { bit, UNUSABLE } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";
import { type Shape, shapeOf, type SourceImage, windowedCentre } from "./source_shape.ts";
import type { SourceList } from "./stars.ts";

/** The sources of an image and the width of its stars. */
export interface ImageSources {
  readonly list: SourceList;
  /** Full width at half maximum of the stars, px; NaN when fewer than three were found. */
  readonly fwhmPx: number;
}

/** The usual shape of the stars. */
type StarShape = Pick<Shape, "fwhmPx" | "ellipticity">;

/** A source stands so far above the sky, in units of the noise of the smoothed image. */
const DETECT_SIGMA = 5;
/** Peaks from here on are measured as what they may be: stars. */
const STAR_SIGMA = 12;
/** Stars of which the width is taken, at most, brightest first. */
const MOST_WIDTHS = 2000;

/** Flags as Source Extractor has them. */
const SATURATED = 4, TRUNCATED = 8, CORRUPTED = 64;

/**
 * Finds the sources of an image: maxima after light smoothing. Fluxes are sums within two FWHM above
 * the sky, signal to noise that within one FWHM; widths and ellipticities come from a Gaussian
 * laid through what is above a third of the peak.
 *
 * @param compute Where.
 * @param image The image.
 * @param signal Stops it.
 * @returns The sources; those too faint for a star's measurements have NaN for a width.
 */
export async function findSources(
  compute: Compute,
  image: SourceImage,
  signal?: AbortSignal,
): Promise<ImageSources> {
  const peaks = await findPeaks(compute, image, { sigmas: DETECT_SIGMA, signal });
  const count = peaks.x.length;
  const heights = Float64Array.from({ length: count }, (_, i) => {
    return smoothedAt(image, peaks.x[i]!, peaks.y[i]!) / image.sigmaAt(peaks.x[i]!, peaks.y[i]!);
  });
  const stars = stellarShape(image, peaks, heights);
  const { fwhmPx } = stars;
  const list = emptyList(count);
  for (let i = 0; i < count; i++) {
    const x = peaks.x[i]!, y = peaks.y[i]!;
    const faint = heights[i]! < STAR_SIGMA * SMOOTHED_NOISE || Number.isNaN(fwhmPx);
    const source = faint ? faintSource(image, x, y, heights[i]!) : measure(image, x, y, fwhmPx);
    for (const key of KEYS) list[key][i] = source[key];
  }
  return { list: { ...list, typicalEllipticity: stars.ellipticity }, fwhmPx };
}

const KEYS = ["x", "y", "flux", "fluxError", "fwhmPx", "ellipticity", "flags"] as const;

type Source = Record<(typeof KEYS)[number], number>;

function emptyList(count: number): Record<(typeof KEYS)[number], Float64Array> {
  const column = () => new Float64Array(count);
  return {
    ...{ x: column(), y: column(), flux: column(), fluxError: column(), fwhmPx: column() },
    ...{ ellipticity: column(), flags: column() },
  };
}

/** Mean of 3 × 3 pixels above the sky, ADU. */
function smoothedAt(image: SourceImage, x: number, y: number): number {
  let sum = 0, count = 0;
  for (let row = Math.max(0, y - 1); row <= Math.min(image.height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(image.width - 1, x + 1); column++) {
      const value = image.data[row * image.width + column]!;
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count - image.skyAt(x, y);
}

/** A source that is only known to be there: what its peak amounts to over nine pixels. */
function faintSource(image: SourceImage, x: number, y: number, height: number): Source {
  const sigma = image.sigmaAt(x, y);
  return {
    ...{ x, y, flux: 9 * height * sigma, fluxError: 3 * sigma },
    ...{ fwhmPx: NaN, ellipticity: NaN, flags: 0 },
  };
}

/** The median shape of the brightest third of the undamaged sources that are no rounder or longer than most. */
function stellarShape(
  image: SourceImage,
  peaks: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> },
  heights: Float64Array,
): StarShape {
  const bright = [...heights.keys()].filter((i) => heights[i]! >= STAR_SIGMA * SMOOTHED_NOISE);
  bright.sort((a, b) => heights[b]! - heights[a]!);
  const shapes: Shape[] = [];
  const wanted = Math.min(MOST_WIDTHS, Math.max(10, Math.ceil(bright.length / 3)));
  for (const i of bright) {
    if (shapes.length >= wanted) break;
    const x = peaks.x[i]!, y = peaks.y[i]!;
    if (planesNear(image, x, y, 2) & UNUSABLE) continue;
    const shape = shapeOf(image, x, y);
    if (shape !== undefined && shape.fwhmPx > 0.8) shapes.push(shape);
  }
  if (shapes.length < 3) return { fwhmPx: NaN, ellipticity: NaN };
  const ellipticity = median(shapes.map((shape) => shape.ellipticity));
  const usual = shapes.filter((shape) => Math.abs(shape.ellipticity - ellipticity) < 0.2);
  return { fwhmPx: median(usual.map((shape) => shape.fwhmPx)), ellipticity };
}

/** All planes of the pixels within a square. */
function planesNear(image: SourceImage, x: number, y: number, reach: number): number {
  const { width, height, mask } = image;
  let planes = 0;
  for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row++) {
    const end = Math.min(width - 1, x + reach);
    for (let column = Math.max(0, x - reach); column <= end; column++) {
      planes |= mask[row * width + column]!;
    }
  }
  return planes;
}

/** Measures what may be a star. */
function measure(image: SourceImage, x0: number, y0: number, fwhmPx: number): Source {
  const planes = planesNear(image, x0, y0, Math.ceil(fwhmPx));
  const shape = shapeOf(image, x0, y0);
  const { x, y } = windowedCentre(image, shape?.x ?? x0, shape?.y ?? y0, fwhmPx);
  const wide = aperture(image, x, y, 2 * fwhmPx), core = aperture(image, x, y, fwhmPx);
  const sigma = image.sigmaAt(x0, y0);
  const error = Math.sqrt(core.count * sigma ** 2 + Math.max(0, core.sum) / image.gainEAdu);
  const flags = (planes & bit("SAT") ? SATURATED : 0) | (wide.whole ? 0 : TRUNCATED) |
    (planes & UNUSABLE & ~bit("SAT") ? CORRUPTED : 0);
  return {
    ...{ x, y, flags, flux: wide.sum, fluxError: Math.abs(wide.sum) * error / Math.abs(core.sum) },
    ...{ fwhmPx: shape?.fwhmPx ?? NaN, ellipticity: shape?.ellipticity ?? NaN },
  };
}

/** Sum above the sky of the pixels whose centres lie within a radius. */
function aperture(
  image: SourceImage,
  x: number,
  y: number,
  radius: number,
): { readonly sum: number; readonly count: number; readonly whole: boolean } {
  const { width, height, data } = image;
  const sky = image.skyAt(x, y);
  const top = Math.ceil(y - radius), bottom = Math.floor(y + radius);
  let sum = 0, count = 0;
  let whole = top >= 0 && bottom < height;
  for (let row = Math.max(0, top); row <= Math.min(height - 1, bottom); row++) {
    const half = Math.sqrt(radius ** 2 - (row - y) ** 2);
    const left = Math.ceil(x - half), right = Math.floor(x + half);
    whole &&= left >= 0 && right < width;
    for (let column = Math.max(0, left); column <= Math.min(width - 1, right); column++) {
      const value = data[row * width + column]!;
      if (Number.isNaN(value)) continue;
      sum += value - sky;
      count++;
    }
  }
  return { sum, count, whole };
}
