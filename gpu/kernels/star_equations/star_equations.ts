/**
 * The normal equations of stars over the functions of a convolution kernel.
 *
 * A star's are summed in float64 on the cpu and in float32 on a GPU, by blocks of pixels. That is enough: the
 * equations of all stars are added up and solved in float64, their matrix scaled to unit diagonal has
 * condition numbers of tens, and what float32 leaves of a star in a difference is some 1e-6 of its peak.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, type Slot, type StripJob, table, u32 } from "../../job.ts";
import wgsl from "./star_equations.wgsl" with { type: "text" };
import wasm from "./star_equations.wasm.b64" with { type: "text" };

/** The kernel. */
export const STAR_EQUATIONS: Kernel = { name: "star_equations", wgsl, wasm };

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
  /** All in one: matrix, vector, square, noise, pixels. */
  readonly record: Float64Array;
  readonly matrix: Float64Array;
  readonly vector: Float64Array;
  /** Weighted sum of the variance of the image to be convolved. */
  readonly noise: number;
  /** Weighted sum of squares of the data. */
  readonly square: number;
  /** Pixels that were used; 0 where they were too few: then all is 0. */
  readonly pixels: number;
}

/**
 * The equations of a star from a record.
 *
 * @param record As {@linkcode StarSums.record} has it.
 * @param n Terms and the background.
 */
export function starSums(record: Float64Array, n: number): StarSums {
  const [square = 0, noise = 0, pixels = 0] = record.subarray(n * n + n);
  const matrix = record.subarray(0, n * n), vector = record.subarray(n * n, n * n + n);
  return { record, matrix, vector, square, noise, pixels };
}

/** Side of a star's cut-outs, px: the disk's, and as much as the kernel reaches on both sides. */
export function cutOutSide(basis: Pick<SeparableBasis, "halfPx">, radiusPx: number): number {
  return 2 * (Math.ceil(radiusPx) + basis.halfPx) + 1;
}

/**
 * Sums the normal equations over the disks around stars.
 *
 * @param compute Where.
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
  let made: Float32Array | Float64Array = new Float64Array(0);
  await compute.run((kind) => {
    const work = { basis, cutOuts, options, stars };
    if (kind === "cpu") return threadJob({ ...work, made: made = new Float64Array(stars * size) });
    return shaderJob({ ...work, made: made = new Float32Array(stars * size) });
  }, options.signal);
  const sums = new Float64Array(made);
  return Array.from({ length: stars }, (_, star) => {
    return starSums(sums.subarray(star * size, (star + 1) * size), n);
  });
}

/** What a job is made of. */
interface StarWork {
  readonly basis: SeparableBasis;
  readonly cutOuts: Float32Array<ArrayBufferLike>;
  readonly options: StarOptions;
  readonly stars: number;
  /** The equations, star by star: matrix, vector, sum of squares, noise, pixels. */
  readonly made: Float32Array | Float64Array;
}

/** Reach, slots and parameters that both jobs have. */
function partsOf({ basis, cutOuts, options, stars, made }: StarWork) {
  const reach = Math.ceil(options.radiusPx), side = cutOutSide(basis, options.radiusPx);
  const taken = ({ x, y }: SeparableBasis["terms"][number], term: number) => {
    return [x, y, term > 0 && basis.sums[term] !== 0 ? 1 : 0];
  };
  const input: Slot = { role: "input", rowBytes: 16 * side * side, bytes: bytesOf(cutOuts) };
  const terms = table(Uint32Array.from(basis.terms.flatMap(taken)));
  const output: Slot = {
    role: "output",
    rowBytes: made.byteLength / stars,
    bytes: bytesOf(made),
  };
  const counts = [basis.halfPx, reach, basis.factors.length, basis.terms.length].map(u32);
  const shape = { label: "equations of the stars", width: side * side, rows: stars };
  return { reach, side, input, terms, output, counts, shape };
}

function threadJob(work: StarWork): StripJob {
  const { basis, options } = work;
  const { reach, input, terms, output, counts, shape } = partsOf(work);
  const numbers = [options.radiusPx ** 2, options.modelError, options.leastPixels];
  const factors = Float64Array.from([numbers, ...basis.factors].flatMap((one) => [...one]));
  return {
    ...shape,
    slots: [input, table(factors), terms, output],
    passes: [{
      ...{ kernel: STAR_EQUATIONS, entry: "sumStars", slots: [0, 1, 2, 3], pieceRows: 2 },
      ...{ params: counts, scratchBytes: scratchBytes(basis, reach) },
    }],
  };
}

/** Threads of the shader for a star. */
const STAR_THREADS = 256;

function shaderJob(work: StarWork): StripJob {
  const { basis, options } = work;
  const { reach, side, input, terms, output, counts, shape } = partsOf(work);
  const fitted = 2 * reach + 1;
  const factors = Float32Array.from(basis.factors.flatMap((one) => [...one]));
  const lineBytes = 4 * basis.factors.length * side * fitted;
  const columnBytes = 4 * fitted ** 2 * (basis.terms.length + 3);
  const params = [
    ...[...counts, u32(Math.floor(options.radiusPx ** 2)), u32(Math.ceil(options.leastPixels))],
    f32(options.modelError),
  ];
  const each = { kernel: STAR_EQUATIONS, params, each: "row", workgroup: STAR_THREADS } as const;
  return {
    ...shape,
    slots: [
      ...[input, table(factors), terms, output],
      { role: "temporary", rowBytes: lineBytes },
      { role: "temporary", rowBytes: columnBytes },
    ],
    passes: [
      { ...each, entry: "acrossRows", slots: [0, 1, 4] },
      { ...each, entry: "columnRows", slots: [0, 1, 2, 4, 5] },
      { ...each, entry: "productRows", slots: [5, 3] },
    ],
  };
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
