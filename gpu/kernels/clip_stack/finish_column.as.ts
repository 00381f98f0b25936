// Finishes the pixels of a column that lose nothing to clipping.

import { paramF32, paramU32, slotPointer } from "../arguments.as";
import { firstOf, lastOf, SAMPLE } from "./columns.as";
import { MEDIAN, WANT_COUNTS, WANT_VARIANCE } from "./flags.as";

/** Half the sum of two middle samples of four pixels, plus an offset, as floats. */
function middleOf(lower: v128, upper: v128, zero: v128): v128 {
  const sum = f32x4.convert_i32x4_s(i32x4.add(lower, upper));
  return f32x4.add(f32x4.mul(sum, f32x4.splat(0.5)), zero);
}

/** Stores the medians of eight pixels as floats. */
export function storeMiddle(lower: v128, upper: v128, zero: v128, out: usize): void {
  v128.store(out, middleOf(firstOf(lower), firstOf(upper), zero));
  v128.store(out, middleOf(lastOf(lower), lastOf(upper), zero), 16);
}

/** Last two of four lanes. */
export function lastTwo(v: v128): v128 {
  return v128.shuffle<i32>(v, v, 2, 3, 2, 3);
}

/** Floats of two pairs of float64. */
export function join(first: v128, last: v128): v128 {
  first = f32x4.demote_f64x2_zero(first);
  return v128.shuffle<i32>(first, f32x4.demote_f64x2_zero(last), 0, 1, 4, 5);
}

/** Means of two pixels of n samples; the sum, f64, is of their distances from the reference, f32. */
export function meanOf(reference: v128, sum: v128, n: v128): v128 {
  return f64x2.add(f64x2.promote_low_f32x4(reference), f64x2.div(sum, n));
}

/** Stores the means of four pixels. */
function storeMeans(upper: v128, zero: v128, sum: v128, n: v128, out: usize): void {
  const reference = f32x4.add(f32x4.convert_i32x4_s(upper), zero);
  const first = meanOf(reference, f64x2.convert_low_i32x4_s(sum), n);
  const last = meanOf(lastTwo(reference), f64x2.convert_low_i32x4_s(lastTwo(sum)), n);
  v128.store(out, join(first, last));
}

/** Variances of the combined values of two pixels that keep all samples; sums are f64. */
export function varianceOf(flags: u32, frames: u32, sum: v128, squares: v128): v128 {
  const factor = (flags & MEDIAN) != 0 && frames > 2 ? Math.PI * 0.5 : 1.0;
  const n = f64x2.splat(<f64>frames);
  const mean = f64x2.div(sum, n);
  const square = f64x2.mul(f64x2.mul(n, mean), mean);
  const spread = f64x2.max(f64x2.splat(0), f64x2.sub(squares, square));
  const scaled = f64x2.mul(f64x2.splat(factor), spread);
  return f64x2.div(f64x2.div(scaled, f64x2.splat(<f64>frames - 1)), n);
}

/** Stores the variances of four pixels. */
function storeVariances(flags: u32, frames: u32, sums: usize, out: usize): void {
  const sum = v128.load(sums);
  const squares = v128.load(sums, 32);
  const first = f64x2.convert_low_i32x4_s(squares);
  const last = f64x2.convert_low_i32x4_s(lastTwo(squares));
  v128.store(
    out,
    join(
      varianceOf(flags, frames, f64x2.convert_low_i32x4_s(sum), first),
      varianceOf(flags, frames, f64x2.convert_low_i32x4_s(lastTwo(sum)), last),
    ),
  );
}

/** Stores what is wanted of eight pixels that keep all samples. */
export function finishColumn(args: usize, column: usize, sums: usize, p: u32): void {
  const frames = paramU32(args, 0);
  const flags = paramU32(args, 3);
  const zero = f32x4.splat(paramF32(args, 2));
  const upper = v128.load(column + <usize>(frames >> 1) * SAMPLE);
  const value = slotPointer(args, 3) + (<usize>p << 2);
  if ((flags & MEDIAN) != 0) {
    storeMiddle(v128.load(column + <usize>((frames - 1) >> 1) * SAMPLE), upper, zero, value);
  } else {
    const n = f64x2.splat(<f64>frames);
    storeMeans(firstOf(upper), zero, v128.load(sums), n, value);
    storeMeans(lastOf(upper), zero, v128.load(sums, 16), n, value + 16);
  }
  if ((flags & WANT_COUNTS) != 0) {
    v128.store(slotPointer(args, 4) + (<usize>p << 1), i16x8.splat(<i16>frames));
    v128.store(slotPointer(args, 5) + (<usize>p << 1), i16x8.splat(0));
  }
  if ((flags & WANT_VARIANCE) == 0) return;
  const variance = slotPointer(args, 6) + (<usize>p << 2);
  storeVariances(flags, frames, sums, variance);
  storeVariances(flags, frames, sums + 16, variance + 16);
}
