/**
 * The normal equations of stars over the functions of a convolution kernel, on threads in float64.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, type Kernel, table, u32 } from "../../job.ts";
import wasm from "./star_equations.wasm.b64" with { type: "text" };

/** The kernel. */
export const STAR_EQUATIONS: Kernel = { name: "star_equations", wasm };

/** Functions that are products of two of one dimension. */
export interface SeparableBasis {
  /** Half side of the functions, px. */
  readonly halfPx: number;
  /** The factors, each `[2 halfPx + 1]`. */
  readonly factors: readonly Float64Array[];
  /** Indices of the factors along x and y. */
  readonly terms: readonly { readonly x: number; readonly y: number }[];
  /** The first function is taken off those that have another number than 0 here. */
  readonly sums: Float64Array;
}

/** How the equations are summed. */
export interface StarOptions {
  /** Radius of the disk of pixels that are fitted, px. */
  readonly radiusPx: number;
  /** Share of the signal that is taken as its error, so that the brightest stars do not decide alone. */
  readonly modelError: number;
  /** Stars with fewer usable pixels have none. */
  readonly leastPixels: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The weighted normal equations of one star over the local kernel and a
 * constant background: `matrix · c = vector`, `[n, n]` and `[n]` with n = terms + 1.
 */
export interface StarSums {
  readonly matrix: Float64Array;
  readonly vector: Float64Array;
  /** Weighted sum of the variance of the image to be convolved. */
  readonly noise: number;
  /** Weighted sum of squares of the data. */
  readonly square: number;
  /** Pixels that were used; 0 where they were too few: then all is 0. */
  readonly pixels: number;
}

/** Side of a star's cut-outs, px: the disk's, and as much as the kernel reaches on both sides. */
export function cutOutSide(basis: Pick<SeparableBasis, "halfPx">, radiusPx: number): number {
  return 2 * (Math.ceil(radiusPx) + basis.halfPx) + 1;
}

/**
 * Sums the normal equations over the disks around stars.
 *
 * @param compute Where: on threads, whatever else there is.
 * @param basis Functions of the kernel.
 * @param cutOuts `[stars, 4, side, side]` with {@linkcode cutOutSide}, stars in the middle: the image to
 * be convolved and the one to be matched, ADU, no NaN; the variance of their difference, 0 where a pixel
 * may not be used; the variance of the first.
 * @param options Radius, errors.
 * @returns A star each.
 */
export async function starEquations(
  compute: Compute,
  basis: SeparableBasis,
  cutOuts: Float32Array<ArrayBufferLike>,
  options: StarOptions,
): Promise<StarSums[]> {
  const side = cutOutSide(basis, options.radiusPx), n = basis.terms.length + 1;
  const stars = cutOuts.length / (4 * side * side);
  if (stars === 0) return [];
  const size = n * n + n + 3;
  const sums = new Float64Array(stars * size);
  const numbers = [options.radiusPx ** 2, options.modelError, options.leastPixels];
  const factors = Float64Array.from([numbers, ...basis.factors].flatMap((one) => [...one]));
  const terms = Uint32Array.from(
    basis.terms.flatMap(({ x, y }, term) => [x, y, term > 0 && basis.sums[term] !== 0 ? 1 : 0]),
  );
  const reach = Math.ceil(options.radiusPx);
  await compute.run({
    ...{ label: "equations of the stars", width: side * side, rows: stars },
    slots: [
      { role: "input", rowBytes: 16 * side * side, bytes: bytesOf(cutOuts) },
      table(factors),
      table(terms),
      { role: "output", rowBytes: 8 * size, bytes: bytesOf(sums) },
    ],
    passes: [{
      ...{ kernel: STAR_EQUATIONS, entry: "sumStars", slots: [0, 1, 2, 3], pieceRows: 2 },
      params: [basis.halfPx, reach, basis.factors.length, basis.terms.length].map(u32),
      scratchBytes: scratchBytes(basis, reach),
    }],
  }, options.signal);
  return Array.from({ length: stars }, (_, star) => {
    const own = sums.subarray(star * size, (star + 1) * size);
    const [square, noise, pixels] = own.slice(-3);
    const matrix = own.subarray(0, n * n), vector = own.subarray(n * n, n * n + n);
    return { matrix, vector, square: square!, noise: noise!, pixels: pixels! };
  });
}

/** Bytes of a line of float64: whole blocks of 64. */
const lineBytes = (count: number) => (count * 8 + 63) & ~63;

/** What `sumStars` lays out. */
function scratchBytes(basis: SeparableBasis, reach: number): number {
  const side = 2 * reach + 1, box = side + 2 * basis.halfPx;
  const pixels = lineBytes(side * side);
  return 6 * 64 + lineBytes(box * box) + (basis.factors.length * box + side) * lineBytes(side) +
    (5 + basis.terms.length) * pixels;
}
