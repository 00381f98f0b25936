// Columns of four pixels whose K samples, floats, are sorted: [K, 4] f32, gaps behind them as +Infinity,
// then i32 [4] how many are no gaps. As in columns.as.ts most pixels keep all samples.

import { paramF32, paramU32, slotPointer } from "../arguments.as";
import { MARGIN, SAMPLE } from "./columns.as";
import { join, lastTwo, meanOf, varianceOf } from "./finish_column.as";
import { CENTRE_MEAN, CLIP, MEDIAN, SCATTER_STD, WANT_COUNTS, WANT_VARIANCE } from "./flags.as";

/** Bytes of what {@link storeFloatLimits} makes. */
export const FLOAT_LIMITS: usize = 64;

/**
 * Stores what is the same for all columns, each in all lanes, f32: the least scatter there can be, the
 * inverses of both limits in sigma, and what makes a MAD of a scatter.
 */
export function storeFloatLimits(args: usize, limits: usize): void {
  const factor = load<f32>(slotPointer(args, 2) + (<usize>(3 * paramU32(args, 0)) << 2));
  v128.store(limits, f32x4.splat(paramF32(args, 7) * (1 - MARGIN)));
  v128.store(limits, f32x4.splat(1 / paramF32(args, 4)), 16);
  v128.store(limits, f32x4.splat(1 / paramF32(args, 5)), 32);
  v128.store(limits, f32x4.splat((1 + MARGIN) / factor), 48);
}

/** Sums of the distances of all samples from the upper middle one, f64 [4], and of their squares. */
export function addFloats(column: usize, frames: u32, sums: usize): void {
  const reference = v128.load(column + <usize>(frames >> 1) * SAMPLE);
  const a = f64x2.promote_low_f32x4(reference);
  const b = f64x2.promote_low_f32x4(lastTwo(reference));
  let aSum = f64x2.splat(0);
  let bSum = f64x2.splat(0);
  let aSquares = f64x2.splat(0);
  let bSquares = f64x2.splat(0);
  for (const end = column + <usize>frames * SAMPLE; column < end; column += SAMPLE) {
    const v = v128.load(column);
    const aAway = f64x2.sub(f64x2.promote_low_f32x4(v), a);
    const bAway = f64x2.sub(f64x2.promote_low_f32x4(lastTwo(v)), b);
    aSum = f64x2.add(aSum, aAway);
    bSum = f64x2.add(bSum, bAway);
    aSquares = f64x2.add(aSquares, f64x2.mul(aAway, aAway));
    bSquares = f64x2.add(bSquares, f64x2.mul(bAway, bAway));
  }
  v128.store(sums, aSum);
  v128.store(sums, bSum, 16);
  v128.store(sums, aSquares, 32);
  v128.store(sums, bSquares, 48);
}

/** Standard deviation of two pixels. */
function deviationOf(sum: v128, squares: v128, n: v128): v128 {
  const mean = f64x2.div(sum, n);
  const variance = f64x2.sub(f64x2.div(squares, n), f64x2.mul(mean, mean));
  return f64x2.sqrt(f64x2.max(f64x2.splat(0), variance));
}

/** Scatter of four pixels that is known, rather too small. */
function scatterOf(flags: u32, frames: u32, limits: usize, sums: usize): v128 {
  const least = v128.load(limits);
  if ((flags & SCATTER_STD) == 0) return least;
  const n = f64x2.splat(<f64>frames);
  const a = deviationOf(v128.load(sums), v128.load(sums, 32), n);
  const b = deviationOf(v128.load(sums, 16), v128.load(sums, 48), n);
  return f32x4.max(least, f32x4.mul(join(a, b), f32x4.splat(1 - MARGIN)));
}

/** What samples of four pixels are compared with. */
function centreOf(flags: u32, frames: u32, column: usize, sums: usize): v128 {
  const upper = v128.load(column + <usize>(frames >> 1) * SAMPLE);
  if ((flags & CENTRE_MEAN) == 0) {
    return middleOf(v128.load(column + <usize>((frames - 1) >> 1) * SAMPLE), upper);
  }
  return meansOf(upper, sums, frames);
}

/** Which of four pixels have at least so large a MAD: at most half of the samples are nearer. */
function hasMad(column: usize, frames: u32, centre: v128, wanted: v128): v128 {
  let near = i32x4.splat(0);
  for (const end = column + <usize>frames * SAMPLE; column < end; column += SAMPLE) {
    const away = f32x4.abs(f32x4.sub(v128.load(column), centre));
    near = i32x4.sub(near, f32x4.lt(away, wanted));
  }
  return i32x4.le_s(near, i32x4.splat((frames - 1) >> 1));
}

/** The pixels of a column without gaps that may lose samples to clipping, as bits. */
function mayLose(flags: u32, frames: u32, column: usize, limits: usize, sums: usize): u32 {
  const lowest = v128.load(column);
  const highest = v128.load(column + <usize>(frames - 1) * SAMPLE);
  const centre = centreOf(flags, frames, column, sums);
  const largest = f32x4.max(f32x4.abs(lowest), f32x4.abs(highest));
  const rounding = f32x4.mul(largest, f32x4.splat(MARGIN));
  const below = f32x4.add(f32x4.sub(centre, lowest), rounding);
  const above = f32x4.add(f32x4.sub(highest, centre), rounding);
  const far = f32x4.max(
    f32x4.mul(below, v128.load(limits, 16)),
    f32x4.mul(above, v128.load(limits, 32)),
  );
  const beyond = v128.not(f32x4.le(far, scatterOf(flags, frames, limits, sums)));
  if ((flags & (SCATTER_STD | CENTRE_MEAN)) != 0 || !v128.any_true(beyond)) {
    return i32x4.bitmask(beyond);
  }
  const wanted = f32x4.add(f32x4.mul(far, v128.load(limits, 48)), rounding);
  return i32x4.bitmask(v128.andnot(beyond, hasMad(column, frames, centre, wanted)));
}

/** The pixels of a column that have to be looked at one by one, as bits. */
export function leftOverFloats(args: usize, column: usize, limits: usize, sums: usize): u32 {
  const frames = paramU32(args, 0);
  const flags = paramU32(args, 3);
  const counts = v128.load(column + <usize>frames * SAMPLE);
  const gaps = i32x4.bitmask(i32x4.ne(counts, i32x4.splat(frames)));
  if ((flags & CLIP) == 0 || paramU32(args, 6) == 0 || frames <= 2) return gaps;
  return gaps | mayLose(flags, frames, column, limits, sums);
}

/** Mean of the two middle samples of four pixels, which does not overflow. */
function middleOf(lower: v128, upper: v128): v128 {
  const half = f32x4.splat(0.5);
  return f32x4.add(f32x4.mul(lower, half), f32x4.mul(upper, half));
}

/** Means of four pixels. */
function meansOf(reference: v128, sums: usize, frames: u32): v128 {
  const n = f64x2.splat(<f64>frames);
  const a = meanOf(reference, v128.load(sums), n);
  return join(a, meanOf(lastTwo(reference), v128.load(sums, 16), n));
}

/** Stores what is wanted of four pixels that keep all samples. */
export function finishFloats(args: usize, column: usize, sums: usize, p: u32): void {
  const frames = paramU32(args, 0);
  const flags = paramU32(args, 3);
  const upper = v128.load(column + <usize>(frames >> 1) * SAMPLE);
  const lower = v128.load(column + <usize>((frames - 1) >> 1) * SAMPLE);
  const value = (flags & MEDIAN) != 0 ? middleOf(lower, upper) : meansOf(upper, sums, frames);
  v128.store(slotPointer(args, 3) + (<usize>p << 2), value);
  if ((flags & WANT_COUNTS) != 0) {
    v128.store64_lane(slotPointer(args, 4) + (<usize>p << 1), i16x8.splat(<i16>frames), 0);
    v128.store64_lane(slotPointer(args, 5) + (<usize>p << 1), i16x8.splat(0), 0);
  }
  if ((flags & WANT_VARIANCE) == 0) return;
  const a = varianceOf(flags, frames, v128.load(sums), v128.load(sums, 32));
  const b = varianceOf(flags, frames, v128.load(sums, 16), v128.load(sums, 48));
  v128.store(slotPointer(args, 6) + (<usize>p << 2), join(a, b));
}
