/**
 * Rings around bright stars in a difference.
 *
 * @module
 */

import { median } from "../../../sky/stats.ts";

/** What rings are measured on; all `[height, width]`. */
export interface RingImage {
  readonly width: number;
  readonly height: number;
  /** ADU. */
  readonly difference: Float32Array;
  /** Inverse variance, ADU⁻²; 0 where a pixel may not be used. */
  readonly weight: Float32Array;
}

/** Rings of 1 px around a star, from the innermost on. */
export interface Rings {
  /** Medians: a new source covers but a small part of a ring. ADU. */
  readonly levels: Float64Array;
  /** ADU; Infinity where fewer than half of the pixels may be used. */
  readonly errors: Float64Array;
}

/** A ring around a place, px; its outer edge does not belong to it. */
export interface RingPlace {
  readonly x: number;
  readonly y: number;
  readonly innerPx: number;
  readonly outerPx: number;
}

/** Told of a pixel: its index, how far it lies from the middle, and in which direction, px. */
export type VisitPixel = (i: number, radius: number, dx: number, dy: number) => void;

/**
 * Visits the pixels of a ring that lie within an image.
 *
 * @param size Of the image, px.
 * @param place The ring.
 * @param visit Told of each pixel.
 */
export function visitRings(
  { width, height }: Pick<RingImage, "width" | "height">,
  { x, y, innerPx, outerPx }: RingPlace,
  visit: VisitPixel,
): void {
  const inner = innerPx ** 2, outer = outerPx ** 2;
  const bottom = Math.min(height - 1, Math.floor(y + outerPx));
  for (let row = Math.max(0, Math.ceil(y - outerPx)); row <= bottom; row++) {
    const dy = row - y;
    const half = Math.sqrt(Math.max(0, outer - dy * dy));
    const left = Math.max(0, Math.ceil(x - half)), end = Math.min(width, Math.floor(x + half) + 1);
    const hole = Math.sqrt(Math.max(0, inner - dy * dy));
    const holeFrom = Math.max(left, Math.ceil(x - hole)), holeEnd = Math.floor(x + hole);
    for (let column = left; column < end; column++) {
      if (column === holeFrom && column < holeEnd) column = holeEnd;
      const dx = column - x, square = dx * dx + dy * dy;
      if (square >= inner && square < outer) visit(row * width + column, Math.sqrt(square), dx, dy);
    }
  }
}

/**
 * Measures rings of 1 px.
 *
 * @param image The difference.
 * @param place Where; a whole number of rings.
 * @returns Levels and errors, one a ring.
 */
export function ringsOf(image: RingImage, place: RingPlace): Rings {
  const { innerPx, outerPx } = place;
  const rings = Math.round(outerPx - innerPx);
  const variance = new Float64Array(rings);
  const all = new Uint32Array(rings), known = new Uint32Array(rings);
  const most = Math.ceil(8 * outerPx); // pixels of the widest ring
  const pixels = new Float32Array(rings * most);
  visitRings(image, place, (i, radius) => {
    const ring = Math.min(rings - 1, Math.floor(radius - innerPx));
    all[ring]!++;
    const weight = image.weight[i]!;
    if (weight === 0) return;
    pixels[ring * most + known[ring]!++] = image.difference[i]!;
    variance[ring]! += 1 / weight;
  });
  const errors = variance.map((sum, ring) => {
    const count = known[ring]!;
    return count > all[ring]! / 2 ? Math.sqrt(Math.PI / 2 * sum) / count : Infinity;
  });
  const levels = Float64Array.from(known, (count, ring) => {
    const own = pixels.subarray(ring * most, ring * most + count);
    return count > 0 ? median(own, own) : 0;
  });
  return { levels, errors };
}

/** Rings are followed outwards in so many parts at most, each as wide as where they begin. */
const MOST_PARTS = 7;
/** So many are looked at even so: what no star shows alone all may show together. */
const LEAST_PARTS = 2;

/**
 * Measures rings outwards until nothing shows any more.
 *
 * @param image The difference.
 * @param place The middle, px.
 * @param innerPx Where they begin.
 * @returns Levels and errors of as many rings as were looked at.
 */
export function followRings(
  image: RingImage,
  { x, y }: Pick<RingPlace, "x" | "y">,
  innerPx: number,
): Rings {
  const step = Math.ceil(innerPx);
  const levels: number[] = [], errors: number[] = [];
  for (let part = 0; part < MOST_PARTS; part++) {
    const from = innerPx + part * step;
    const rings = ringsOf(image, { x, y, innerPx: from, outerPx: from + step });
    levels.push(...rings.levels);
    errors.push(...rings.errors);
    if (part + 1 >= LEAST_PARTS && !shows(rings)) break;
  }
  return { levels: Float64Array.from(levels), errors: Float64Array.from(errors) };
}

/** Whether rings have light, or most of them are masked. */
function shows({ levels, errors }: Rings): boolean {
  let known = 0, chi2 = 0;
  for (let k = 0; k < levels.length; k++) {
    if (errors[k] === Infinity) continue;
    known++;
    chi2 += (levels[k]! / errors[k]!) ** 2;
  }
  return known < levels.length / 2 || chi2 > known + 4 * Math.sqrt(2 * known);
}

/**
 * The noise of a pixel where rings are quietest.
 *
 * @param rings As measured.
 * @param innerPx Where they begin.
 * @returns ADU; 0 where no ring is known.
 */
export function pixelNoise({ errors }: Rings, innerPx: number): number {
  // That of a median of n pixels is √(π / 2n) of it.
  const least = errors.reduce((least, error, k) => {
    return Math.min(least, error * 2 * Math.sqrt(innerPx + k + 0.5));
  }, Infinity);
  return least < Infinity ? least : 0;
}
