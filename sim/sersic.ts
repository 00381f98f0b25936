/**
 * Sérsic galaxies as sets of points, so that one routine stamps
 * stars and galaxies and both are blurred by the same point-spread function.
 *
 * @module
 */

import type { Galaxy } from "./scene.ts";

/** The profile is cut off at this many half-light radii. */
const END_RADII = 6;
const STEPS = 3000;
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

/** A galaxy's profile, size, shape and angle. */
type GalaxyShape = Pick<Galaxy, "sersicIndex" | "radiusArcsec" | "axisRatio" | "angleRad">;

const curves = new Map<number, GrowthCurve>();

/**
 * Points that together have a galaxy's profile: a sunflower spiral, dense where the light is and
 * never sparse elsewhere. Half of the points follow the light, half the area.
 *
 * @param galaxy Profile, size, shape and angle.
 * @param points How many.
 * @returns Offsets to the east and to the north, arcsec, and share of the light, flat `[points, 3]`.
 */
export function galaxyPoints(galaxy: GalaxyShape, points: number): Float64Array {
  const { light, mixed } = growthCurve(galaxy.sersicIndex);
  const offsets = new Float64Array(3 * points);
  const sin = Math.sin(galaxy.angleRad), cos = Math.cos(galaxy.angleRad);
  let inside = 0;
  for (let i = 0; i < points; i++) {
    const step = stepOf(mixed, (i + 0.5) / points) / STEPS;
    const radius = galaxy.radiusArcsec * END_RADII * step * step;
    const along = radius * Math.cos(i * GOLDEN_ANGLE);
    const across = radius * Math.sin(i * GOLDEN_ANGLE) * galaxy.axisRatio;
    const upTo = valueAt(light, stepOf(mixed, (i + 1) / points));
    offsets[3 * i] = along * sin + across * cos;
    offsets[3 * i + 1] = along * cos - across * sin;
    offsets[3 * i + 2] = upTo - inside;
    inside = upTo;
  }
  return offsets;
}

/**
 * How many points a galaxy needs to look smooth: two for each square of 0.8 FWHM.
 *
 * @param galaxy Its size and shape.
 * @param fwhmArcsec Of the point-spread function.
 * @returns Number of points.
 */
export function pointsFor(
  galaxy: Pick<Galaxy, "radiusArcsec" | "axisRatio">,
  fwhmArcsec: number,
): number {
  const area = Math.PI * (END_RADII * galaxy.radiusArcsec / fwhmArcsec) ** 2 * galaxy.axisRatio;
  return Math.ceil(Math.min(4000, Math.max(24, 2 * area / 0.64)));
}

/** Shares inside of i steps, of the light and of the mixture of light and area. */
interface GrowthCurve {
  readonly light: Float64Array;
  readonly mixed: Float64Array;
}

/** Steps are even in the root of the radius, so that they are fine at the cusp. */
function growthCurve(index: number): GrowthCurve {
  const known = curves.get(index);
  if (known) return known;
  // Ciotti & Bertin 1999, equation 18.
  const b = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index * index);
  const light = new Float64Array(STEPS + 1);
  for (let i = 0; i < STEPS; i++) {
    const root = (i + 0.5) / STEPS;
    const radius = END_RADII * root * root;
    light[i + 1] = light[i]! + Math.exp(-b * radius ** (1 / index)) * radius * root;
  }
  const total = light[STEPS]!;
  for (let i = 0; i <= STEPS; i++) light[i]! /= total;
  const mixed = light.map((share, i) => (share + (i / STEPS) ** 4) / 2);
  const curve = { light, mixed };
  curves.set(index, curve);
  return curve;
}

/** Where a growing curve reaches a share, in steps. */
function stepOf(curve: Float64Array, share: number): number {
  let low = 0, high = STEPS;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (curve[middle]! <= share) low = middle;
    else high = middle;
  }
  return low + (share - curve[low]!) / (curve[high]! - curve[low]!);
}

function valueAt(curve: Float64Array, step: number): number {
  const low = Math.min(STEPS - 1, Math.floor(step));
  return curve[low]! + (step - low) * (curve[low + 1]! - curve[low]!);
}
