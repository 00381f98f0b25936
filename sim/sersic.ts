/**
 * Sérsic galaxies as sets of points of equal flux, so that one routine stamps
 * stars and galaxies and both are blurred by the same point-spread function.
 *
 * @module
 */

import type { Galaxy } from "./scene.ts";

/** The profile is cut off at this many half-light radii. */
const END_RADII = 6;
const STEPS = 3000;
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

const curves = new Map<number, Float64Array>();

/**
 * Points of equal flux that together have a galaxy's profile: a sunflower
 * spiral whose radii halve and halve again the light of the profile.
 *
 * @param galaxy Profile, size, shape and angle.
 * @param points How many.
 * @returns Offsets to the east and to the north, arcsec, flat `[points, 2]`.
 */
export function galaxyPoints(galaxy: Galaxy, points: number): Float64Array {
  const curve = growthCurve(galaxy.sersicIndex);
  const offsets = new Float64Array(2 * points);
  const sin = Math.sin(galaxy.angleRad), cos = Math.cos(galaxy.angleRad);
  for (let i = 0; i < points; i++) {
    const radius = galaxy.radiusArcsec * radiusOf(curve, (i + 0.5) / points);
    const along = radius * Math.cos(i * GOLDEN_ANGLE);
    const across = radius * Math.sin(i * GOLDEN_ANGLE) * galaxy.axisRatio;
    offsets[2 * i] = along * sin + across * cos;
    offsets[2 * i + 1] = along * cos - across * sin;
  }
  return offsets;
}

/**
 * How many points a galaxy needs to look smooth.
 *
 * @param radiusFwhm Half-light radius in units of the FWHM.
 * @returns Number of points.
 */
export function pointsFor(radiusFwhm: number): number {
  return Math.ceil(Math.min(1500, 24 + 60 * radiusFwhm * radiusFwhm));
}

/** Share of the light inside i steps of END_RADII/STEPS half-light radii. */
function growthCurve(index: number): Float64Array {
  const known = curves.get(index);
  if (known) return known;
  // Ciotti & Bertin 1999, equation 18.
  const b = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index * index);
  const curve = new Float64Array(STEPS + 1);
  for (let i = 0; i < STEPS; i++) {
    // Midpoint rule in the root of the radius: fine steps at the cusp.
    const root = (i + 0.5) / STEPS;
    const radius = END_RADII * root * root;
    curve[i + 1] = curve[i]! + Math.exp(-b * radius ** (1 / index)) * radius * root;
  }
  const total = curve[STEPS]!;
  for (let i = 0; i <= STEPS; i++) curve[i]! /= total;
  curves.set(index, curve);
  return curve;
}

/** The radius (in half-light radii) inside of which a share of the light lies. */
function radiusOf(curve: Float64Array, share: number): number {
  let low = 0, high = STEPS;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (curve[middle]! <= share) low = middle;
    else high = middle;
  }
  const part = (share - curve[low]!) / (curve[high]! - curve[low]!);
  return END_RADII * ((low + part) / STEPS) ** 2;
}
