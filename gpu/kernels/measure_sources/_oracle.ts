/**
 * What `measure_sources` computes, in plain TypeScript.
 *
 * @module
 */

import type { SourceImage } from "./measure_sources.ts";

/** Place and shape of a source. */
export interface Shape {
  readonly x: number;
  readonly y: number;
  readonly fwhmPx: number;
  readonly ellipticity: number;
}

/** The core of a source lies within so many pixels of its peak. */
const CORE_REACH = 12;
const FWHM_OF_SIGMA = 2.3548;

/**
 * Lays a Gaussian through the logarithm of the pixels above a third of the peak that hang together
 * with it along rows and columns, weighted with the square of the signal. Shape from the curvature
 * along both axes and the diagonal.
 *
 * @param image The image.
 * @param x0 Column of the peak.
 * @param y0 Its row.
 * @returns The shape; undefined where the core leaves the image, has no end, or is no peak.
 */
export function shapeOf(image: SourceImage, x0: number, y0: number): Shape | undefined {
  const { width, data } = image;
  const sky = image.skyAt(x0, y0);
  const reach = coreReach(image, x0, y0, sky);
  if (reach === undefined) return undefined;
  const floor = (data[y0 * width + x0]! - sky) / 3;
  // normal equations of ln I = c0 + c1 x + c2 y + c3 x² + c4 xy + c5 y²
  const sums = new Float64Array(6 * 7);
  let count = 0;
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const signal = data[(y0 + dy) * width + x0 + dx]! - sky;
      if (!(signal > floor) || dx * dx + dy * dy > reach * reach + 1) continue;
      addRow(sums, [1, dx, dy, dx * dx, dx * dy, dy * dy], Math.log(signal), signal * signal);
      count++;
    }
  }
  const c = count < 7 ? undefined : eliminate(sums);
  return c === undefined ? undefined : shapeFrom(c, x0, y0, reach);
}

/** How far the core reaches from its peak; undefined where it leaves the image or has no end. */
function coreReach(image: SourceImage, x: number, y: number, sky: number): number | undefined {
  const { width, height, data } = image;
  const most = Math.min(CORE_REACH, x, y, width - 1 - x, height - 1 - y);
  const floor = (data[y * width + x]! - sky) / 3;
  for (let reach = 1; reach <= most; reach++) {
    const around = data[y * width + x - reach]! + data[y * width + x + reach]! +
      data[(y - reach) * width + x]! + data[(y + reach) * width + x]!;
    if (around / 4 - sky < floor) return reach;
  }
  return undefined;
}

function addRow(sums: Float64Array, row: readonly number[], right: number, weight: number): void {
  for (let i = 0; i < 6; i++) {
    const w = weight * row[i]!;
    for (let j = 0; j < 6; j++) sums[i * 7 + j]! += w * row[j]!;
    sums[i * 7 + 6]! += w * right;
  }
}

/** Solves six equations by elimination with pivots; undefined when they do not determine anything. */
function eliminate(a: Float64Array): number[] | undefined {
  for (let i = 0; i < 6; i++) {
    let pivot = i;
    for (let r = i + 1; r < 6; r++) {
      if (Math.abs(a[r * 7 + i]!) > Math.abs(a[pivot * 7 + i]!)) pivot = r;
    }
    if (!(Math.abs(a[pivot * 7 + i]!) > 1e-12 * Math.abs(a[0]!))) return undefined;
    for (let c = 0; c < 7; c++) {
      [a[i * 7 + c], a[pivot * 7 + c]] = [a[pivot * 7 + c]!, a[i * 7 + c]!];
    }
    for (let r = 0; r < 6; r++) {
      if (r === i) continue;
      const factor = a[r * 7 + i]! / a[i * 7 + i]!;
      for (let c = i; c < 7; c++) a[r * 7 + c]! -= factor * a[i * 7 + c]!;
    }
  }
  return Array.from({ length: 6 }, (_, i) => a[i * 7 + 6]! / a[i * 7 + i]!);
}

function shapeFrom(c: readonly number[], x0: number, y0: number, reach: number): Shape | undefined {
  const [, c1, c2, c3, c4, c5] = c as [number, number, number, number, number, number];
  const determinant = 4 * c3 * c5 - c4 * c4;
  if (!(c3 < 0 && c5 < 0 && determinant > 0)) return undefined;
  const dx = (c4 * c2 - 2 * c5 * c1) / determinant, dy = (c4 * c1 - 2 * c3 * c2) / determinant;
  if (Math.hypot(dx, dy) > reach) return undefined;
  const mean = -(c3 + c5) / 2, split = Math.hypot((c3 - c5) / 2, c4 / 2);
  // exp(−mean r²): the axes have mean ± split
  const minor = 1 / Math.sqrt(2 * (mean + split)), major = 1 / Math.sqrt(2 * (mean - split));
  return {
    ...{ x: x0 + dx, y: y0 + dy, fwhmPx: FWHM_OF_SIGMA * Math.sqrt(minor * major) },
    ellipticity: 1 - minor / major,
  };
}

const CENTRE_ROUNDS = 3;

/**
 * The centre of light under a Gaussian window of the width of the stars, moved along until it rests.
 *
 * @param image The image.
 * @param x0 Where to begin, px.
 * @param y0 Where to begin, px.
 * @param fwhmPx Width of the stars.
 * @returns The centre; where it began when it runs away.
 */
export function windowedCentre(
  image: SourceImage,
  x0: number,
  y0: number,
  fwhmPx: number,
): { readonly x: number; readonly y: number } {
  const { width, height, data } = image;
  const sky = image.skyAt(x0, y0), reach = Math.ceil(1.5 * fwhmPx);
  const spread = 2 * (fwhmPx / FWHM_OF_SIGMA) ** 2;
  const left = Math.max(0, Math.round(x0) - reach), top = Math.max(0, Math.round(y0) - reach);
  const right = Math.min(width - 1, Math.round(x0) + reach);
  const bottom = Math.min(height - 1, Math.round(y0) + reach);
  const across = new Float64Array(right - left + 1);
  let x = x0, y = y0;
  for (let round = 0; round < CENTRE_ROUNDS; round++) {
    for (let k = 0; k < across.length; k++) across[k] = Math.exp(-((left + k - x) ** 2) / spread);
    let sum = 0, sumX = 0, sumY = 0;
    for (let row = top; row <= bottom; row++) {
      const down = Math.exp(-((row - y) ** 2) / spread);
      for (let k = 0; k < across.length; k++) {
        const value = data[row * width + left + k]!;
        if (value !== value) continue;
        const light = (value - sky) * down * across[k]!;
        sum += light;
        sumX += light * (left + k - x);
        sumY += light * (row - y);
      }
    }
    if (!(sum > 0)) break;
    // under a window of its own width the centre of a star has moved half way
    x += 2 * sumX / sum;
    y += 2 * sumY / sum;
  }
  return Math.hypot(x - x0, y - y0) < fwhmPx ? { x, y } : { x: x0, y: y0 };
}

/**
 * Sum above the sky of the pixels whose centres lie within a radius.
 *
 * @param image The image.
 * @param place Middle of the disc, px.
 * @param sky Level to take off, ADU.
 * @param radius px.
 * @returns The sum, the pixels, and whether none lies beyond the image.
 */
export function aperture(
  image: SourceImage,
  place: { readonly x: number; readonly y: number },
  sky: number,
  radius: number,
): { readonly sum: number; readonly count: number; readonly whole: boolean } {
  const { width, height, data } = image;
  let sum = 0, count = 0, whole = true;
  for (let row = Math.ceil(place.y - radius); row <= place.y + radius; row++) {
    for (let column = Math.ceil(place.x - radius); column <= place.x + radius; column++) {
      if ((column - place.x) ** 2 + (row - place.y) ** 2 > radius ** 2) continue;
      const inside = column >= 0 && row >= 0 && column < width && row < height;
      whole &&= inside;
      const value = inside ? data[row * width + column]! : NaN;
      if (Number.isNaN(value)) continue;
      sum += value - sky;
      count++;
    }
  }
  return { sum, count, whole };
}
