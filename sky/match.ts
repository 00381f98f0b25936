/**
 * Cross-matching of positions, on the sky and in pixels.
 *
 * @module
 */

import { RADIANS } from "./angle.ts";
import { PlaneIndex } from "./plane_index.ts";

/** Positions on the sky; two arrays of one length, degrees. NaN never matches. */
export interface SkyPositions {
  /** Right ascensions. */
  readonly raDeg: ArrayLike<number>;
  /** Declinations. */
  readonly decDeg: ArrayLike<number>;
}

/** A pair found on the sky. */
export interface SkyMatch {
  /** Index in the first list. */
  readonly i: number;
  /** Index in the second list. */
  readonly j: number;
  /** How far apart the two are on the sky. */
  readonly distanceArcsec: number;
}

/** A pair found in pixels. */
export interface PixelMatch {
  /** Index in the first list. */
  readonly i: number;
  /** Index in the second list. */
  readonly j: number;
  /** How far apart the two are. */
  readonly distancePx: number;
}

/** Indices and distance of a possible pair, before each is given only one partner. */
type Pair = readonly [i: number, j: number, distance: number];

/**
 * Pairs the positions of two lists on the sky, closest pairs first, each position at most once.
 *
 * Exact at the poles and across 0h: unit vectors are indexed in the plane across
 * the mean direction, and distances are taken in space.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const a = { raDeg: [359.9999, 10], decDeg: [0, 0] };
 * const b = { raDeg: [20, 0.0001], decDeg: [0, 0] };
 * assert.deepEqual(crossMatch(a, b, 1).map(({ i, j }) => [i, j]), [[0, 1]]);
 * ```
 *
 * @param a First list.
 * @param b Second list.
 * @param radiusArcsec Pairs farther apart are none.
 * @returns Pairs in the order of the first list.
 */
export function crossMatch(a: SkyPositions, b: SkyPositions, radiusArcsec: number): SkyMatch[] {
  const [va, vb] = [unitVectors(a), unitVectors(b)];
  const chord = 2 * Math.sin(Math.min(180, radiusArcsec / 3600) * RADIANS / 2);
  const project = tangentProjection(vb);
  const places = Array.from({ length: b.raDeg.length }, (_, j) => project(vb, j));
  const near = chord * (1 + 1e-9) + 1e-15;
  const index = new PlaneIndex(places.map(([u]) => u), places.map(([, v]) => v), near);
  const pairs: Pair[] = [];
  for (let i = 0; i < a.raDeg.length; i++) {
    const [u, v] = project(va, i);
    if (Number.isNaN(u)) continue;
    for (const j of index.within(u, v)) {
      const distance = Math.hypot(
        va[3 * i]! - vb[3 * j]!,
        va[3 * i + 1]! - vb[3 * j + 1]!,
        va[3 * i + 2]! - vb[3 * j + 2]!,
      );
      if (distance <= chord) pairs.push([i, j, distance]);
    }
  }
  return closestFirst(pairs).map(([i, j, distance]) => ({
    i,
    j,
    distanceArcsec: 2 * Math.asin(Math.min(1, distance / 2)) / RADIANS * 3600,
  }));
}

/**
 * Pairs the positions of two lists in pixels, closest pairs first, each position at most once.
 *
 * @param ax Columns of the first list.
 * @param ay Rows of the first list.
 * @param bx Columns of the second list.
 * @param by Rows of the second list.
 * @param radiusPx Pairs farther apart are none.
 * @returns Pairs in the order of the first list.
 */
export function matchPixels(
  ax: ArrayLike<number>,
  ay: ArrayLike<number>,
  bx: ArrayLike<number>,
  by: ArrayLike<number>,
  radiusPx: number,
): PixelMatch[] {
  const index = new PlaneIndex(bx, by, radiusPx);
  const pairs: Pair[] = [];
  for (let i = 0; i < ax.length; i++) {
    const [x, y] = [ax[i]!, ay[i]!];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    for (const j of index.within(x, y)) {
      pairs.push([i, j, Math.hypot(x - bx[j]!, y - by[j]!)]);
    }
  }
  return closestFirst(pairs).map(([i, j, distancePx]) => ({ i, j, distancePx }));
}

function unitVectors({ raDeg, decDeg }: SkyPositions): Float64Array {
  const vectors = new Float64Array(raDeg.length * 3);
  for (let i = 0; i < raDeg.length; i++) {
    const [ra, dec] = [raDeg[i]! * RADIANS, decDeg[i]! * RADIANS];
    vectors[3 * i] = Math.cos(dec) * Math.cos(ra);
    vectors[3 * i + 1] = Math.cos(dec) * Math.sin(ra);
    vectors[3 * i + 2] = Math.sin(dec);
  }
  return vectors;
}

/** Makes the orthographic projection along the mean direction; it never enlarges a distance. */
function tangentProjection(
  vectors: Float64Array,
): (of: Float64Array, i: number) => readonly [number, number] {
  const sum = [0, 0, 0];
  for (let i = 0; i < vectors.length; i += 3) {
    if (Number.isNaN(vectors[i]! + vectors[i + 2]!)) continue;
    for (let k = 0; k < 3; k++) sum[k]! += vectors[i + k]!;
  }
  const ra = Math.atan2(sum[1]!, sum[0]!);
  const dec = Math.atan2(sum[2]!, Math.hypot(sum[0]!, sum[1]!));
  const east = [-Math.sin(ra), Math.cos(ra), 0];
  const north = [
    -Math.sin(dec) * Math.cos(ra),
    -Math.sin(dec) * Math.sin(ra),
    Math.cos(dec),
  ];
  const along = (axis: number[], of: Float64Array, i: number) =>
    axis[0]! * of[3 * i]! + axis[1]! * of[3 * i + 1]! + axis[2]! * of[3 * i + 2]!;
  return (of, i) => [along(east, of, i), along(north, of, i)];
}

/** Gives each position one partner, closest pairs first; sorted by the first list. */
function closestFirst(pairs: Pair[]): Pair[] {
  pairs.sort((p, q) => p[2] - q[2] || p[0] - q[0] || p[1] - q[1]);
  const usedA = new Set<number>(), usedB = new Set<number>();
  const chosen = pairs.filter(([i, j]) => {
    if (usedA.has(i) || usedB.has(j)) return false;
    usedA.add(i);
    usedB.add(j);
    return true;
  });
  return chosen.sort((p, q) => p[0] - q[0]);
}
