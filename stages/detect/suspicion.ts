/**
 * Whether the candidates of a whole image are to be doubted.
 *
 * Flags judge candidates one by one. A frame during which the telescope jumped, or a reflection,
 * gives each star a ghost at the same distance in the same direction: one by one these look like
 * transients, together they do not.
 *
 * @module
 */

import { PlaneIndex } from "../../sky/plane_index.ts";
import type { Gate } from "../manifest.ts";
import type { Candidate, Sign } from "./candidate.ts";

/** Sources of the image that was searched. */
export interface KnownSources {
  /** Positions, px; (0, 0) is the centre of the first pixel. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Flux in an aperture of twice the seeing, ADU. */
  readonly fluxAdu: ArrayLike<number>;
}

/** Thresholds; see the schema of the stage. */
export interface SuspicionLimits {
  readonly maxSharedOffset: number;
  readonly maxPerSource: number;
}

/** What a whole image is judged by. */
export interface Suspicion {
  readonly gates: readonly Gate[];
  /** Why its candidates are doubted, in words; undefined where they are not. */
  readonly reason: string | undefined;
}

/** Offsets that are looked at, in units of the seeing; nearer ones are residuals of the star itself. */
const OFFSETS = { from: 2, to: 12 } as const;
/** Side of a cell of the map of offsets, seeing; 3 × 3 of them make a window. */
const CELL = 0.5;
const SIDE = 2 * Math.ceil(OFFSETS.to / CELL) + 2;
/** A ghost is fainter than its star by this factor at least. */
const GHOST_CONTRAST = 3;
/** An excess must stand above chance by so many sigma. */
const SIGMAS = 5;
/** Fewer candidates than this are never too many, however few sources there are. */
const FEW_CANDIDATES = 20;
/** Candidates of one sign that are looked at: more tell no more. */
const MOST_CANDIDATES = 4000;
/** Aperture of twice the seeing among those of a candidate. */
const APERTURE = 2;

/**
 * Judges the candidates of an image as a whole.
 *
 * @param candidates All of them, flagged or not.
 * @param sources Sources of the image; undefined where there is no catalogue, and nothing is said.
 * @param seeingPx FWHM of the stars.
 * @param limits Thresholds.
 * @returns Gates, and the reason to doubt.
 */
export function judgeCandidates(
  candidates: readonly Candidate[],
  sources: KnownSources | undefined,
  seeingPx: number,
  limits: SuspicionLimits,
): Suspicion {
  const shared = sources && worstOffset(candidates, sources, seeingPx);
  const perSource = sources && candidates.length / Math.max(1, sources.x.length);
  const few = candidates.length < FEW_CANDIDATES;
  const offset = gate("candidates at one offset from stars", shared?.part, limits.maxSharedOffset);
  const flood = gate("candidates per source", few ? 0 : perSource, limits.maxPerSource);
  const reasons = [
    ...(offset.verdict === "pass" ? [] : [describeOffset(shared!)]),
    ...(flood.verdict === "pass" ? [] : [`${candidates.length} candidates, ${describe(flood)}`]),
  ];
  return {
    gates: [offset, flood],
    reason: reasons.length === 0 ? undefined : reasons.join("; "),
  };
}

function describe({ value, threshold }: Gate): string {
  return `${value!.toPrecision(2)} a source, wanted ${threshold}`;
}

function gate(name: string, value: number | undefined, limit: number): Gate {
  const verdict = value !== undefined && value > limit ? "degraded" : "pass";
  return { name, value: value ?? null, threshold: `<= ${limit}`, verdict };
}

/** An offset from stars that candidates have in common. */
export interface SharedOffset {
  /** Part of the candidates of its sign there beyond chance, at least (5 sigma). */
  readonly part: number;
  /** Candidate minus star, px. */
  readonly dx: number;
  readonly dy: number;
  readonly sign: Sign;
}

function describeOffset({ part, dx, dy, sign }: SharedOffset): string {
  return `${(100 * part).toFixed(0)} % of what ${sign > 0 ? "brightened" : "faded"} stands ` +
    `(${dx.toFixed(0)}, ${dy.toFixed(0)}) px from brighter stars`;
}

function worstOffset(
  candidates: readonly Candidate[],
  sources: KnownSources,
  seeingPx: number,
): SharedOffset {
  const bySign = ([1, -1] as const).map((sign) =>
    sharedOffset(candidates.filter((one) => one.sign === sign), sources, seeingPx, sign)
  );
  return bySign.reduce((a, b) => b.part > a.part ? b : a);
}

/**
 * Finds the offset from brighter stars that the most candidates share.
 *
 * The map of all offsets between candidates and stars that are three times as bright or more, from 2
 * to 12 seeings: by chance it is even, and a ghost of every star is a peak in it.
 *
 * @param candidates Of one sign.
 * @param sources The stars.
 * @param seeingPx FWHM of the stars.
 * @param sign Of the candidates.
 * @returns The offset; `part` is 0 where there is no excess.
 */
export function sharedOffset(
  candidates: readonly Candidate[],
  sources: KnownSources,
  seeingPx: number,
  sign: Sign,
): SharedOffset {
  const map = offsetMap(candidates.slice(0, MOST_CANDIDATES), sources, seeingPx);
  const counted = Math.min(candidates.length, MOST_CANDIDATES);
  const pairs = map.reduce((sum, count) => sum + count, 0);
  const window = (3 * CELL) ** 2;
  const area = Math.PI * (OFFSETS.to ** 2 - OFFSETS.from ** 2);
  const expected = Math.max(1, pairs * window / area);
  let best = { count: 0, column: SIDE / 2, row: SIDE / 2 };
  for (let row = 1; row < SIDE - 1; row++) {
    for (let column = 1; column < SIDE - 1; column++) {
      const count = windowSum(map, row, column);
      if (count > best.count) best = { count, column, row };
    }
  }
  const excess = best.count - expected - SIGMAS * Math.sqrt(expected);
  const place = (cell: number) => (cell + 0.5 - SIDE / 2) * CELL * seeingPx;
  return {
    part: counted === 0 ? 0 : Math.max(0, Math.min(1, excess / counted)),
    ...{ dx: place(best.column), dy: place(best.row), sign },
  };
}

/** How many pairs have each offset, `[SIDE, SIDE]`. */
function offsetMap(
  candidates: readonly Candidate[],
  { x, y, fluxAdu }: KnownSources,
  seeingPx: number,
): Uint32Array {
  const map = new Uint32Array(SIDE * SIDE);
  const index = new PlaneIndex(x, y, OFFSETS.to * seeingPx);
  const cell = (offset: number) => Math.floor(offset / seeingPx / CELL) + SIDE / 2;
  for (const candidate of candidates) {
    const least = GHOST_CONTRAST * (candidate.fluxAdu[APERTURE] ?? NaN);
    for (const j of index.within(candidate.x, candidate.y)) {
      const dx = candidate.x - x[j]!, dy = candidate.y - y[j]!;
      const near = Math.hypot(dx, dy) < OFFSETS.from * seeingPx;
      if (!near && fluxAdu[j]! >= least) map[cell(dy) * SIDE + cell(dx)]!++;
    }
  }
  return map;
}

function windowSum(map: Uint32Array, row: number, column: number): number {
  let sum = 0;
  for (let y = row - 1; y <= row + 1; y++) {
    for (let x = column - 1; x <= column + 1; x++) sum += map[y * SIDE + x]!;
  }
  return sum;
}
