/**
 * What bright stars leave in a difference beyond the reach of the kernel.
 *
 * @module
 */

import { bit } from "../../../sky/mask.ts";
import { amplitudeOf, fitProfile, type SeenStar } from "./halo_profile.ts";
import {
  followRings,
  pixelNoise,
  type RingImage,
  type Rings,
  ringsOf,
  visitRings,
} from "./halo_rings.ts";
import { haloLight, ROUND, shapeOf, type StarHalo } from "./halo_shape.ts";

const SUSPECT = bit("SUSPECT");

/** A star bright enough to have a halo. */
export interface BrightStar {
  /** px, 0 at the centre of the first pixel. */
  readonly x: number;
  readonly y: number;
  /** In any unit; below the truth when saturated. */
  readonly flux: number;
  readonly isSaturated: boolean;
}

/** A difference; all `[height, width]`. */
export interface HaloImage extends RingImage {
  readonly width: number;
  readonly height: number;
  /** ADU; changed. */
  readonly difference: Float32Array;
  /** Inverse variance, ADU⁻²; 0 where unusable; changed: a halo is known to a part of itself. */
  readonly weight: Float32Array;
  /** Bit planes; SUSPECT is set where a halo's error exceeds the noise. */
  readonly mask: Uint16Array;
}

/** What was taken off. */
export interface Halos {
  /** From where on, px, and how far the halos reach. */
  readonly innerPx: number;
  readonly outerPx: number;
  /** Stars that had one. */
  readonly stars: number;
}

/**
 * A halo is right to this part of itself. In simulated fields the scatter is 4 % and one pixel in a
 * hundred is off by 17 %, but by as much over a whole PSF, which a filter of that width adds up.
 */
const HALO_ERROR = 0.3;
/** Nothing is taken off where the halo is below this part of the noise of a pixel. */
const FAINTEST_SIGMA = 0.01;
/** How far masks of saturated stars are from round, px. */
const RIM_PX = 8;
/** A shape is fitted from this amplitude on, in its error. */
const SHAPE_SIGMA = 30;
/** A saturated star may lie elsewhere than it was found: its place is mended so often. */
const MOST_MOVES = 3;
const LEAST_MOVE_PX = 0.3;

/**
 * Takes off what bright stars leave beyond the kernel's edge: the wings of a PSF
 * reach farther than any kernel, and those of the two images differ. The halo that
 * all bright stars have in common is measured ring by ring (`halo_profile.ts`); each star
 * then has it by its own amplitude where that can be known to a third (a galaxy has none),
 * brightest first. Of saturated stars, the brightest, place and shape are fitted as well
 * (`halo_shape.ts`): PSFs change over the field, and so do halos. Sources that are new do not
 * follow the halo and stay.
 *
 * @param image The difference.
 * @param stars Bright stars.
 * @param innerPx Where halos begin: within the kernel's edge.
 * @returns What was done, or undefined when no ring stands out or stars are few.
 */
export function removeHalos(
  image: HaloImage,
  stars: readonly BrightStar[],
  innerPx: number,
): Halos | undefined {
  const seen = withoutDoubles(stars, innerPx).map((star): SeenStar => {
    return { ...star, rings: followRings(image, star, innerPx) };
  });
  const profile = fitProfile(seen);
  if (profile === undefined) return undefined;
  for (const star of seen) subtractHalo(image, haloOf(image, star, { innerPx, profile }));
  return { innerPx, outerPx: innerPx + profile.length, stars: seen.length };
}

/** Brightest first, those within the kernel of a brighter one left out. */
function withoutDoubles(stars: readonly BrightStar[], apartPx: number): BrightStar[] {
  const kept: BrightStar[] = [];
  const cells = new Map<string, BrightStar[]>();
  const cellOf = (value: number) => Math.floor(value / apartPx);
  for (const star of stars.toSorted((a, b) => b.flux - a.flux)) {
    const [column, row] = [cellOf(star.x), cellOf(star.y)];
    const around = [-1, 0, 1].flatMap((dy) =>
      [-1, 0, 1].flatMap((dx) => cells.get(`${column + dx},${row + dy}`) ?? [])
    );
    if (around.some(({ x, y }) => Math.hypot(x - star.x, y - star.y) < apartPx)) continue;
    kept.push(star);
    const key = `${column},${row}`;
    cells.set(key, [...cells.get(key) ?? [], star]);
  }
  return kept;
}

/** The halo of unit flux. */
interface CommonHalo {
  readonly innerPx: number;
  /** A value a ring. */
  readonly profile: Float64Array;
}

function haloOf(image: HaloImage, star: SeenStar, common: CommonHalo): StarHalo {
  let { halo, sigmas } = roundHalo(image, star, star, common);
  // Beside fainter stars a new source would be taken for a stretch.
  if (!star.isSaturated || sigmas < SHAPE_SIGMA) return halo;
  for (let move = 0;; move++) {
    const shape = shapeOf(image, halo);
    const [dx, dy] = shape, { x, y } = halo.place;
    if (!(Math.hypot(dx, dy) > LEAST_MOVE_PX) || move === MOST_MOVES) return { ...halo, shape };
    ({ halo, sigmas } = roundHalo(image, star, { x: x + dx, y: y + dy }, common));
  }
}

interface RoundHalo {
  readonly halo: StarHalo;
  /** The amplitude in its error; 0 where that of the flux is taken. */
  readonly sigmas: number;
}

/** By its own amplitude, where its flux lets expect one known to a third; by its flux where not. */
function roundHalo(
  image: HaloImage,
  { flux, isSaturated, rings }: SeenStar,
  { x, y }: { readonly x: number; readonly y: number },
  { innerPx, profile }: CommonHalo,
): RoundHalo {
  const seenPx = Math.min(profile.length, rings.levels.length);
  const seen = ringsOf(image, { x, y, innerPx, outerPx: innerPx + seenPx });
  const { amplitude, error } = amplitudeOf(seen, profile);
  const isKnown = error < Infinity && (isSaturated || flux > 3 * error);
  const values = profile.map((value) => value * (isKnown ? amplitude : flux));
  continueInwards(values, seen);
  const faintest = FAINTEST_SIGMA * pixelNoise(seen, innerPx);
  const end = values.findLastIndex((value) => Math.abs(value) > faintest) + 1;
  const place = { x, y, innerPx, outerPx: innerPx + end };
  return {
    halo: { place, values: values.subarray(0, end), shape: ROUND },
    sigmas: isKnown ? amplitude / error : 0,
  };
}

/**
 * The rim of a star's mask leaves a few pixels in rings that are unknown else. What fainter stars
 * tell of these rings need not fit what it has itself: its halo goes on inwards as it begins.
 */
function continueInwards(values: Float64Array, { errors }: Rings): void {
  const first = errors.findIndex((error) => error < Infinity);
  const ratio = Math.min(2, values[first]! / values[first + 1]!);
  if (!(ratio > 1)) return;
  for (let k = first - 1; k >= Math.max(0, first - RIM_PX); k--) values[k] = ratio * values[k + 1]!;
}

function subtractHalo(image: HaloImage, halo: StarHalo): void {
  visitRings(image, halo.place, (i, radius, dx, dy) => {
    const weight = image.weight[i]!;
    if (weight === 0) return;
    const light = haloLight(halo, radius, dx, dy);
    image.difference[i]! -= light;
    const added = weight * (HALO_ERROR * light) ** 2;
    image.weight[i] = weight / (1 + added);
    if (added > 1) image.mask[i]! |= SUSPECT;
  });
}
