/**
 * What bright stars leave in a difference beyond the reach of the kernel.
 *
 * @module
 */

import { bit } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";

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
export interface HaloImage {
  readonly width: number;
  readonly height: number;
  /** ADU; changed. */
  readonly difference: Float32Array;
  /** Inverse variance, ADU⁻²; 0 where a pixel may not be used; changed: a halo is known to a part of itself. */
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

/** Halos are looked for up to so many half-widths of the kernel. */
const REACH = 4;
/** A halo is right to this part of itself: wings are not round, and change over the field. */
const HALO_ERROR = 0.5;
/** Fewer stars would give a new source beside one of them too much say. */
const LEAST_STARS = 8;
/** Below this, in its error, a ring of the profile is nothing. */
const SIGNIFICANT = 4;
/** Stars whose ring lies farther than this from the others', in its noise, have something else there. */
const CLIP_SIGMA = 4;
const ROUNDS = 2;

/**
 * Takes off what bright stars leave beyond the kernel's edge: the wings of a PSF
 * reach farther than any kernel, and those of the two images differ. One profile
 * in units of the flux is measured from all unsaturated bright stars together,
 * ring by ring; each star then has it by its own amplitude where that can be known
 * to a third (a galaxy has none), brightest first. Sources that are new do not follow the
 * profile and stay.
 *
 * @param image The difference.
 * @param stars Bright stars.
 * @param innerPx Where the profile begins: within the kernel's edge.
 * @returns What was done, or undefined when no ring stands out or stars are few.
 */
export function removeHalos(
  image: HaloImage,
  stars: readonly BrightStar[],
  innerPx: number,
): Halos | undefined {
  const single = withoutDoubles(stars, innerPx);
  const profile = measureProfile(image, single.filter(({ isSaturated }) => !isSaturated), innerPx);
  if (profile === undefined) return undefined;
  for (const star of single) takeOff(image, star, profile);
  return { innerPx, outerPx: profile.innerPx + profile.values.length, stars: single.length };
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

/** How many rings are looked at. */
function ringsWithin(innerPx: number): number {
  return Math.ceil((REACH - 1) * innerPx);
}

/** Rings of 1 px from `innerPx` on, in units of the flux. */
interface Profile {
  readonly innerPx: number;
  readonly values: Float64Array;
}

function valueAt({ innerPx, values }: Profile, radius: number): number {
  const at = radius - innerPx - 0.5;
  if (at <= 0) return radius < innerPx ? 0 : values[0]!;
  const k = Math.floor(at), part = at - k;
  return (values[k] ?? 0) * (1 - part) + (values[k + 1] ?? 0) * part;
}

function measureProfile(
  image: HaloImage,
  stars: readonly BrightStar[],
  innerPx: number,
): Profile | undefined {
  if (stars.length < LEAST_STARS) return undefined;
  const rings = ringsWithin(innerPx);
  const seen = stars.map((star) => ({ flux: star.flux, ...ringsOf(image, star, innerPx, rings) }));
  const values = new Float64Array(rings);
  const shows: boolean[] = [];
  for (let ring = 0; ring < rings; ring++) {
    const known = seen.filter(({ errors }) => errors[ring]! < Infinity);
    let error = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      let data = 0, norm = 0;
      for (const { flux, levels, errors } of known) {
        const away = (levels[ring]! - flux * values[ring]!) / errors[ring]!;
        if (round > 0 && Math.abs(away) > CLIP_SIGMA) continue;
        data += flux * levels[ring]! / errors[ring]! ** 2;
        norm += (flux / errors[ring]!) ** 2;
      }
      if (norm > 0) [values[ring], error] = [data / norm, 1 / Math.sqrt(norm)];
    }
    shows.push(Math.abs(values[ring]!) > SIGNIFICANT * error);
  }
  // Past two rings of nothing there is no wing.
  const first = shows.indexOf(true);
  const end = shows.findIndex((_, k) => k > first && !shows[k] && !shows[k + 1]);
  return first < 0 ? undefined : { innerPx, values: values.slice(0, end < 0 ? rings : end) };
}

/**
 * Medians of rings around a star: a new source covers but a small part of a ring. ADU; an error of
 * Infinity where fewer than half of the pixels may be used.
 */
function ringsOf(
  image: HaloImage,
  star: { readonly x: number; readonly y: number },
  innerPx: number,
  rings: number,
): { readonly levels: Float64Array; readonly errors: Float64Array } {
  const variance = new Float64Array(rings);
  const all = new Uint32Array(rings), known = new Uint32Array(rings);
  const most = Math.ceil(8 * (innerPx + rings)); // pixels of the widest ring
  const pixels = new Float32Array(rings * most);
  visitRings(image, { ...star, innerPx, outerPx: innerPx + rings }, (i, radius) => {
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

function visitRings(
  { width, height }: Pick<HaloImage, "width" | "height">,
  place: {
    readonly x: number;
    readonly y: number;
    readonly innerPx: number;
    readonly outerPx: number;
  },
  visit: (i: number, radius: number) => void,
): void {
  const { x, y, innerPx, outerPx } = place;
  const inner = innerPx ** 2, outer = outerPx ** 2;
  const bottom = Math.min(height - 1, Math.floor(y + outerPx));
  for (let row = Math.max(0, Math.ceil(y - outerPx)); row <= bottom; row++) {
    const rest = outer - (row - y) ** 2;
    if (!(rest > 0)) continue;
    const half = Math.sqrt(rest);
    const right = Math.min(width - 1, Math.floor(x + half));
    for (let column = Math.max(0, Math.ceil(x - half)); column <= right; column++) {
      const square = (column - x) ** 2 + (row - y) ** 2;
      if (square >= inner && square < outer) visit(row * width + column, Math.sqrt(square));
    }
  }
}

/** By a star's own amplitude, where its flux lets expect one that is known to a third; by its flux where not. */
function takeOff(image: HaloImage, star: BrightStar, profile: Profile): void {
  const { innerPx, values } = profile;
  const { levels, errors } = ringsOf(image, star, innerPx, ringsWithin(innerPx));
  let data = 0, norm = 0;
  values.forEach((value, ring) => {
    data += value * levels[ring]! / errors[ring]! ** 2;
    norm += (value / errors[ring]!) ** 2;
  });
  const isKnown = norm > 0 && (star.isSaturated || star.flux ** 2 * norm > 9);
  const amplitude = isKnown ? data / norm : star.flux;
  // The very brightest are seen farther out than all others together.
  let end = values.length;
  while (end < levels.length && Math.abs(levels[end]!) > SIGNIFICANT * errors[end]!) end++;
  const own = {
    innerPx,
    values: levels.slice(0, end).map((level, k) =>
      k < values.length ? amplitude * values[k]! : level
    ),
  };
  const place = { x: star.x, y: star.y, innerPx, outerPx: innerPx + end };
  // Of fainter stars a new source would be taken for a stretch.
  const stretch = star.isSaturated ? stretchOf(image, place, own) : ROUND;
  visitRings(image, place, (i, radius) => {
    const weight = image.weight[i]!;
    if (weight === 0) return;
    const [along, across] = doubleAngle(image, place, i, radius);
    const halo = valueAt(own, radius) * (1 + stretch[0] * along + stretch[1] * across);
    image.difference[i]! -= halo;
    const added = weight * (HALO_ERROR * halo) ** 2;
    image.weight[i] = weight / (1 + added);
    if (added > 1) image.mask[i]! |= SUSPECT;
  });
}

const ROUND = [0, 0] as const;

type Place = Parameters<typeof visitRings>[1];

/** Cosine and sine of twice the angle at which a pixel is seen from a star. */
function doubleAngle(
  { width }: HaloImage,
  { x, y }: Place,
  i: number,
  radius: number,
): readonly [number, number] {
  const dx = i % width - x, dy = Math.floor(i / width) - y;
  return [(dx * dx - dy * dy) / radius ** 2, 2 * dx * dy / radius ** 2];
}

/** How much longer a halo is in one direction than across, in units of itself; 0 where noise may be the reason. */
function stretchOf(image: HaloImage, place: Place, profile: Profile): readonly [number, number] {
  const data = [0, 0], norm = [0, 0];
  visitRings(image, place, (i, radius) => {
    const weight = image.weight[i]!, halo = valueAt(profile, radius);
    const away = image.difference[i]! - halo;
    if (
      Math.abs(away) * Math.sqrt(weight) > CLIP_SIGMA + 0.5 * Math.abs(halo) * Math.sqrt(weight)
    ) return;
    doubleAngle(image, place, i, radius).forEach((angle, k) => {
      data[k]! += weight * halo * angle * away;
      norm[k]! += weight * (halo * angle) ** 2;
    });
  });
  const known = (k: number) =>
    data[k]! ** 2 > SIGNIFICANT ** 2 * norm[k]! ? data[k]! / norm[k]! : 0;
  return [known(0), known(1)];
}
