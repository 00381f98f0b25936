/**
 * Interpolation kernels as tables of weights.
 *
 * @module
 */

/** How a value between pixels is found. */
export type ResampleKernel = "lanczos2" | "lanczos3" | "lanczos4" | "bilinear" | "nearest";

/** Weights of a kernel for every phase; each phase sums to 1. */
export interface KernelTable {
  /** Pixels a side. */
  readonly taps: number;
  /** The first tap lies this far before `floor(position + offset)`. */
  readonly before: number;
  /** 0.5 where positions are rounded, else 0. */
  readonly offset: number;
  /** `[PHASES + 1, taps]`. */
  readonly weights: Float64Array;
}

/** Steps a pixel is divided into: positions are right to 1/8192 px. */
export const PHASES = 4096;

/** Lanczos kernel of so many lobes: `sinc(x) sinc(x/lobes)` within that many px. */
export function lanczos(x: number, lobes: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= lobes) return 0;
  const angle = Math.PI * x;
  return lobes * Math.sin(angle) * Math.sin(angle / lobes) / (angle * angle);
}

/** Lanczos kernel of three lobes. */
export function lanczos3(x: number): number {
  return lanczos(x, 3);
}

const triangle = (x: number) => Math.max(0, 1 - Math.abs(x));

const SHAPES = {
  lanczos2: { taps: 4, before: 1, offset: 0, at: (x: number) => lanczos(x, 2) },
  lanczos3: { taps: 6, before: 2, offset: 0, at: lanczos3 },
  lanczos4: { taps: 8, before: 3, offset: 0, at: (x: number) => lanczos(x, 4) },
  bilinear: { taps: 2, before: 0, offset: 0, at: triangle },
  nearest: { taps: 1, before: 0, offset: 0.5, at: () => 1 },
} as const;

const tables = new Map<ResampleKernel, KernelTable>();

/**
 * The table of a kernel; made once.
 *
 * @param kernel Its name.
 * @returns Weights by phase.
 */
export function kernelTable(kernel: ResampleKernel): KernelTable {
  const known = tables.get(kernel);
  if (known !== undefined) return known;
  const { taps, before, offset } = SHAPES[kernel];
  const weights = new Float64Array((PHASES + 1) * taps);
  for (let phase = 0; phase <= PHASES; phase++) {
    weights.set(weightsAt(kernel, phase / PHASES), phase * taps);
  }
  const table = { taps, before, offset, weights };
  tables.set(kernel, table);
  return table;
}

/**
 * Weights of a kernel at a phase; they sum to 1.
 *
 * @param kernel Its name.
 * @param phase Where the position lies behind the last tap before it, px.
 * @returns One weight a tap.
 */
export function weightsAt(kernel: ResampleKernel, phase: number): Float64Array {
  const { taps, before, at } = SHAPES[kernel];
  const weights = new Float64Array(taps);
  let sum = 0;
  for (let tap = 0; tap < taps; tap++) sum += weights[tap] = at(tap - before - phase);
  for (let tap = 0; tap < taps; tap++) weights[tap]! /= sum;
  return weights;
}
