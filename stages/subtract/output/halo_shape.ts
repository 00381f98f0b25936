/**
 * The halo of one star as it lies on a difference.
 *
 * @module
 */

import { solveScaled } from "../fit/linear_system.ts";
import { type RingImage, type RingPlace, visitRings } from "./halo_rings.ts";

/** Where a halo lies and how much light it has. */
export interface StarHalo {
  readonly place: RingPlace;
  /** Light of the rings of 1 px from `place.innerPx` on, ADU. */
  readonly values: Float64Array;
  readonly shape: HaloShape;
}

/**
 * How a halo differs from its rings: a shift along x and y, px; stretches along the axes and the
 * diagonals, a gain, and what it gains with the logarithm of the radius, all in units of itself.
 */
export type HaloShape = readonly [number, number, number, number, number, number];

/** Nothing but rings. */
export const ROUND: HaloShape = [0, 0, 0, 0, 0, 0];

const TERMS = ROUND.length;
/** How large each term may well be. */
const EXPECTED: HaloShape = [2, 2, 0.5, 0.5, 1, 1];
/** The first four terms, shifts and stretches, are this many times their error, or nothing. */
const SIGNIFICANT = 4;
const MAY_BE_NOTHING = 4;
/** Pixels farther than this from the halo, in their noise, show something else, */
const CLIP_SIGMA = 4;
/** unless that is less than this part of the halo. */
const CLIP_SHARE = 0.5;
/** No shape follows a halo more closely than this: the innermost pixels do not decide alone. */
const LIKENESS = 0.1;

/** Linear between the middles of the rings; `from` counts from where they begin, px. */
function lightOf(values: Float64Array, from: number): number {
  const at = from - 0.5, k = Math.max(0, Math.floor(at));
  const here = values[k] ?? 0;
  return here + (at - k) * ((values[k + 1] ?? 0) - here);
}

/** What a halo gains by each term of its shape. */
function termsAt(
  { place: { innerPx }, values }: Omit<StarHalo, "shape">,
  radius: number,
  dx: number,
  dy: number,
  into: Float64Array,
): Float64Array {
  const from = radius - innerPx, light = lightOf(values, from);
  const fall = from < 1 ? 0 : lightOf(values, from - 0.5) - lightOf(values, from + 0.5);
  const cos = dx / radius, sin = dy / radius;
  into[0] = fall * cos;
  into[1] = fall * sin;
  into[2] = light * (cos * cos - sin * sin);
  into[3] = light * 2 * cos * sin;
  into[4] = light;
  into[5] = light * Math.log(radius / innerPx);
  return into;
}

const ROOM = new Float64Array(TERMS);

/**
 * The light of a halo in a pixel.
 *
 * @param halo Of a star.
 * @param radius How far from its place, px; not within its innermost ring.
 * @param dx In which direction, px.
 * @param dy The same along the other axis.
 * @returns ADU.
 */
export function haloLight(halo: StarHalo, radius: number, dx: number, dy: number): number {
  let light = lightOf(halo.values, radius - halo.place.innerPx);
  if (halo.shape === ROUND) return light;
  const terms = termsAt(halo, radius, dx, dy, ROOM);
  for (let k = 0; k < TERMS; k++) light += halo.shape[k]! * terms[k]!;
  return light;
}

/**
 * Measures by least squares over its pixels how a halo differs from its rings.
 *
 * @param image The difference.
 * @param halo Its place and rings.
 * @returns The shape; nothing where no pixel is known.
 */
export function shapeOf(image: RingImage, halo: Omit<StarHalo, "shape">): HaloShape {
  const matrix = new Float64Array(TERMS * TERMS), vector = new Float64Array(TERMS);
  const { place, values } = halo;
  EXPECTED.forEach((size, k) => matrix[k * (TERMS + 1)] = 1 / size ** 2);
  visitRings(image, place, (i, radius, dx, dy) => {
    const known = image.weight[i]!;
    if (known === 0) return;
    const light = lightOf(values, radius - place.innerPx), away = image.difference[i]! - light;
    if (Math.abs(away) > CLIP_SIGMA / Math.sqrt(known) + CLIP_SHARE * Math.abs(light)) return;
    const weight = known / (1 + known * (LIKENESS * light) ** 2);
    const terms = termsAt(halo, radius, dx, dy, ROOM);
    for (let k = 0; k < TERMS; k++) {
      const w = weight * terms[k]!;
      vector[k]! += w * away;
      for (let l = 0; l < TERMS; l++) matrix[k * TERMS + l]! += w * terms[l]!;
    }
  });
  const found = solveScaled(matrix, vector).map((value, k) => {
    const power = value ** 2 * matrix[k * (TERMS + 1)]!;
    return k < MAY_BE_NOTHING && !(power > SIGNIFICANT ** 2) ? 0 : value;
  });
  const [dx = 0, dy = 0, along = 0, diagonal = 0, gain = 0, steepness = 0] = found;
  return [dx, dy, along, diagonal, gain, steepness];
}
