// Joins an image and its mask: a pixel without a value has the plane for that, and one with that plane
// has no value. Slots: 0 values, f32; 1 mask, u16, as in the file or of this machine; 2 values, f32, NaN
// where there is none; 3 mask, u16; 4 number of values, u32. Parameters: see below.

import { paramF32, paramU32, slotPointer, widthOf } from "../arguments.as";

const FLAGS: u32 = 0; // 1: there is a mask; 2: it is big-endian with an offset of 32768
const NO_DATA: u32 = 1;
const SATURATED: u32 = 2;
const LEVEL: u32 = 3; // f32: from which pixels are saturated, where there is no mask
const WHOLE: u32 = 4; // a pixel with all of these planes loses the next ones
const DROPPED: u32 = 5;

function swap16(v: v128): v128 {
  return i8x16.shuffle(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

/** Marks eight pixels; gives how many have a value. */
@inline
function markEight(args: usize, flags: u32, values: usize, planes: usize, out: usize, mask: usize): i32 {
  const a = v128.load(values);
  const b = v128.load(values, 16);
  const zero = f32x4.splat(0);
  const finite = i16x8.narrow_i32x4_s(
    f32x4.eq(f32x4.sub(a, a), zero),
    f32x4.eq(f32x4.sub(b, b), zero),
  );
  const noData = i16x8.splat(<i16>paramU32(args, NO_DATA));
  let bits = i16x8.splat(0);
  if ((flags & 1) != 0) {
    bits = v128.load(planes);
    if ((flags & 2) != 0) bits = v128.xor(swap16(bits), i16x8.splat(-32768));
    const whole = i16x8.splat(<i16>paramU32(args, WHOLE));
    const all = i16x8.eq(v128.and(bits, whole), whole);
    bits = v128.andnot(bits, v128.and(all, i16x8.splat(<i16>paramU32(args, DROPPED))));
  } else {
    const level = f32x4.splat(paramF32(args, LEVEL));
    const over = i16x8.narrow_i32x4_s(f32x4.ge(a, level), f32x4.ge(b, level));
    bits = v128.and(v128.and(over, finite), i16x8.splat(<i16>paramU32(args, SATURATED)));
  }
  bits = v128.or(bits, v128.andnot(noData, finite));
  const gap = i16x8.ne(v128.and(bits, noData), i16x8.splat(0));
  const nan = f32x4.splat(f32.NaN);
  v128.store(mask, bits);
  v128.store(out, v128.bitselect(nan, a, i32x4.extend_low_i16x8_s(gap)));
  v128.store(out, v128.bitselect(nan, b, i32x4.extend_high_i16x8_s(gap)), 16);
  return 8 - popcnt<i32>(i16x8.bitmask(gap));
}

export function markGaps(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const flags = paramU32(args, FLAGS);
  const masked = (flags & 1) != 0;
  for (let y = from; y < to; y++) {
    const at = <usize>(y * width);
    const values = slotPointer(args, 0) + (at << 2);
    const planes = slotPointer(args, 1) + (at << 1);
    const out = slotPointer(args, 2) + (at << 2);
    const mask = slotPointer(args, 3) + (at << 1);
    let count = 0;
    let x: usize = 0;
    for (; x + 8 <= <usize>width; x += 8) {
      count += markEight(args, flags, values + (x << 2), planes + (x << 1), out + (x << 2), mask + (x << 1));
    }
    if (x < <usize>width) {
      // the rest of the row by way of the working memory, where what lies beyond counts as a gap
      const rest = <usize>width - x;
      for (let i: usize = 0; i < 8; i++) store<f32>(scratch + (i << 2), f32.NaN);
      memory.copy(scratch, values + (x << 2), rest << 2);
      memory.fill(scratch + 32, 0, 16);
      if (masked) memory.copy(scratch + 32, planes + (x << 1), rest << 1);
      count += markEight(args, flags, scratch, scratch + 32, scratch + 48, scratch + 80);
      memory.copy(out + (x << 2), scratch + 48, rest << 2);
      memory.copy(mask + (x << 1), scratch + 80, rest << 1);
    }
    atomic.add<u32>(slotPointer(args, 4), count);
  }
}
