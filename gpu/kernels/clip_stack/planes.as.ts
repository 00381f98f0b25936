// Blocks of 32 pixels of K frames of floats, one plane a frame.

import { middle } from "../sorted_samples.as";

/** Bytes of a plane of a block. */
export const FLOATS: usize = 128;

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
