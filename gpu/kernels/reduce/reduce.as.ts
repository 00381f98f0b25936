// Takes the detector out of rows: (raw - bias - darkScale * dark) * scale / flat, and mask planes;
// weighs reduced rows; takes fringes off. Slots and parameters as in reduce.wgsl.

import { paramF32, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";

/** Bytes of the arguments of an entry point. */
const ARGUMENT_BYTES: usize = 256;
const HAS_BIAS: u32 = 1;
const HAS_DARK: u32 = 2;
const HAS_FLAT: u32 = 4;
const HAS_MASK: u32 = 8;

/** Bits where a comparison holds. */
// @ts-ignore: decorator
@inline
function bitsWhere(condition: v128, bits: v128): v128 {
  return v128.and(condition, bits);
}

/** Bits that all lanes get, from a parameter. */
function bitsOf(args: usize, index: u32): v128 {
  return i32x4.splat(paramU32(args, index));
}

/** A number that all lanes get, from a parameter. */
function numberOf(args: usize, index: u32): v128 {
  return f32x4.splat(paramF32(args, index));
}

/**
 * Reduces pixels, eight by eight; gives the first that was not done. Limits and bits are local: the
 * compiler cannot know that the results do not lie on them.
 */
function reduceEights(args: usize, first: u32, end: u32): u32 {
  const flags = paramU32(args, 0);
  const raw = slotPointer(args, 0);
  const bias = slotPointer(args, 1);
  const dark = slotPointer(args, 2);
  const flat = slotPointer(args, 3);
  const known = slotPointer(args, 4);
  const out = slotPointer(args, 5);
  const masks = slotPointer(args, 6);
  const darkScale = numberOf(args, 1);
  const hotAbove = numberOf(args, 2);
  const flatBelow = numberOf(args, 3);
  const flatAbove = numberOf(args, 4);
  const saturation = numberOf(args, 5);
  const scale = numberOf(args, 6);
  const bad = bitsOf(args, 7);
  const saturated = bitsOf(args, 8);
  const noData = bitsOf(args, 9);
  const suspectAbove = numberOf(args, 10);
  const suspect = bitsOf(args, 11);
  const unfit = bitsOf(args, 12);
  const one = f32x4.splat(1);
  const nan = f32x4.splat(NaN);
  let p = first;
  for (; p + 8 <= end; p += 8) {
    let low = i32x4.splat(0);
    for (let half: u32 = 0; half < 8; half += 4) {
      const at = <usize>(p + half) << 2;
      const sample = v128.load(raw + at);
      const full = f32x4.ge(sample, saturation);
      const near = v128.andnot(f32x4.ge(sample, suspectAbove), full);
      let mask = v128.or(bitsWhere(full, saturated), bitsWhere(near, suspect));
      mask = v128.or(mask, bitsWhere(f32x4.ne(sample, sample), noData));
      let value = sample;
      if ((flags & HAS_BIAS) != 0) value = f32x4.sub(value, v128.load(bias + at));
      if ((flags & HAS_DARK) != 0) {
        const current = v128.load(dark + at);
        value = f32x4.sub(value, f32x4.mul(current, darkScale));
        mask = v128.or(mask, bitsWhere(f32x4.gt(current, hotAbove), bad));
      }
      let factor = scale;
      if ((flags & HAS_FLAT) != 0) {
        const response = v128.load(flat + at);
        const above = f32x4.ge(response, flatBelow);
        const dead = v128.not(v128.and(above, f32x4.le(response, flatAbove)));
        mask = v128.or(mask, bitsWhere(dead, bad));
        factor = f32x4.div(factor, v128.bitselect(response, one, above));
      }
      if ((flags & HAS_MASK) != 0) {
        const bits = v128.load64_zero(known + (<usize>(p + half) << 1));
        mask = v128.or(mask, i32x4.extend_low_i16x8_u(bits));
      }
      const kept = i32x4.eq(v128.and(mask, unfit), i32x4.splat(0));
      v128.store(out + at, v128.bitselect(f32x4.mul(value, factor), nan, kept));
      if (half == 0) low = mask;
      else v128.store(masks + (<usize>p << 1), i16x8.narrow_i32x4_u(low, mask));
    }
  }
  return p;
}

/** The few pixels at the end of some rows go through copies of eight, laid out as the arrays are. */
function reduceRest(args: usize, from: u32, end: u32, scratch: usize): void {
  const copied = scratch;
  memory.copy(copied, args, ARGUMENT_BYTES);
  let room = scratch + ARGUMENT_BYTES;
  for (let slot: u32 = 0; slot < 7; slot++) {
    const size = <usize>(slot == 4 || slot == 6 ? 2 : 4);
    const given = slot < 5 && (slot == 0 || (paramU32(args, 0) & (1 << (slot - 1))) != 0);
    if (given) memory.copy(room, slotPointer(args, slot) + from * size, (end - from) * size);
    store<u32>(copied + (slot << 3), <u32>room);
    room += 32;
  }
  reduceEights(copied, 0, 8);
  memory.copy(slotPointer(args, 5) + (<usize>from << 2), slotPointer(copied, 5), <usize>(end - from) << 2);
  memory.copy(slotPointer(args, 6) + (<usize>from << 1), slotPointer(copied, 6), <usize>(end - from) << 1);
}

export function reduceRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const end = to * widthOf(args);
  const rest = reduceEights(args, from * widthOf(args), end);
  if (rest < end) reduceRest(args, rest, end, scratch);
}

const HAS_BIAS_VARIANCE: u32 = 16;
const HAS_DARK_VARIANCE: u32 = 32;
const HAS_FLAT_VARIANCE: u32 = 64;

/** Masters may have rows above those that are weighed. */
function masterPointer(args: usize, slot: u32): usize {
  return slotPointer(args, slot) + (<usize>(topOf(args) * widthOf(args)) << 2);
}

/** Four variances of a slot, 0 where they are not known. */
function variances(args: usize, slot: u32, flag: u32, at: usize): v128 {
  if ((paramU32(args, 0) & flag) == 0) return f32x4.splat(0);
  const v = v128.load(masterPointer(args, slot) + at);
  return v128.and(v, f32x4.gt(v, f32x4.splat(0)));
}

/** Inverse variances of four reduced pixels. */
function weighFour(args: usize, p: u32): v128 {
  const flags = paramU32(args, 0);
  const at = <usize>p << 2;
  const zero = f32x4.splat(0);
  const value = v128.load(slotPointer(args, 0) + at);
  const mask = i32x4.extend_low_i16x8_u(v128.load64_zero(slotPointer(args, 1) + (<usize>p << 1)));
  const scale = f32x4.splat(paramF32(args, 1));
  const hasFlat = (flags & HAS_FLAT) != 0;
  const response = hasFlat ? v128.load(masterPointer(args, 3) + at) : f32x4.splat(1);
  let signal = f32x4.mul(value, response);
  if ((flags & HAS_DARK) != 0) {
    signal = f32x4.add(signal, f32x4.mul(scale, v128.load(masterPointer(args, 2) + at)));
  }
  let variance = f32x4.mul(f32x4.pmax(zero, signal), f32x4.splat(paramF32(args, 2)));
  variance = f32x4.add(variance, f32x4.splat(paramF32(args, 3)));
  variance = f32x4.add(variance, variances(args, 4, HAS_BIAS_VARIANCE, at));
  const dark = variances(args, 5, HAS_DARK_VARIANCE, at);
  variance = f32x4.add(variance, f32x4.mul(f32x4.mul(scale, scale), dark));
  const flat = variances(args, 6, HAS_FLAT_VARIANCE, at);
  variance = f32x4.add(variance, f32x4.mul(f32x4.mul(value, value), flat));
  const weight = f32x4.div(f32x4.mul(response, response), variance);
  const good = i32x4.eq(v128.and(mask, i32x4.splat(paramU32(args, 4))), i32x4.splat(0));
  const finite = v128.and(f32x4.eq(signal, signal), f32x4.lt(weight, f32x4.splat(Infinity)));
  const usable = v128.and(f32x4.gt(weight, zero), finite);
  return v128.and(weight, v128.and(good, usable));
}

export function weighRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const out = slotPointer(args, 7);
  const end = to * width;
  let p = from * width;
  for (; p + 4 <= end; p += 4) v128.store(out + (<usize>p << 2), weighFour(args, p));
  if (p == end) return;
  v128.store(scratch, weighFour(args, p));
  memory.copy(out + (<usize>p << 2), scratch, <usize>(end - p) << 2);
}

export function subtractPattern(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const values = slotPointer(args, 0);
  const patterns = slotPointer(args, 1);
  const out = slotPointer(args, 2);
  const scale = paramF32(args, 0);
  const end = <usize>(to * width) << 2;
  let at = <usize>(from * width) << 2;
  for (; at + 16 <= end; at += 16) {
    const pattern = v128.load(patterns + at);
    const known = v128.and(pattern, f32x4.eq(pattern, pattern));
    const off = f32x4.mul(known, f32x4.splat(scale));
    v128.store(out + at, f32x4.sub(v128.load(values + at), off));
  }
  for (; at < end; at += 4) {
    const pattern = load<f32>(patterns + at);
    store<f32>(out + at, load<f32>(values + at) - (pattern == pattern ? pattern * scale : 0));
  }
}
