/**
 * The equations of many stars over a kernel that varies over the field.
 *
 * @module
 */

import { type DenseRoom, inDense } from "../../../gpu/kernels/dense/dense.ts";
import {
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import type { StampEquations } from "./stamps.ts";

/** The polynomials of the position that are solved with. */
export interface Variation {
  /** Size of the field, px. */
  readonly width: number;
  readonly height: number;
  /** Spatial order of each term's coefficient, then of the background: `[terms + 1]`. */
  readonly orders: readonly number[];
}

/** Normal equations of some stars over all coefficients. */
export interface FieldSums {
  readonly variation: Variation;
  /** `[n, n]`. */
  readonly matrix: Float64Array;
  /** What a unit of the basis' noise products adds to `matrix`: sums of products of the polynomials, `[T, T]`. */
  readonly noise: Float64Array;
  /** `[n]`. */
  readonly vector: Float64Array;
}

/** Stars in a room, with their polynomials. */
interface LaidStars {
  readonly stars: number;
  readonly values: number;
  readonly counts: number;
  readonly terms: number;
  readonly most: number;
}

/**
 * Lays stars out as `dense.as.ts` takes them.
 *
 * @param room Where.
 * @param stamps Stars over the same basis.
 * @returns Address of their records.
 */
export function putStars(room: DenseRoom, stamps: readonly StampEquations[]): number {
  const [first] = stamps;
  if (first === undefined) return room.floats(0);
  return room.putAll(stamps.map(({ record }) => record), first.record.length);
}

function lay(
  room: DenseRoom,
  stamps: readonly StampEquations[],
  { width, height, orders }: Variation,
): LaidStars {
  const counts = orders.map(polynomialTerms), most = Math.max(...counts);
  const order = Math.max(...orders);
  const values = new Float64Array(stamps.length * most);
  stamps.forEach(({ x, y }, k) => {
    values.set(polynomialValues(x, y, { width, height, order }), k * most);
  });
  return {
    ...{ stars: putStars(room, stamps), values: room.put(values), terms: counts.length, most },
    counts: room.putWords(counts),
  };
}

/** Stars that are added by one call: a function that is called often is soon compiled well. */
const AT_ONCE = 8;

/**
 * Puts each star's equations into the large ones, every term times its polynomials at the star.
 *
 * @param stamps Stars.
 * @param variation Orders and size of the field.
 * @returns The sums.
 */
export function sumStamps(stamps: readonly StampEquations[], variation: Variation): FieldSums {
  const n = variation.orders.reduce((sum, order) => sum + polynomialTerms(order), 0);
  return inDense((room) => {
    const { stars, values, counts, terms, most } = lay(room, stamps, variation);
    const matrix = room.floats(n * n), vector = room.floats(n), noise = room.floats(most * most);
    const sizes = [terms, most, n] as const, recordBytes = 8 * (terms * terms + terms + 3);
    for (let k = 0; k < stamps.length; k += AT_ONCE) {
      const count = Math.min(AT_ONCE, stamps.length - k);
      const [from, own] = [stars + k * recordBytes, values + 8 * k * most];
      room.run.addStars(from, count, own, counts, ...sizes, matrix, vector, noise);
    }
    room.run.mirror(matrix, n);
    return {
      variation,
      matrix: room.read(matrix, n * n),
      noise: room.read(noise, most * most),
      vector: room.read(vector, n),
    };
  });
}

/**
 * How well a kernel fits stars.
 *
 * @param stamps The stars.
 * @param coefficients Of the field.
 * @param variation Orders and size of the field.
 * @returns χ² a pixel of each.
 */
export function chi2PerPixel(
  stamps: readonly StampEquations[],
  coefficients: Float64Array,
  variation: Variation,
): Float64Array {
  return inDense((room) => {
    const { stars, values, counts, terms, most } = lay(room, stamps, variation);
    const at = room.put(coefficients), local = room.floats(terms), out = room.floats(stamps.length);
    room.run.misfits(stars, stamps.length, values, counts, terms, most, at, local, out);
    return room.read(out, stamps.length);
  });
}

/**
 * Adds the sums of two groups of stars.
 *
 * @param a Of one group.
 * @param b Of another one, over the same polynomials.
 * @param factor On the second; -1 takes it off.
 * @returns New sums.
 */
export function addSums(a: FieldSums, b: FieldSums, factor = 1): FieldSums {
  const add = (to: Float64Array, values: Float64Array) =>
    inDense((room) => {
      const sum = room.put(to);
      room.run.axpy(sum, room.put(values), factor, to.length);
      return room.read(sum, to.length);
    });
  return {
    variation: a.variation,
    matrix: add(a.matrix, b.matrix),
    noise: add(a.noise, b.noise),
    vector: add(a.vector, b.vector),
  };
}
