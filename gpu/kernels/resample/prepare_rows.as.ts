// Makes rows of a frame ready to be resampled.
//
// Slots: 0 pixels, f32, as in the file or of this machine; 1 mask, u16, likewise; 2 row numbers, u32;
// 3 background, f32 nodes; 4 pixels, f32: without background, gaps filled, no NaN; 5 mask, u16, with
// UNFILLED where there is no value. Parameters: see PREPARE below.

import { paramF32, paramU32, slotPointer, widthOf } from "../arguments.as";
import { UNFILLED } from "./cell.as";

// PREPARE
const FLAGS: u32 = 0; // 1: big-endian pixels; 2: there is a mask; 4: big-endian mask, offset 32768
const SHIFT: u32 = 1; // log2 of the step of the background's nodes
const COLUMNS: u32 = 2; // of the background's nodes
const REPAIR: u32 = 3; // planes whose pixels are filled
const NO_DATA: u32 = 4; // plane of pixels without a value
const SATURATED: u32 = 5; // plane of saturated pixels, where there is no mask
const LEVEL: u32 = 6; // from which pixels without a mask are saturated
const REACH: u32 = 7; // how far a usable neighbour may be

function swap32(v: v128): v128 {
  return i8x16.shuffle(v, v, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

function swap16(v: v128): v128 {
  return i8x16.shuffle(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

function rawPixel(pixels: usize, x: i32, flags: u32): f32 {
  const bits = load<u32>(pixels + (<usize>x << 2));
  return reinterpret<f32>((flags & 1) != 0 ? bswap<u32>(bits) : bits);
}

function rawMask(mask: usize, x: i32, flags: u32): u32 {
  if ((flags & 2) == 0) return 0;
  const bits = load<u16>(mask + (<usize>x << 1));
  return (flags & 4) != 0 ? <u32>bswap<u16>(bits) ^ 0x8000 : <u32>bits;
}

/** Background of a row at the nodes, into scratch. */
function nodesOfRow(args: usize, y: u32, scratch: usize): void {
  const columns = paramU32(args, COLUMNS);
  const shift = paramU32(args, SHIFT);
  const share = <f32>(y & ((1 << shift) - 1)) / <f32>(1 << shift);
  let low = slotPointer(args, 3) + ((<usize>(y >> shift) * columns) << 2);
  let high = low + (<usize>columns << 2);
  for (const end = high; low < end; low += 4) {
    const a = load<f32>(low);
    store<f32>(scratch, a + (load<f32>(high) - a) * share);
    high += 4;
    scratch += 4;
  }
}

/** One pixel; returns its planes. */
function preparePixel(args: usize, row: u32, x: i32, nodes: usize): u32 {
  const width = widthOf(args);
  const at = <usize>row * width;
  const flags = paramU32(args, FLAGS);
  const shift = paramU32(args, SHIFT);
  const value = rawPixel(slotPointer(args, 0) + (at << 2), x, flags);
  let bits = rawMask(slotPointer(args, 1) + (at << 1), x, flags);
  if (value != value) bits |= paramU32(args, NO_DATA);
  if ((flags & 2) == 0 && value >= paramF32(args, LEVEL)) bits |= paramU32(args, SATURATED);
  const node = nodes + (<usize>(x >> shift) << 2);
  const share = <f32>(x & ((1 << shift) - 1)) / <f32>(1 << shift);
  const level = load<f32>(node) + (load<f32>(node, 4) - load<f32>(node)) * share;
  store<f32>(slotPointer(args, 4) + ((at + x) << 2), value - level);
  store<u16>(slotPointer(args, 5) + ((at + x) << 1), <u16>bits);
  return bits;
}

/** Fills the pixels of a row that have to be, from the nearest usable ones on both sides. */
function fillRow(pixels: usize, mask: usize, width: i32, repair: u32, reach: i32): void {
  let last = -1;
  for (let x = 0; x < width; x++) {
    if ((<u32>load<u16>(mask + (<usize>x << 1)) & repair) == 0) {
      last = x;
      continue;
    }
    let next = x + 1;
    while (next < width && (<u32>load<u16>(mask + (<usize>next << 1)) & repair) != 0) next++;
    for (let i = x; i < next; i++) {
      const left = last >= 0 && i - last <= reach;
      const right = next < width && next - i <= reach;
      const at = pixels + (<usize>i << 2);
      if (!left && !right) {
        const value = load<f32>(at);
        if (value == value) continue;
        store<f32>(at, 0);
        const bits = mask + (<usize>i << 1);
        store<u16>(bits, load<u16>(bits) | <u16>UNFILLED);
        continue;
      }
      const before = load<f32>(pixels + (<usize>(left ? last : next) << 2));
      const after = load<f32>(pixels + (<usize>(right ? next : last) << 2));
      const share: f32 = left && right ? <f32>(i - last) / <f32>(next - last) : 0;
      store<f32>(at, before + (after - before) * share);
    }
    x = next - 1;
  }
}

/** Decodes rows, takes the background off, notes and fills what has no value. */
export function prepareRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = <i32>widthOf(args);
  const flags = paramU32(args, FLAGS);
  const shift = paramU32(args, SHIFT);
  const repair = paramU32(args, REPAIR) | paramU32(args, NO_DATA);
  const step = 1 << shift;
  const ramp = f32x4.mul(f32x4(0, 1, 2, 3), f32x4.splat(<f32>1 / <f32>step));
  const noData = i16x8.splat(<i16>paramU32(args, NO_DATA));
  const saturated = i16x8.splat(<i16>paramU32(args, SATURATED));
  const repairs = i16x8.splat(<i16>repair);
  const limit = f32x4.splat(paramF32(args, LEVEL));
  const masked = (flags & 2) != 0;
  for (let row = from; row < to; row++) {
    nodesOfRow(args, load<u32>(slotPointer(args, 2) + (<usize>row << 2)), scratch);
    const at = <usize>row * width;
    const source = slotPointer(args, 0) + (at << 2);
    const planes = slotPointer(args, 1) + (at << 1);
    const pixels = slotPointer(args, 4) + (at << 2);
    const mask = slotPointer(args, 5) + (at << 1);
    let any = i16x8.splat(0);
    let x: i32 = 0;
    for (; x + 8 <= width; x += 8) {
      let a = v128.load(source + (<usize>x << 2));
      let b = v128.load(source + (<usize>x << 2), 16);
      if ((flags & 1) != 0) {
        a = swap32(a);
        b = swap32(b);
      }
      let bits = i16x8.splat(0);
      if (masked) {
        bits = v128.load(planes + (<usize>x << 1));
        if ((flags & 4) != 0) bits = v128.xor(swap16(bits), i16x8.splat(-32768));
      } else {
        const over = i16x8.narrow_i32x4_s(f32x4.ge(a, limit), f32x4.ge(b, limit));
        bits = v128.and(over, saturated);
      }
      const gaps = i16x8.narrow_i32x4_s(f32x4.ne(a, a), f32x4.ne(b, b));
      bits = v128.or(bits, v128.and(gaps, noData));
      any = v128.or(any, v128.and(bits, repairs));
      v128.store(mask + (<usize>x << 1), bits);
      v128.store(pixels + (<usize>x << 2), f32x4.sub(a, levelsAt(scratch, x, shift, ramp)));
      v128.store(pixels + (<usize>x << 2), f32x4.sub(b, levelsAt(scratch, x + 4, shift, ramp)), 16);
    }
    let rest: u32 = 0;
    for (; x < width; x++) rest |= preparePixel(args, row, x, scratch);
    if (v128.any_true(any) || (rest & repair) != 0) {
      fillRow(pixels, mask, width, repair, <i32>paramU32(args, REACH));
    }
  }
}

/** Background at four pixels within one step of at least 4. */
function levelsAt(nodes: usize, x: i32, shift: u32, ramp: v128): v128 {
  const node = nodes + (<usize>(x >> shift) << 2);
  const a = load<f32>(node);
  const slope = load<f32>(node, 4) - a;
  const start = a + slope * <f32>(x & ((1 << shift) - 1)) / <f32>(1 << shift);
  return f32x4.add(f32x4.splat(start), f32x4.mul(f32x4.splat(slope), ramp));
}
