/**
 * Measures flats, and leaves out those that are unlike the others.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { bit, countMasked } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";
import type { RawFrame, Setup } from "../frames/frame.ts";
import type { MasterRecipe } from "./make_master.ts";
import { type FlatMeasures, measurePlain } from "./measure_plain.ts";
import { openPlainFrames } from "../frames/plain_frames.ts";
import { openRaw } from "../frames/raw_image.ts";
import { loadMasters, reduceFrame, type ScaledFrame } from "./reduce_frame.ts";

/** Limits on a flat. */
export interface FlatLimits {
  /** ADU above bias and dark. */
  readonly minFlatAdu: number;
  /** How far its illumination may be from that of the others. */
  readonly flatGradient: number;
}

/** A flat and how it is lit. */
export interface MeasuredFlat extends ScaledFrame {
  /** Median of each cell of a grid over the level, `[GRID, GRID]`; NaN for an empty cell. */
  readonly illumination: Float64Array;
}

/** Cells of the grid to a side. */
const GRID = 12;
/** Of so many saturated pixels a flat is of no use. */
const MOST_SATURATED = 0.5;
/** A pattern of illumination needs so many flats to tell which one is unlike the others. */
const FEWEST = 3;

/**
 * Measures the level of one flat, its median without bias and dark, and its illumination.
 *
 * @param frame The flat.
 * @param recipe The masters that it needs.
 * @param limits What is too faint.
 * @returns The frame with the factor that brings it to 1.
 * @throws {DataError} If it is too faint or saturated.
 */
export async function measureFlat(
  frame: RawFrame,
  recipe: FlatRecipe,
  limits: FlatLimits,
): Promise<MeasuredFlat> {
  const { levelAdu, saturated, cells: illumination } = await reduceAndMeasure(frame, recipe);
  if (levelAdu >= limits.minFlatAdu && saturated < MOST_SATURATED) {
    for (let i = 0; i < illumination.length; i++) illumination[i]! /= levelAdu;
    return { frame, scale: 1 / levelAdu, illumination };
  }
  const state = saturated >= MOST_SATURATED
    ? `${Math.round(100 * saturated)} % of it is saturated`
    : `its level is ${levelAdu.toFixed(1)} ADU, below ${limits.minFlatAdu} ADU`;
  throw new DataError(`Cannot use flat "${frame.product.id}": ${state}`, {
    details: {
      file: frame.product.path,
      levelAdu: Number.isFinite(levelAdu) ? levelAdu : null,
      saturated,
      minFlatAdu: limits.minFlatAdu,
    },
  });
}

type FlatRecipe = Pick<
  MasterRecipe,
  "bias" | "dark" | "cache" | "overscan" | "compute" | "signal"
>;

/** Measures a plain flat on the backend, others here. */
async function reduceAndMeasure(
  frame: RawFrame,
  recipe: FlatRecipe,
): Promise<FlatMeasures<Float64Array>> {
  const { signal } = recipe;
  const masters = await loadMasters(recipe, recipe.cache);
  const measure = (values: Float32Array) => cellMedians(values, frame.setup);
  using plain = await openPlainFrames([frame]);
  if (plain !== undefined) {
    const compute = await recipe.compute.get();
    return await measurePlain(plain, frame, { masters, compute, signal, measure });
  }
  using raw = await openRaw(frame, recipe.overscan);
  const mask = new Uint16Array(raw.width * raw.height);
  const strip = await raw.readRows(0, raw.height, new Float32Array(mask.length), mask);
  reduceFrame("flat", { frame, scale: 1, strip, mask, first: 0 }, masters);
  const saturated = countMasked(mask, bit("SAT")) / mask.length;
  const cells = measure(strip);
  return { levelAdu: median(strip, strip), saturated, cells };
}

function cellMedians(data: Float32Array, { width, height }: Setup): Float64Array {
  const medians = new Float64Array(GRID * GRID);
  const room = new Float32Array(Math.ceil(width / GRID) * Math.ceil(height / GRID));
  for (let cell = 0; cell < medians.length; cell++) {
    const [column, row] = [cell % GRID, Math.floor(cell / GRID)];
    const x0 = Math.floor(column * width / GRID);
    const x1 = Math.floor((column + 1) * width / GRID);
    const y1 = Math.floor((row + 1) * height / GRID);
    let count = 0;
    for (let y = Math.floor(row * height / GRID); y < y1; y++) {
      room.set(data.subarray(y * width + x0, y * width + x1), count);
      count += x1 - x0;
    }
    const values = room.subarray(0, count);
    medians[cell] = median(values, values);
  }
  return medians;
}

/**
 * How far the illumination of each flat is from that of the others.
 *
 * @param flats Measured flats of one filter.
 * @returns For each the 90th percentile, over the grid, of its distance from the median of all.
 */
export function illuminationDistances(flats: readonly MeasuredFlat[]): number[] {
  const cells = flats[0]?.illumination.length ?? 0;
  const typical = Array.from(
    { length: cells },
    (_, cell) => median(flats.map(({ illumination }) => illumination[cell]!)),
  );
  return flats.map(({ illumination }) => {
    const distances = typical.map((value, cell) => Math.abs(illumination[cell]! / value - 1))
      .filter(Number.isFinite).sort((a, b) => a - b);
    return distances[Math.floor(0.9 * (distances.length - 1))] ?? 0;
  });
}

/** A flat that is unlike the others, and by how much. */
export interface OddFlat {
  readonly flat: MeasuredFlat;
  readonly distance: number;
}

/**
 * Parts flats into those that are lit alike and those that are not.
 *
 * The worst is taken out and the rest compared anew, until all agree or only two
 * are left, of which nobody can say which is the odd one.
 *
 * @param flats Measured flats of one filter.
 * @param limit On the distance of {@linkcode illuminationDistances}.
 * @returns Both.
 */
export function partByIllumination(
  flats: readonly MeasuredFlat[],
  limit: number,
): { readonly alike: readonly MeasuredFlat[]; readonly odd: readonly OddFlat[] } {
  let alike = [...flats];
  const odd: OddFlat[] = [];
  while (alike.length >= FEWEST) {
    const distances = illuminationDistances(alike);
    const worst = distances.indexOf(Math.max(...distances));
    if (distances[worst]! <= limit) break;
    odd.push({ flat: alike[worst]!, distance: distances[worst]! });
    alike = alike.filter((_, index) => index !== worst);
  }
  return { alike, odd };
}
