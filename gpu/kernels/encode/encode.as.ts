// Floats and masks to the bytes of a FITS file, big-endian, and the sums of its words.
// Slots: 0 values; 1 raw, bytes; 2 sums, u32 [rows, 2]: of the upper and of the lower halves; of masks
// the first and second of each pair of pixels of a row, and 3 counts, u32 [rows, 16]: pixels with each bit.

import { slotPointer, widthOf } from "../arguments.as";

function swap32(v: v128): v128 {
  return i8x16.shuffle(v, v, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

function sumOf(v: v128): u32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) +
    i32x4.extract_lane(v, 3);
}

export function encodeFloats(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const lower = i32x4.splat(0xffff);
  for (let y = from; y < to; y++) {
    const values = slotPointer(args, 0) + (<usize>(y * width) << 2);
    const raw = slotPointer(args, 1) + (<usize>(y * width) << 2);
    let uppers = i32x4.splat(0);
    let lowers = i32x4.splat(0);
    let x: u32 = 0;
    for (; x + 4 <= width; x += 4) {
      const v = v128.load(values + (<usize>x << 2));
      uppers = i32x4.add(uppers, i32x4.shr_u(v, 16));
      lowers = i32x4.add(lowers, v128.and(v, lower));
      v128.store(raw + (<usize>x << 2), swap32(v));
    }
    let upper = sumOf(uppers);
    let low = sumOf(lowers);
    for (; x < width; x++) {
      const v = load<u32>(values + (<usize>x << 2));
      upper += v >>> 16;
      low += v & 0xffff;
      store<u32>(raw + (<usize>x << 2), bswap<u32>(v));
    }
    const sums = slotPointer(args, 2) + (<usize>y << 3);
    store<u32>(sums, upper);
    store<u32>(sums, low, 4);
  }
}

/** Counts the pixels of eight that have each bit. */
function countBits(masks: v128, counts: usize): void {
  let any = v128.or(masks, i8x16.shuffle(masks, masks, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  any = v128.or(any, i8x16.shuffle(any, any, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3));
  let bits = i32x4.extract_lane(any, 0);
  bits = (bits | (bits >>> 16)) & 0xffff;
  while (bits != 0) {
    const bit = bits & -bits;
    const at = counts + (<usize>ctz(bit) << 2);
    const has = i16x8.ne(v128.and(masks, i16x8.splat(<i16>bit)), i16x8.splat(0));
    store<u32>(at, load<u32>(at) + <u32>popcnt(i16x8.bitmask(has)));
    bits ^= bit;
  }
}

/** One pixel to its bytes; gives them as a big-endian number. */
function encodeShort(value: u32, raw: usize, counts: usize): u32 {
  if (value != 0) countBits(i16x8.replace_lane(i16x8.splat(0), 0, <i16>value), counts);
  const stored = value ^ 0x8000;
  store<u16>(raw, bswap<u16>(<u16>stored));
  return stored;
}

export function encodeMask(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const sign = i16x8.splat(<i16>0x8000);
  for (let y = from; y < to; y++) {
    const masks = slotPointer(args, 0) + (<usize>(y * width) << 1);
    const raw = slotPointer(args, 1) + (<usize>(y * width) << 1);
    const counts = slotPointer(args, 3) + (<usize>y << 6);
    memory.fill(counts, 0, 64);
    let firsts = i32x4.splat(0);
    let seconds = i32x4.splat(0);
    let x: u32 = 0;
    for (; x + 8 <= width; x += 8) {
      const v = v128.load(masks + (<usize>x << 1));
      if (v128.any_true(v)) countBits(v, counts);
      const stored = v128.xor(v, sign);
      firsts = i32x4.add(firsts, v128.and(stored, i32x4.splat(0xffff)));
      seconds = i32x4.add(seconds, i32x4.shr_u(stored, 16));
      v128.store(raw + (<usize>x << 1), v128.or(i16x8.shl(stored, 8), i16x8.shr_u(stored, 8)));
    }
    let first = sumOf(firsts);
    let second = sumOf(seconds);
    for (; x < width; x++) {
      const at = <usize>x << 1;
      const stored = encodeShort(load<u16>(masks + at), raw + at, counts);
      if ((x & 1) == 0) first += stored;
      else second += stored;
    }
    const sums = slotPointer(args, 2) + (<usize>y << 3);
    store<u32>(sums, first);
    store<u32>(sums, second, 4);
  }
}
