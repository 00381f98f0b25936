// What is taken from the pixels and planes around a position.

import { RINGS, UNFILLED } from "./cell.as";

/** Weighted sum of a footprint of at most four columns. */
export function sumOf4(from: usize, stride: usize, taps: u32, wx: usize, wy: usize): v128 {
  let sum = f32x4.splat(0);
  for (let j: u32 = 0; j < taps; j++) {
    sum = f32x4.relaxed_madd(v128.load(from), v128.load32_splat(wy), sum);
    from += stride;
    wy += 4;
  }
  return f32x4.mul(sum, v128.load(wx));
}

/** Weighted sum of a footprint of six rows and at most eight columns. */
export function sumOf6(from: usize, stride: usize, wx: usize, wy: usize): v128 {
  let w = v128.load32_splat(wy);
  let low = f32x4.mul(v128.load(from), w);
  let high = f32x4.mul(v128.load(from, 16), w);
  from += stride;
  w = v128.load32_splat(wy, 4);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 8);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 12);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 16);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 20);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  return f32x4.relaxed_madd(low, v128.load(wx), f32x4.mul(high, v128.load(wx, 16)));
}

/** Weighted sum of a footprint of at most eight columns. */
export function sumOf8(from: usize, stride: usize, taps: u32, wx: usize, wy: usize): v128 {
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  for (let j: u32 = 0; j < taps; j++) {
    const w = v128.load32_splat(wy);
    low = f32x4.relaxed_madd(v128.load(from), w, low);
    high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
    from += stride;
    wy += 4;
  }
  return f32x4.relaxed_madd(low, v128.load(wx), f32x4.mul(high, v128.load(wx, 16)));
}

export function total(v: v128): f32 {
  const halves = f32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(halves, 0) + f32x4.extract_lane(halves, 1);
}

/** Whether any pixel of the footprint, or just beside it, has a plane. */
export function touched(mask: usize, stride: usize, taps: u32): bool {
  let any = v128.load(mask);
  for (let j: u32 = 1; j < taps; j++) {
    mask += stride;
    any = v128.or(any, v128.load(mask));
  }
  return v128.any_true(any);
}

/** Whether a block of source pixels, both ends included, has no plane at all. */
export function isClean(mask: usize, stride: usize, x0: i32, x1: i32, y0: i32, y1: i32): bool {
  let any = i16x8.splat(0);
  const bytes = <usize>(x1 - x0 + 1) << 1;
  for (let y = y0; y <= y1; y++) {
    const row = mask + <usize>y * stride + (<usize>x0 << 1);
    for (let at: usize = 0; at < bytes; at += 16) any = v128.or(any, v128.load(row + at));
  }
  return !v128.any_true(any);
}

/**
 * Planes of the pixels that weigh in; UNFILLED if any pixel of the footprint has no value, RINGS if
 * any has one of the planes that ring.
 */
export function planesOf(
  mask: usize,
  stride: usize,
  taps: u32,
  wx: usize,
  wy: usize,
  least: f32,
  ringing: u32,
): u32 {
  let bits: u32 = 0;
  for (let j: u32 = 0; j < taps; j++) {
    const weight = load<f32>(wy + (<usize>j << 2));
    for (let k: u32 = 0; k < taps; k++) {
      const pixel = <u32>load<u16>(mask + (<usize>k << 1));
      if (pixel == 0) continue;
      bits |= pixel & UNFILLED;
      if ((pixel & ringing) != 0) bits |= RINGS;
      const share: f32 = Mathf.abs(weight * load<f32>(wx + (<usize>k << 2)));
      if (share >= least) bits |= pixel;
    }
    mask += stride;
  }
  return bits;
}

/** Dot product of six pixels and the weights of a phase. */
export function sumOfRow6(from: usize, weights: usize): v128 {
  const low = f32x4.mul(v128.load(from), v128.load(weights));
  return f32x4.relaxed_madd(v128.load64_zero(from, 16), v128.load64_zero(weights, 16), low);
}

/** A value kept within the range of the four pixels around it, beyond which lobes have carried it. */
export function settled(from: usize, stride: usize, value: f32): f32 {
  const a = load<f32>(from);
  const b = load<f32>(from, 4);
  const c = load<f32>(from + stride);
  const d = load<f32>(from + stride, 4);
  return min(max(value, min(min(a, b), min(c, d))), max(max(a, b), max(c, d)));
}
