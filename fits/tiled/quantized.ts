/**
 * Real numbers that were stored as integers of a scale of their own in each tile, as the
 * FITS standard 4.0 has it in section 10.2.
 *
 * @module
 */

/** How the integers of a tile mean real numbers. */
export interface Quantization {
  /** Real number = zero + scale · integer. */
  readonly scale: number;
  /** See `scale`. */
  readonly zero: number;
  /** The integer that means "no value". */
  readonly blank: number | undefined;
  /**
   * 0: none; 1: a random number from 0 to 1 was added before rounding; 2: the same, but an
   * exact 0 is stored apart.
   */
  readonly dither: 0 | 1 | 2;
  /** Where the random numbers of this tile begin; tile number, from 0, plus ZDITHER0 − 1. */
  readonly seed: number;
}

const RANDOMS = 10_000;
/** Stands for an exact 0 with the second way of dithering. */
const EXACT_ZERO = -2147483646;

let randoms: Float32Array | undefined;

/** The standard's random numbers (Park and Miller 1988), appendix I. */
function randomNumbers(): Float32Array {
  if (randoms !== undefined) return randoms;
  randoms = new Float32Array(RANDOMS);
  for (let i = 0, seed = 1; i < RANDOMS; i++) {
    seed = (16807 * seed) % 2147483647;
    randoms[i] = seed / 2147483647;
  }
  return randoms;
}

/**
 * Turns stored integers into the real numbers they mean.
 *
 * @param integers Of one tile.
 * @param how Scale, dithering and the integer for "no value".
 * @param out Takes the numbers; NaN where there is no value.
 */
export function restoreReals(
  integers: Int32Array,
  how: Quantization,
  out: Float32Array | Float64Array,
): void {
  const { scale, zero, dither } = how;
  const blank = how.blank ?? NaN;
  if (dither === 0) {
    for (let i = 0; i < out.length; i++) {
      const value = integers[i]!;
      out[i] = value === blank ? NaN : value * scale + zero;
    }
    return;
  }
  const random = randomNumbers();
  const exact = dither === 2 ? EXACT_ZERO : NaN;
  let start = how.seed % RANDOMS;
  let next = Math.trunc(random[start]! * 500);
  for (let i = 0; i < out.length; i++) {
    const value = integers[i]!;
    out[i] = value === blank
      ? NaN
      : value === exact
      ? 0
      : (value - random[next]! + 0.5) * scale + zero;
    if (++next < RANDOMS) continue;
    start = (start + 1) % RANDOMS;
    next = Math.trunc(random[start]! * 500);
  }
}
