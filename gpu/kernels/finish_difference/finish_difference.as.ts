// Joins the masks of two images, one of which was convolved, and turns the variance of their difference
// into its inverse.
//
// growRows. Slots: 0 mask of the convolved image, u16; 1 row numbers, u32; 2 grown along the row: u16,
// 8 words ahead of the first pixel, the first two the row's number, the third whether any is set.
//
// joinRows. Slots: 0 grown, 1 mask of the convolved image, 2 mask of the other one, u16; 3 joined, u16.
//
// weighRows. Slots: 0 joined mask, u16; 1 difference and 2 its variance, f32; 3 difference, f32, 0 where
// there is none; 4 mask, u16; 5 inverse variance, f32; 6 pixels without weight, u32.
//
// zeroRows. Slots: 0 difference, f32; 1 mask, u16; 2 difference, f32, 0 where there is none.
//
// Parameters: see below.

import { inputRowsOf, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";

const REACH: u32 = 0; // how far planes grow, px
const CARRIED: u32 = 1; // planes that grow
const NO_DATA: u32 = 2;
const EDGE: u32 = 3;
const UNUSABLE: u32 = 4; // planes that leave a pixel no weight
const HEIGHT: u32 = 5; // rows of the image

/** Bytes before the pixels of a grown row. */
const HEAD: usize = 16;

function grownBytes(width: u32): usize {
  return HEAD + (<usize>((width + 7) & ~7) << 1);
}

export function growRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const reach = paramU32(args, REACH);
  const carried = i16x8.splat(<i16>paramU32(args, CARRIED));
  const bytes = grownBytes(width);
  const padded = <usize>((width + 7) & ~7) << 1;
  const first = scratch + (<usize>reach << 1);
  for (let y = from; y < to; y++) {
    const mask = slotPointer(args, 0) + (<usize>(y * width) << 1);
    const out = slotPointer(args, 2) + <usize>y * bytes;
    memory.fill(scratch, 0, padded + (<usize>reach << 2) + 16);
    let any = i16x8.splat(0);
    let x: u32 = 0;
    for (; x + 8 <= width; x += 8) {
      const bits = v128.and(v128.load(mask + (<usize>x << 1)), carried);
      any = v128.or(any, bits);
      v128.store(first + (<usize>x << 1), bits);
    }
    let rest: u32 = 0;
    for (; x < width; x++) {
      const bits = <u32>load<u16>(mask + (<usize>x << 1)) & paramU32(args, CARRIED);
      rest |= bits;
      store<u16>(first + (<usize>x << 1), <u16>bits);
    }
    const set = v128.any_true(any) || rest != 0;
    store<u32>(out, load<u32>(slotPointer(args, 1) + (<usize>y << 2)));
    store<u32>(out, set ? 1 : 0, 4);
    if (!set) continue;
    for (let at: usize = 0; at < padded; at += 16) {
      let bits = v128.load(scratch + at);
      for (let d: usize = 1; d <= <usize>reach << 1; d++) {
        bits = v128.or(bits, v128.load(scratch + at + (d << 1)));
      }
      v128.store(out + HEAD + at, bits);
    }
  }
}

/** Grown planes of eight pixels in the rows that a list of addresses names. */
function grownAt(list: usize, end: usize, at: usize): v128 {
  let bits = i16x8.splat(0);
  for (; list < end; list += 4) bits = v128.or(bits, v128.load(<usize>load<u32>(list) + at));
  return bits;
}

/** Bits of the edge at eight pixels: where `x` lies within reach of the left or right end. */
function edgeAt(x: u32, width: u32, reach: u32, edge: u32): v128 {
  const column = i16x8.add(i16x8.splat(<i16>x), i16x8(0, 1, 2, 3, 4, 5, 6, 7));
  const outside = v128.or(
    i16x8.lt_u(column, i16x8.splat(<i16>reach)),
    i16x8.ge_u(column, i16x8.splat(<i16>(max(width, reach) - reach))),
  );
  return v128.and(outside, i16x8.splat(<i16>edge));
}

export function joinRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const reach = paramU32(args, REACH);
  const top = topOf(args);
  const rows = inputRowsOf(args);
  const bytes = grownBytes(width);
  const grown = slotPointer(args, 0);
  for (let y = from; y < to; y++) {
    const centre = top + y;
    const number = load<u32>(grown + <usize>centre * bytes);
    // the rows within reach that have anything set
    let end = scratch;
    const last = min(rows - 1, centre + reach);
    for (let row = max(centre, reach) - reach; row <= last; row++) {
      const at = grown + <usize>row * bytes;
      if (load<u32>(at, 4) == 0) continue;
      store<u32>(end, <u32>(at + HEAD));
      end += 4;
    }
    const outer = number < reach || number + reach >= paramU32(args, HEIGHT);
    const edge = outer ? 0xffff : reach;
    const moved = slotPointer(args, 1) + (<usize>(centre * width) << 1);
    const still = slotPointer(args, 2) + (<usize>(centre * width) << 1);
    const out = slotPointer(args, 3) + (<usize>(y * width) << 1);
    const room = (end + 15) & ~15;
    for (let x: u32 = 0; x < width; x += 8) {
      const at = <usize>x << 1;
      const bits = v128.or(grownAt(scratch, end, at), edgeAt(x, width, edge, paramU32(args, EDGE)));
      if (x + 8 <= width) {
        v128.store(out + at, v128.or(bits, v128.or(v128.load(moved + at), v128.load(still + at))));
        continue;
      }
      v128.store(room, bits);
      for (let i: usize = 0; i < <usize>(width - x) << 1; i += 2) {
        const planes = load<u16>(moved + at + i) | load<u16>(still + at + i);
        store<u16>(out + at + i, load<u16>(room + i) | planes);
      }
    }
  }
}

/** Weighs four pixels; their planes are words. */
function weighFour(args: usize, planes: v128, difference: usize, variance: usize, out: usize, weight: usize): v128 {
  const zero = f32x4.splat(0);
  const noData = i32x4.splat(paramU32(args, NO_DATA));
  const value = v128.load(difference);
  const noise = v128.load(variance);
  const known = v128.and(
    f32x4.eq(f32x4.sub(value, value), zero),
    f32x4.eq(f32x4.sub(noise, noise), zero),
  );
  const bits = v128.or(planes, v128.andnot(noData, known));
  const kept = i32x4.eq(v128.and(bits, noData), i32x4.splat(0));
  v128.store(out, v128.and(value, kept));
  const unusable = i32x4.splat(paramU32(args, UNUSABLE));
  const fit = i32x4.eq(v128.and(bits, unusable), i32x4.splat(0));
  const good = v128.and(fit, f32x4.gt(noise, zero));
  v128.store(weight, v128.and(f32x4.div(f32x4.splat(1), noise), good));
  return bits;
}

/** Weighs eight pixels; gives how many have no weight. */
function weighEight(args: usize, joined: usize, difference: usize, variance: usize, out: usize, mask: usize, weight: usize): i32 {
  const bits = v128.load(joined);
  const low = i32x4.extend_low_i16x8_u(bits);
  const high = i32x4.extend_high_i16x8_u(bits);
  const a = weighFour(args, low, difference, variance, out, weight);
  const b = weighFour(args, high, difference + 16, variance + 16, out + 16, weight + 16);
  v128.store(mask, i16x8.narrow_i32x4_u(a, b));
  const zero = f32x4.splat(0);
  const none = i16x8.narrow_i32x4_s(
    f32x4.eq(v128.load(weight), zero),
    f32x4.eq(v128.load(weight, 16), zero),
  );
  return popcnt<i32>(i16x8.bitmask(none));
}

export function weighRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  for (let y = from; y < to; y++) {
    const at = <usize>(y * width);
    const joined = slotPointer(args, 0) + (at << 1);
    const difference = slotPointer(args, 1) + (at << 2);
    const variance = slotPointer(args, 2) + (at << 2);
    const out = slotPointer(args, 3) + (at << 2);
    const mask = slotPointer(args, 4) + (at << 1);
    const weight = slotPointer(args, 5) + (at << 2);
    let x: usize = 0;
    let none = 0;
    for (; x + 8 <= <usize>width; x += 8) {
      const low = x << 1;
      const high = x << 2;
      none += weighEight(args, joined + low, difference + high, variance + high, out + high, mask + low, weight + high);
    }
    if (x == <usize>width) {
      atomic.add<u32>(slotPointer(args, 6), none);
      continue;
    }
    // the rest of the row by way of the working memory
    const low = x << 1;
    const high = x << 2;
    const rest = <usize>width - x;
    memory.fill(scratch, 0, 80);
    memory.copy(scratch, joined + low, rest << 1);
    memory.copy(scratch + 16, difference + high, rest << 2);
    memory.copy(scratch + 48, variance + high, rest << 2);
    none += weighEight(args, scratch, scratch + 16, scratch + 48, scratch + 80, scratch + 112, scratch + 128);
    // what lies beyond the row has none either
    atomic.add<u32>(slotPointer(args, 6), none - 8 + <i32>rest);
    memory.copy(out + high, scratch + 80, rest << 2);
    memory.copy(mask + low, scratch + 112, rest << 1);
    memory.copy(weight + high, scratch + 128, rest << 2);
  }
}

export function zeroRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const noData = paramU32(args, NO_DATA);
  const bits = i32x4.splat(noData);
  const end = <usize>(to * width);
  const values = slotPointer(args, 0);
  const mask = slotPointer(args, 1);
  const out = slotPointer(args, 2);
  let i = <usize>(from * width);
  for (; i + 4 <= end; i += 4) {
    const planes = i32x4.extend_low_i16x8_u(v128.load64_zero(mask + (i << 1)));
    const kept = i32x4.eq(v128.and(planes, bits), i32x4.splat(0));
    v128.store(out + (i << 2), v128.and(v128.load(values + (i << 2)), kept));
  }
  for (; i < end; i++) {
    const none = (<u32>load<u16>(mask + (i << 1)) & noData) != 0;
    store<f32>(out + (i << 2), none ? 0 : load<f32>(values + (i << 2)));
  }
}
