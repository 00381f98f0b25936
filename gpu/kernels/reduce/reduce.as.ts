// Takes the detector out of rows: (raw - bias - darkScale * dark) * scale / flat, and mask planes;
// weighs reduced rows; takes fringes off. Slots and parameters as in reduce.wgsl.

import { paramF32, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";

const HAS_BIAS: u32 = 1;
const HAS_DARK: u32 = 2;
const HAS_FLAT: u32 = 4;
const HAS_MASK: u32 = 8;

/** Bits where a comparison holds. */
function bitsWhere(condition: v128, bit: u32): v128 {
  return v128.and(condition, i32x4.splat(bit));
}

/** Reduces four pixels; gives their mask as four words. */
function reduceFour(args: usize, p: u32, out: usize): v128 {
  const flags = paramU32(args, 0);
  const at = <usize>p << 2;
  const raw = v128.load(slotPointer(args, 0) + at);
  const full = f32x4.ge(raw, f32x4.splat(paramF32(args, 5)));
  const near = v128.andnot(f32x4.ge(raw, f32x4.splat(paramF32(args, 10))), full);
  let mask = v128.or(
    v128.or(bitsWhere(full, paramU32(args, 8)), bitsWhere(near, paramU32(args, 11))),
    bitsWhere(f32x4.ne(raw, raw), paramU32(args, 9)),
  );
  let value = raw;
  if ((flags & HAS_BIAS) != 0) value = f32x4.sub(value, v128.load(slotPointer(args, 1) + at));
  if ((flags & HAS_DARK) != 0) {
    const dark = v128.load(slotPointer(args, 2) + at);
    value = f32x4.sub(value, f32x4.mul(dark, f32x4.splat(paramF32(args, 1))));
    mask = v128.or(mask, bitsWhere(f32x4.gt(dark, f32x4.splat(paramF32(args, 2))), paramU32(args, 7)));
  }
  let factor = f32x4.splat(paramF32(args, 6));
  if ((flags & HAS_FLAT) != 0) {
    const flat = v128.load(slotPointer(args, 3) + at);
    const above = f32x4.ge(flat, f32x4.splat(paramF32(args, 3)));
    const below = f32x4.le(flat, f32x4.splat(paramF32(args, 4)));
    mask = v128.or(mask, bitsWhere(v128.not(v128.and(above, below)), paramU32(args, 7)));
    factor = f32x4.div(factor, v128.bitselect(flat, f32x4.splat(1), above));
  }
  if ((flags & HAS_MASK) != 0) {
    mask = v128.or(mask, i32x4.extend_low_i16x8_u(v128.load64_zero(slotPointer(args, 4) + (<usize>p << 1))));
  }
  const kept = i32x4.eq(v128.and(mask, i32x4.splat(paramU32(args, 12))), i32x4.splat(0));
  v128.store(out, v128.bitselect(f32x4.mul(value, factor), f32x4.splat(NaN), kept));
  return mask;
}

export function reduceRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const out = slotPointer(args, 5);
  const masks = slotPointer(args, 6);
  const end = to * width;
  let p = from * width;
  for (; p + 8 <= end; p += 8) {
    const at = <usize>p << 2;
    const first = reduceFour(args, p, out + at);
    const second = reduceFour(args, p + 4, out + at + 16);
    v128.store(masks + (<usize>p << 1), i16x8.narrow_i32x4_u(first, second));
  }
  for (; p < end; p += 4) {
    const size = <usize>min<u32>(4, end - p);
    const mask = reduceFour(args, p, scratch);
    v128.store(scratch, i16x8.narrow_i32x4_u(mask, mask), 32);
    memory.copy(out + (<usize>p << 2), scratch, size << 2);
    memory.copy(masks + (<usize>p << 1), scratch + 32, size << 1);
  }
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
