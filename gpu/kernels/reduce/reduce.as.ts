// Takes the detector out of rows: (raw - bias - darkScale * dark) * scale / flat, mask planes and
// inverse variance. Slots and parameters as in reduce.wgsl.

import { paramF32, paramU32, slotPointer, widthOf } from "../arguments.as";

const HAS_BIAS: u32 = 1;
const HAS_DARK: u32 = 2;
const HAS_FLAT: u32 = 4;
const HAS_MASK: u32 = 8;
const WANT_WEIGHT: u32 = 16;

/** Bits where a comparison holds. */
function bitsWhere(condition: v128, bit: u32): v128 {
  return v128.and(condition, i32x4.splat(bit));
}

/** Reduces four pixels; gives their mask as four words. */
function reduceFour(args: usize, p: u32, out: usize, weights: usize): v128 {
  const flags = paramU32(args, 0);
  const at = <usize>p << 2;
  const raw = v128.load(slotPointer(args, 0) + at);
  let mask = v128.or(
    bitsWhere(f32x4.ge(raw, f32x4.splat(paramF32(args, 5))), paramU32(args, 8)),
    bitsWhere(f32x4.ne(raw, raw), paramU32(args, 9)),
  );
  let value = raw;
  if ((flags & HAS_BIAS) != 0) value = f32x4.sub(value, v128.load(slotPointer(args, 1) + at));
  const light = value;
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
  v128.store(out, f32x4.mul(value, factor));
  if ((flags & HAS_MASK) != 0) {
    mask = v128.or(mask, i32x4.extend_low_i16x8_u(v128.load64_zero(slotPointer(args, 4) + (<usize>p << 1))));
  }
  if ((flags & WANT_WEIGHT) != 0) v128.store(weights, weightOf(args, light, factor, mask));
  return mask;
}

/** Inverse variance of the result, 0 where the mask has any bit. */
function weightOf(args: usize, light: v128, factor: v128, mask: v128): v128 {
  const zero = f32x4.splat(0);
  const perAdu = f32x4.splat(paramF32(args, 10));
  const readVariance = f32x4.splat(paramF32(args, 11));
  const variance = f32x4.add(f32x4.mul(f32x4.pmax(light, zero), perAdu), readVariance);
  const scaled = f32x4.mul(f32x4.mul(variance, factor), factor);
  const good = v128.and(i32x4.eq(mask, i32x4.splat(0)), f32x4.gt(scaled, zero));
  return v128.and(f32x4.div(f32x4.splat(1), scaled), good);
}

export function reduceRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const out = slotPointer(args, 5);
  const masks = slotPointer(args, 6);
  const weights = slotPointer(args, 7);
  const wantWeight = (paramU32(args, 0) & WANT_WEIGHT) != 0;
  const end = to * width;
  let p = from * width;
  for (; p + 8 <= end; p += 8) {
    const at = <usize>p << 2;
    const first = reduceFour(args, p, out + at, weights + at);
    const second = reduceFour(args, p + 4, out + at + 16, weights + at + 16);
    v128.store(masks + (<usize>p << 1), i16x8.narrow_i32x4_u(first, second));
  }
  for (; p < end; p += 4) {
    const size = <usize>min<u32>(4, end - p);
    const mask = reduceFour(args, p, scratch, scratch + 16);
    v128.store(scratch, i16x8.narrow_i32x4_u(mask, mask), 32);
    memory.copy(out + (<usize>p << 2), scratch, size << 2);
    memory.copy(masks + (<usize>p << 1), scratch + 32, size << 1);
    if (wantWeight) memory.copy(weights + (<usize>p << 2), scratch + 16, size << 2);
  }
}
