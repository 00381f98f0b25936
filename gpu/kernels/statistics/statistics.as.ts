// Counts and sums of an image, from which exact percentiles and clipped moments are made.
// A value's key is its bits as an unsigned integer of the same order. NaN is left out.

import { paramF32, paramU32, slotPointer, widthOf } from "../arguments.as";

const BINS: u32 = 65536;

function keyOf(bits: u32): u32 {
  return bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
}

function isNumber(bits: u32): bool {
  return (bits & 0x7fffffff) <= 0x7f800000;
}

/** Adds a thread's counts to those of all; most are 0. */
function addCounts(counts: usize, sums: usize): void {
  for (let i: usize = 0; i < <usize>BINS << 2; i += 16) {
    if (!v128.any_true(v128.load(counts + i))) continue;
    for (let j = i; j < i + 16; j += 4) {
      const count = load<u32>(counts + j);
      if (count != 0) atomic.add<u32>(sums + j, count);
    }
  }
}

/** Slots: 0 values, f32; 1 counts of the upper halves of the keys. */
export function countUpper(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  memory.fill(scratch, 0, <usize>BINS << 2);
  let at = slotPointer(args, 0) + (<usize>(from * width) << 2);
  for (const end = at + (<usize>((to - from) * width) << 2); at < end; at += 4) {
    const bits = load<u32>(at);
    if (!isNumber(bits)) continue;
    const bin = scratch + (<usize>(keyOf(bits) >> 16) << 2);
    store<u32>(bin, load<u32>(bin) + 1);
  }
  addCounts(scratch, slotPointer(args, 1));
}

/** Slots: 0 values, f32; 1 counts of the lower halves of keys whose upper half is parameter 0. */
export function countLower(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const upper = paramU32(args, 0);
  memory.fill(scratch, 0, <usize>BINS << 2);
  let at = slotPointer(args, 0) + (<usize>(from * width) << 2);
  for (const end = at + (<usize>((to - from) * width) << 2); at < end; at += 4) {
    const bits = load<u32>(at);
    const key = keyOf(bits);
    if (key >> 16 != upper || !isNumber(bits)) continue;
    const bin = scratch + (<usize>(key & 0xffff) << 2);
    store<u32>(bin, load<u32>(bin) + 1);
  }
  addCounts(scratch, slotPointer(args, 1));
}

/**
 * Slots: 0 values, f32; 1 [rows, 4]: count (u32), sum, sum of squares, 0; both sums of differences
 * from parameter 0, of values from parameter 1 to parameter 2.
 */
export function sumRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const centre = paramF32(args, 0);
  const low = paramF32(args, 1);
  const high = paramF32(args, 2);
  const centres = f32x4.splat(centre);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  for (let y = from; y < to; y++) {
    let at = slotPointer(args, 0) + (<usize>(y * width) << 2);
    const end = at + (<usize>width << 2);
    let counts = i32x4.splat(0);
    let sums = f64x2.splat(0);
    let squares = f64x2.splat(0);
    for (; at + 16 <= end; at += 16) {
      const v = v128.load(at);
      const good = v128.and(f32x4.ge(v, lows), f32x4.le(v, highs));
      const away = v128.and(f32x4.sub(v, centres), good);
      counts = i32x4.sub(counts, good);
      const first = f64x2.promote_low_f32x4(away);
      const second = f64x2.promote_low_f32x4(i8x16.shuffle(
        away, away, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15,
      ));
      sums = f64x2.add(sums, f64x2.add(first, second));
      squares = f64x2.add(squares, f64x2.add(f64x2.mul(first, first), f64x2.mul(second, second)));
    }
    let count = i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) +
      i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3);
    let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
    let square = f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
    for (; at < end; at += 4) {
      const v = load<f32>(at);
      if (!(v >= low && v <= high)) continue;
      const away = <f64>(v - centre);
      count++;
      sum += away;
      square += away * away;
    }
    const out = slotPointer(args, 1) + (<usize>y << 4);
    store<u32>(out, count);
    store<f32>(out, <f32>sum, 4);
    store<f32>(out, <f32>square, 8);
    store<f32>(out, 0, 12);
  }
}
