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
function lastTwo(v: v128): v128 {
  return v128.shuffle<i32>(v, v, 2, 3, 2, 3);
}

/** Floats of two pairs of float64. */
function join(first: v128, last: v128): v128 {
  first = f32x4.demote_f64x2_zero(first);
  return v128.shuffle<i32>(first, f32x4.demote_f64x2_zero(last), 0, 1, 4, 5);
}

/** Means of two pixels. */
function meanOf(reference: v128, sum: v128, n: v128): v128 {
  const mean = f64x2.div(f64x2.convert_low_i32x4_s(sum), n);
  return f64x2.add(f64x2.promote_low_f32x4(reference), mean);
}

/** Stores the means of four pixels. */
function storeMeans(upper: v128, zero: v128, sum: v128, n: v128, out: usize): void {
  const reference = f32x4.add(f32x4.convert_i32x4_s(upper), zero);
  const last = meanOf(lastTwo(reference), lastTwo(sum), n);
  v128.store(out, join(meanOf(reference, sum, n), last));
}

/** Variances of the combined values of two pixels. */
function varianceOf(sum: v128, squares: v128, n: f64, factor: f64): v128 {
  const all = f64x2.splat(n);
  const mean = f64x2.div(f64x2.convert_low_i32x4_s(sum), all);
  const square = f64x2.mul(f64x2.mul(all, mean), mean);
  const spread = f64x2.max(f64x2.splat(0), f64x2.sub(f64x2.convert_low_i32x4_s(squares), square));
  return f64x2.div(f64x2.div(f64x2.mul(f64x2.splat(factor), spread), f64x2.splat(n - 1)), all);
}

/** Stores the variances of eight pixels. */
function storeVariances(args: usize, sums: usize, out: usize): void {
  const frames = paramU32(args, 0);
  const factor = (paramU32(args, 3) & MEDIAN) != 0 && frames > 2 ? Math.PI * 0.5 : 1.0;
  for (let i: usize = 0; i < 32; i += 16) {
    const sum = v128.load(sums + i);
    const squares = v128.load(sums + i, 32);
    const first = varianceOf(sum, squares, <f64>frames, factor);
    const last = varianceOf(lastTwo(sum), lastTwo(squares), <f64>frames, factor);
    v128.store(out + i, join(first, last));
  }
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
  if ((flags & WANT_VARIANCE) != 0) {
    storeVariances(args, sums, slotPointer(args, 6) + (<usize>p << 2));
  }
}
