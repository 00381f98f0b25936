// Columns of eight pixels whose K samples, shorts without gaps, are sorted: [K, 8] i16, as
// column_sorter.ts leaves them. Most pixels lose nothing to clipping: these are found eight at once.

import { paramF32, paramU32, slotPointer } from "../arguments.as";
import { CENTRE_MEAN, CLIP, SCATTER_STD } from "./flags.as";

/** Bytes of one sample of each pixel of a column. */
export const SAMPLE: usize = 16;
/** Bytes of the sums of a column: i32 [8] of distances, and behind them of their squares. */
export const SUMS: usize = 64;
/** Bytes of what {@link storeLimits} makes. */
export const LIMITS: usize = 112;
/** Part of a number that float32 arithmetic here may be wrong by, and more. */
export const MARGIN: f32 = 1.0 / 1048576.0;

/**
 * Stores what is the same for all columns, each in all lanes: the largest distance whose squares fit
 * 32 bits, i16; K, i32; K rather too small, the square of K times the least scatter, the inverses of both
 * limits in sigma, and what makes a MAD of a distance, f32.
 */
export function storeLimits(args: usize, limits: usize): void {
  const frames = paramU32(args, 0);
  const most = min<f64>(32766, floor<f64>(sqrt<f64>(2147483647.0 / <f64>frames)));
  const least = <f32>frames * paramF32(args, 7);
  const factor = load<f32>(slotPointer(args, 2) + (<usize>(3 * frames) << 2));
  v128.store(limits, i16x8.splat(<i16>most));
  v128.store(limits, i32x4.splat(frames), 16);
  v128.store(limits, f32x4.splat(<f32>frames * (1 - MARGIN)), 32);
  v128.store(limits, f32x4.splat(least * least * (1 - MARGIN)), 48);
  v128.store(limits, f32x4.splat(1 / paramF32(args, 4)), 64);
  v128.store(limits, f32x4.splat(1 / paramF32(args, 5)), 80);
  v128.store(limits, f32x4.splat((1 + MARGIN) / (<f32>frames * factor)), 96);
}

/** First four of eight shorts. */
export function firstOf(v: v128): v128 {
  return i32x4.extend_low_i16x8_s(v);
}

/** Last four of eight shorts. */
export function lastOf(v: v128): v128 {
  return i32x4.extend_high_i16x8_s(v);
}

/**
 * Sums of the distances of the samples from the upper middle one, and of their squares; −1 there for
 * a pixel whose samples lie too far apart for 32 bits.
 */
export function addColumn(column: usize, frames: u32, limits: usize, sums: usize): void {
  const ones = i16x8.splat(1);
  const reference = v128.load(column + <usize>(frames >> 1) * SAMPLE);
  let firstSum = i32x4.splat(0);
  let lastSum = i32x4.splat(0);
  let firstSquares = i32x4.splat(0);
  let lastSquares = i32x4.splat(0);
  const end = column + <usize>(frames - 1) * SAMPLE;
  for (let at = column; at <= end; at += 2 * SAMPLE) {
    const a = i16x8.sub_sat_s(v128.load(at), reference);
    const b = at < end ? i16x8.sub_sat_s(v128.load(at, SAMPLE), reference) : i16x8.splat(0);
    const first = v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    const last = v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    firstSum = i32x4.add(firstSum, i32x4.dot_i16x8_s(first, ones));
    lastSum = i32x4.add(lastSum, i32x4.dot_i16x8_s(last, ones));
    firstSquares = i32x4.add(firstSquares, i32x4.dot_i16x8_s(first, first));
    lastSquares = i32x4.add(lastSquares, i32x4.dot_i16x8_s(last, last));
  }
  const below = i16x8.sub_sat_s(reference, v128.load(column));
  const above = i16x8.sub_sat_s(v128.load(end), reference);
  const wide = i16x8.gt_s(i16x8.max_s(below, above), v128.load(limits));
  v128.store(sums, firstSum);
  v128.store(sums, lastSum, 16);
  v128.store(sums, v128.or(firstSquares, firstOf(wide)), 32);
  v128.store(sums, v128.or(lastSquares, lastOf(wide)), 48);
}

/** Square of K times the scatter of four pixels, rather too small. */
function spreadOf(flags: u32, limits: usize, sum: v128, squares: v128): v128 {
  const least = v128.load(limits, 48);
  if ((flags & SCATTER_STD) == 0) return least;
  const s = f32x4.convert_i32x4_s(sum);
  const all = f32x4.mul(v128.load(limits, 32), f32x4.convert_i32x4_s(squares));
  return f32x4.max(least, f32x4.sub(all, f32x4.mul(s, s)));
}

/**
 * Distance of the lowest sample of four pixels from their centre, twice and times K.
 *
 * @param away From the upper middle sample.
 * @param gap Between the two middle samples.
 * @param sum Of the distances from the upper middle sample.
 */
function reachOf(flags: u32, n: v128, away: v128, gap: v128, sum: v128): v128 {
  const twice = i32x4.shl(away, 1);
  return f32x4.convert_i32x4_s(
    (flags & CENTRE_MEAN) == 0
      ? i32x4.mul(n, i32x4.sub(twice, gap))
      : i32x4.add(i32x4.mul(n, twice), i32x4.shl(sum, 1)),
  );
}

/** The same of the lowest or the highest sample, the farther one in units of its limit in sigma. */
function farthest(
  flags: u32,
  limits: usize,
  below: v128,
  above: v128,
  gap: v128,
  sum: v128,
): v128 {
  const n = v128.load(limits, 16);
  const low = reachOf(flags, n, below, gap, sum);
  const high = reachOf(flags, n, above, i32x4.neg(gap), i32x4.neg(sum));
  return f32x4.max(
    f32x4.mul(low, v128.load(limits, 64)),
    f32x4.mul(high, v128.load(limits, 80)),
  );
}

/** Which of four pixels may have a sample beyond the limit, by the scatter that is known of them. */
function isBeyond(far: v128, spread: v128): v128 {
  return f32x4.gt(f32x4.mul(far, far), f32x4.mul(f32x4.splat(4), spread));
}

/** Whole numbers above twice the MAD at which four pixels would just keep their farthest sample. */
function wantedMad(limits: usize, far: v128): v128 {
  const mad = i32x4.trunc_sat_f32x4_s(f32x4.mul(far, v128.load(limits, 96)));
  return i32x4.add(mad, i32x4.splat(1));
}

/** Which of eight pixels have at least so large a MAD: at most half of the samples are nearer. */
function hasMad(column: usize, frames: u32, wanted: v128): v128 {
  const lower = v128.load(column + <usize>((frames - 1) >> 1) * SAMPLE);
  const upper = v128.load(column + <usize>(frames >> 1) * SAMPLE);
  let near = i16x8.splat(0);
  for (const end = column + <usize>frames * SAMPLE; column < end; column += SAMPLE) {
    const v = v128.load(column);
    const twice = i16x8.add_sat_s(i16x8.sub_sat_s(v, lower), i16x8.sub_sat_s(v, upper));
    near = i16x8.sub(near, i16x8.lt_s(i16x8.abs(twice), wanted));
  }
  const few = i16x8.le_s(near, i16x8.splat(<i16>((frames - 1) >> 1)));
  return v128.and(few, i16x8.lt_s(wanted, i16x8.splat(32767)));
}

/** The pixels of a column that may lose samples to clipping, as bits. */
function mayLose(flags: u32, frames: u32, column: usize, limits: usize, sums: usize): u32 {
  const upper = v128.load(column + <usize>(frames >> 1) * SAMPLE);
  const gap = i16x8.sub_sat_s(upper, v128.load(column + <usize>((frames - 1) >> 1) * SAMPLE));
  const below = i16x8.sub_sat_s(upper, v128.load(column));
  const above = i16x8.sub_sat_s(v128.load(column + <usize>(frames - 1) * SAMPLE), upper);
  const sum = v128.load(sums);
  const lastSum = v128.load(sums, 16);
  const far = farthest(flags, limits, firstOf(below), firstOf(above), firstOf(gap), sum);
  const lastFar = farthest(flags, limits, lastOf(below), lastOf(above), lastOf(gap), lastSum);
  const beyond = i16x8.narrow_i32x4_s(
    isBeyond(far, spreadOf(flags, limits, sum, v128.load(sums, 32))),
    isBeyond(lastFar, spreadOf(flags, limits, lastSum, v128.load(sums, 48))),
  );
  if ((flags & (SCATTER_STD | CENTRE_MEAN)) != 0 || !v128.any_true(beyond)) {
    return i16x8.bitmask(beyond);
  }
  const wanted = i16x8.narrow_i32x4_s(wantedMad(limits, far), wantedMad(limits, lastFar));
  return i16x8.bitmask(v128.andnot(beyond, hasMad(column, frames, wanted)));
}

/** The pixels of a column that have to be looked at one by one, as bits. */
export function leftOver(args: usize, column: usize, limits: usize, sums: usize): u32 {
  const frames = paramU32(args, 0);
  const flags = paramU32(args, 3);
  const wide = i32x4.bitmask(v128.load(sums, 32)) | (i32x4.bitmask(v128.load(sums, 48)) << 4);
  if ((flags & CLIP) == 0 || paramU32(args, 6) == 0 || frames <= 2) return wide;
  return wide | mayLose(flags, frames, column, limits, sums);
}

/** Samples of one pixel of a column as floats, as far from each other as in a column. */
export function gatherPixel(pixel: usize, frames: u32, zero: f32, lane: usize): void {
  for (let k: u32 = 0; k < frames; k++) {
    store<f32>(lane, <f32>load<i16>(pixel) + zero);
    pixel += SAMPLE;
    lane += SAMPLE;
  }
}
