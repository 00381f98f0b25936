// Stored pixels of a FITS file, big-endian, to float32: zero + scale · stored, in float64.
// Slots: 0 raw [planes], 1 out, f32 [planes]. Parameters as in decode.wgsl.

import { paramF32, paramF64, paramU32, slotPointer, slotStride, widthOf } from "../arguments.as";

const HAS_BLANK: u32 = 1;
const UNSIGNED: u32 = 2;
/** Scale is 1 and float32 holds every result. */
const EXACT: u32 = 4;

function swap16(v: v128): v128 {
  return i8x16.shuffle(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

function swap32(v: v128): v128 {
  return i8x16.shuffle(v, v, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Four shorts at a time; gives how many pixels were done. */
function exactShorts(raw: usize, out: usize, pixels: u32, zero: v128): u32 {
  let p: u32 = 0;
  for (; p + 8 <= pixels; p += 8) {
    const v = swap16(v128.load(raw + (<usize>p << 1)));
    const at = out + (<usize>p << 2);
    const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v));
    const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v));
    v128.store(at, f32x4.add(low, zero));
    v128.store(at, f32x4.add(high, zero), 16);
  }
  return p;
}

/** Floats that need no scaling; gives how many pixels were done. */
function exactFloats(raw: usize, out: usize, pixels: u32): u32 {
  let p: u32 = 0;
  for (; p + 4 <= pixels; p += 4) {
    const offset = <usize>p << 2;
    v128.store(out + offset, swap32(v128.load(raw + offset)));
  }
  return p;
}

/** The stored integer or number of a pixel; NaN for BLANK. */
function storedValue(raw: usize, p: u32, bytes: i32, flags: u32, blank: i64): f64 {
  const at = raw + <usize>p * <usize>(bytes < 0 ? -bytes : bytes);
  if (bytes == -4) return <f64>reinterpret<f32>(bswap<u32>(load<u32>(at)));
  if (bytes == -8) return reinterpret<f64>(bswap<u64>(load<u64>(at)));
  let stored: i64;
  if (bytes == 1) stored = <i64>load<u8>(at);
  else if (bytes == 2) stored = <i64><i16>bswap<u16>(load<u16>(at));
  else if (bytes == 4) stored = <i64><i32>bswap<u32>(load<u32>(at));
  else stored = <i64>bswap<u64>(load<u64>(at));
  if ((flags & HAS_BLANK) != 0 && stored == blank) return NaN;
  if ((flags & UNSIGNED) == 0) return <f64>stored;
  return <f64><u64>(stored + (<i64>1 << ((bytes << 3) - 1)));
}

export function decodeRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const scale = paramF64(args, 0);
  const zero = paramF64(args, 2);
  const exactZero = f32x4.splat(paramF32(args, 5));
  const flags = paramU32(args, 6);
  const blank = <i64>paramU32(args, 7) | (<i64>paramU32(args, 8) << 32);
  const planes = paramU32(args, 9);
  const bytes = <i32>paramU32(args, 10) / 8;
  const pixels = (to - from) * width;
  const first = <usize>from * width;
  const size = <usize>(bytes < 0 ? -bytes : bytes);
  for (let plane: u32 = 0; plane < planes; plane++) {
    const raw = slotPointer(args, 0) + plane * slotStride(args, 0) + first * size;
    const out = slotPointer(args, 1) + plane * slotStride(args, 1) + (first << 2);
    let p: u32 = 0;
    if ((flags & EXACT) != 0) {
      if (bytes == 2) p = exactShorts(raw, out, pixels, exactZero);
      else if (bytes == -4) p = exactFloats(raw, out, pixels);
    }
    for (; p < pixels; p++) {
      store<f32>(out + (<usize>p << 2), <f32>(storedValue(raw, p, bytes, flags, blank) * scale + zero));
    }
  }
}
