/**
 * The halo that all bright stars of a field have in common.
 *
 * @module
 */

import { median } from "../../../sky/stats.ts";
import type { Rings } from "./halo_rings.ts";

/** A star whose rings were measured. */
export interface SeenStar {
  /** px, 0 at the centre of the first pixel. */
  readonly x: number;
  readonly y: number;
  /** In any unit; not to be trusted of a saturated star. */
  readonly flux: number;
  readonly isSaturated: boolean;
  /** As far as they were looked at; all begin at one radius. */
  readonly rings: Rings;
}

/** Fewer stars would give a new source beside one of them too much say. */
const LEAST_STARS = 8;
/** Below this, in its error, a ring is nothing, and the amplitude of a star not known. */
const SIGNIFICANT = 4;
/** Stars whose ring lies farther than this from the others', in its noise, show something else. */
const CLIP_SIGMA = 4;
const CLIP_ROUNDS = 3;
/** No halo follows the others more closely than this part of itself. */
const LIKENESS = 0.1;
/** What lies around all stars is expected within this part of the noise of one star's ring. */
const LEVEL = 0.3;
/** How often amplitudes of saturated stars and rings are fitted in turns. */
const ROUNDS = 3;
/** Of χ² of one degree of freedom. */
const MEDIAN_CHI2 = 0.455;

/**
 * Fits one halo to all bright stars, ring by ring. Unsaturated stars have it by their flux.
 * Saturated ones, whose flux is not known, have an amplitude of their own that is fitted in turns
 * with the rings: they alone are bright enough to show the outer ones. What lies around any star
 * by chance (new sources, an uneven sky) is allowed for, or what little of it is seen beside
 * fainter stars would be scaled up to the brightest a hundredfold.
 *
 * @param stars Their rings.
 * @returns The halo of unit flux, a value a ring; undefined where no ring stands out or
 * unsaturated stars are few.
 */
export function fitProfile(stars: readonly SeenStar[]): Float64Array | undefined {
  const amplitudes = Float64Array.from(stars, (star) => star.isSaturated ? 0 : star.flux);
  if (amplitudes.filter((amplitude) => amplitude > 0).length < LEAST_STARS) return undefined;
  let profile = fitRings(stars, amplitudes);
  for (let round = 0; round < ROUNDS; round++) {
    stars.forEach(({ isSaturated, rings }, k) => {
      if (!isSaturated) return;
      const { amplitude, error } = amplitudeOf(rings, profile);
      amplitudes[k] = amplitude > SIGNIFICANT * error ? amplitude : 0;
    });
    profile = fitRings(stars, amplitudes);
  }
  return profile.length === 0 ? undefined : profile;
}

/**
 * The amplitude that fits a star's rings best.
 *
 * @param rings As measured.
 * @param profile The halo of unit flux.
 * @returns It, and its error; Infinity where no ring is known.
 */
export function amplitudeOf(
  { levels, errors }: Rings,
  profile: Float64Array,
): { readonly amplitude: number; readonly error: number } {
  let data = 0, norm = 0;
  for (let k = 0; k < Math.min(levels.length, profile.length); k++) {
    data += profile[k]! * levels[k]! / errors[k]! ** 2;
    norm += (profile[k]! / errors[k]!) ** 2;
  }
  return norm > 0
    ? { amplitude: data / norm, error: 1 / Math.sqrt(norm) }
    : { amplitude: 0, error: Infinity };
}

function fitRings(stars: readonly SeenStar[], amplitudes: Float64Array): Float64Array {
  const count = stars.reduce((most, { rings }) => Math.max(most, rings.levels.length), 0);
  const values = Float64Array.from(
    { length: count },
    (_, ring) => fitRing(stars, amplitudes, ring),
  );
  // Past two rings of nothing there is no wing.
  const first = values.findIndex((value) => value !== 0);
  if (first < 0) return values.subarray(0, 0);
  const end = values.findIndex((value, k) => k > first && value === 0 && !values[k + 1]);
  return values.subarray(0, end < 0 ? count : end);
}

/**
 * By least squares over the stars of known amplitude, those left out that do not follow, beside a
 * level that lies around all stars; 0 where it may be noise.
 */
function fitRing(stars: readonly SeenStar[], amplitudes: Float64Array, ring: number): number {
  const known = Array.from(stars.keys()).filter((k) => {
    return amplitudes[k]! > 0 && (stars[k]!.rings.errors[ring] ?? Infinity) < Infinity;
  });
  const levels = Float64Array.from(known, (k) => stars[k]!.rings.levels[ring]!);
  const variances = Float64Array.from(known, (k) => stars[k]!.rings.errors[ring]! ** 2);
  const fluxes = Float64Array.from(known, (k) => amplitudes[k]!);
  const data = { levels, fluxes, levelVariance: LEVEL ** 2 * median(variances) };
  let weights = variances.map((variance) => 1 / variance);
  let line = fitLine(data, weights);
  for (let round = 1; round < CLIP_ROUNDS; round++) {
    const { slope, level } = line;
    weights = variances.map((variance, k) => 1 / (variance + (LIKENESS * slope * fluxes[k]!) ** 2));
    const away = weights.map((w, k) => w * (levels[k]! - level - slope * fluxes[k]!) ** 2);
    const limit = CLIP_SIGMA ** 2 * Math.max(1, median(away) / MEDIAN_CHI2);
    weights = weights.map((weight, k) => away[k]! > limit ? 0 : weight);
    line = fitLine(data, weights);
  }
  return Math.abs(line.slope) > SIGNIFICANT * line.slopeError ? line.slope : 0;
}

interface Line {
  readonly slope: number;
  /** Infinity where nothing is known. */
  readonly slopeError: number;
  readonly level: number;
}

/** Levels by flux. */
function fitLine(
  { levels, fluxes, levelVariance }: {
    readonly levels: Float64Array;
    readonly fluxes: Float64Array;
    /** How far from 0 the level at no flux is expected to be. */
    readonly levelVariance: number;
  },
  weights: Float64Array,
): Line {
  let one = 1 / levelVariance, x = 0, xx = 0, y = 0, xy = 0;
  weights.forEach((weight, k) => {
    const flux = fluxes[k]!, level = levels[k]!;
    one += weight;
    x += weight * flux;
    xx += weight * flux * flux;
    y += weight * level;
    xy += weight * flux * level;
  });
  const norm = xx - x * x / one;
  if (!(norm > 0)) return { slope: 0, slopeError: Infinity, level: 0 };
  const slope = (xy - x * y / one) / norm;
  return { slope, slopeError: 1 / Math.sqrt(norm), level: (y - slope * x) / one };
}
