// Blocks of 32 pixels of K frames, one plane a frame, and networks that sort all their lanes at once.

import { middle } from "../sorted_samples.as";

/** Bytes of a plane of shorts of a block. */
export const SHORTS: usize = 64;
/** Bytes of a plane of floats of a block. */
export const FLOATS: usize = 128;

/** Exchanges the bytes of eight shorts. */
function swap16(v: v128): v128 {
  return i8x16.shuffle(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

/** Reads a block of K planes of big-endian shorts. */
export function loadShorts(stack: usize, stride: usize, frames: u32, planes: usize): void {
  for (let k: u32 = 0; k < frames; k++) {
    v128.store(planes, swap16(v128.load(stack)));
    v128.store(planes, swap16(v128.load(stack, 16)), 16);
    v128.store(planes, swap16(v128.load(stack, 32)), 32);
    v128.store(planes, swap16(v128.load(stack, 48)), 48);
    stack += stride;
    planes += SHORTS;
  }
}

/** Sorts every lane of the planes. */
export function sortShorts(planes: usize, network: usize, pairs: u32): void {
  for (const end = network + (<usize>pairs << 2); network < end; network += 4) {
    const a = planes + <usize>load<u16>(network) * SHORTS;
    const b = planes + <usize>load<u16>(network, 2) * SHORTS;
    let x = v128.load(a);
    let y = v128.load(b);
    v128.store(a, i16x8.min_s(x, y));
    v128.store(b, i16x8.max_s(x, y));
    x = v128.load(a, 16);
    y = v128.load(b, 16);
    v128.store(a, i16x8.min_s(x, y), 16);
    v128.store(b, i16x8.max_s(x, y), 16);
    x = v128.load(a, 32);
    y = v128.load(b, 32);
    v128.store(a, i16x8.min_s(x, y), 32);
    v128.store(b, i16x8.max_s(x, y), 32);
    x = v128.load(a, 48);
    y = v128.load(b, 48);
    v128.store(a, i16x8.min_s(x, y), 48);
    v128.store(b, i16x8.max_s(x, y), 48);
  }
}

/** Half the sum of two planes of shorts, plus an offset, as floats. */
export function middleOfShorts(low: usize, high: usize, zero: v128, out: usize): void {
  const half = f32x4.splat(0.5);
  for (let i: usize = 0; i < SHORTS; i += 16) {
    const a = v128.load(low + i);
    const b = v128.load(high + i);
    const first = i32x4.add(i32x4.extend_low_i16x8_s(a), i32x4.extend_low_i16x8_s(b));
    const second = i32x4.add(i32x4.extend_high_i16x8_s(a), i32x4.extend_high_i16x8_s(b));
    v128.store(out + 2 * i, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(first), half), zero));
    v128.store(out + 2 * i, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(second), half), zero), 16);
  }
}

/**
 * Sums of the distances of sorted shorts from the middle one, i32 [32], and behind them those of their
 * squares; −1 there for a pixel whose samples lie too far apart for 32 bits.
 */
export function momentsOfShorts(planes: usize, frames: u32, moments: usize): void {
  const middle = planes + <usize>(frames >> 1) * SHORTS;
  const last = planes + <usize>(frames - 1) * SHORTS;
  const limit = i16x8.splat(<i16>min<f64>(32766, floor<f64>(sqrt<f64>(2147483647.0 / <f64>frames))));
  for (let i: usize = 0; i < SHORTS; i += 16) {
    const reference = v128.load(middle + i);
    let lowSum = i32x4.splat(0);
    let highSum = i32x4.splat(0);
    let lowSquares = i32x4.splat(0);
    let highSquares = i32x4.splat(0);
    for (let plane = planes + i; plane <= last + i; plane += SHORTS) {
      const away = i16x8.sub_sat_s(v128.load(plane), reference);
      lowSum = i32x4.add(lowSum, i32x4.extend_low_i16x8_s(away));
      highSum = i32x4.add(highSum, i32x4.extend_high_i16x8_s(away));
      lowSquares = i32x4.add(lowSquares, i32x4.extmul_low_i16x8_s(away, away));
      highSquares = i32x4.add(highSquares, i32x4.extmul_high_i16x8_s(away, away));
    }
    const below = i16x8.sub_sat_s(reference, v128.load(planes + i));
    const above = i16x8.sub_sat_s(v128.load(last + i), reference);
    const wide = i16x8.gt_s(i16x8.max_s(below, above), limit);
    const to = moments + 2 * i;
    v128.store(to, lowSum);
    v128.store(to, highSum, 16);
    v128.store(to + FLOATS, v128.or(lowSquares, i32x4.extend_low_i16x8_s(wide)));
    v128.store(to + FLOATS, v128.or(highSquares, i32x4.extend_high_i16x8_s(wide)), 16);
  }
}

/** Planes of shorts as planes of floats, plus an offset. */
export function widenShorts(shorts: usize, frames: u32, zero: v128, planes: usize): void {
  for (const end = shorts + frames * SHORTS; shorts < end; shorts += 16) {
    const v = v128.load(shorts);
    v128.store(planes, f32x4.add(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), zero));
    v128.store(planes, f32x4.add(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), zero), 16);
    planes += 32;
  }
}

/** Reads a block of K planes of floats, gaps as +Infinity, and counts the samples of each pixel. */
export function loadFloats(stack: usize, stride: usize, frames: u32, planes: usize, counts: usize): bool {
  const infinity = f32x4.splat(Infinity);
  let gaps = i32x4.splat(0);
  for (let i: usize = 0; i < FLOATS; i += 16) {
    let count = i32x4.splat(0);
    let from = stack + i;
    let to = planes + i;
    for (let k: u32 = 0; k < frames; k++) {
      const v = v128.load(from);
      const good = f32x4.eq(v, v);
      v128.store(to, v128.bitselect(v, infinity, good));
      count = i32x4.sub(count, good);
      gaps = v128.or(gaps, v128.not(good));
      from += stride;
      to += FLOATS;
    }
    v128.store(counts + i, count);
  }
  return !v128.any_true(gaps);
}

/** Mean of two planes of floats. */
export function middleOfFloats(low: usize, high: usize, out: usize): void {
  for (let i: usize = 0; i < FLOATS; i += 16) v128.store(out + i, middle(low + i, high + i));
}
