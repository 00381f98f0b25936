// Makes rows of a frame ready to be resampled, and resamples them onto another grid.
//
// prepareRows. Slots: 0 pixels, f32, as in the file or of this machine; 1 mask, u16, likewise;
// 2 row numbers, u32; 3 background, f32 nodes; 4 pixels, f32: without background, gaps filled, no NaN;
// 5 mask, u16, with UNFILLED where there is no value. Parameters: see PREPARE below.
//
// resampleRows. Slots: 0 pixels and 1 mask of source rows, from prepareRows; 2 row numbers, u32;
// 3 mesh, nodes of (x, y, area), 16.16 fixed point and f32; 4 kernel [4096 + 1, 8], f32; 5 pixels
// [planes], f32, NaN where there is no value; 6 mask [planes], u16. Parameters: see RESAMPLE below.

import { paramF32, paramU32, slotPointer, slotStride, widthOf } from "../arguments.as";

/** The pixel has no value at all. */
const UNFILLED: u32 = 0x8000;
/** There is no source position at this node of the mesh. */
const NOWHERE: i32 = i32.MIN_VALUE;
/** Bytes of a node: x, y, area. */
const NODE: usize = 12;
/** Bytes of a phase of the kernel. */
const PHASE: usize = 32;

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

// RESAMPLE
const PLANE: u32 = 0; // that is written
const SOURCE_WIDTH: u32 = 1;
const SOURCE_ROWS: u32 = 2;
const SOURCE_FIRST: u32 = 3; // number of the first source row there is
const MESH_SHIFT: u32 = 4; // log2 of the step of the mesh
const MESH_COLUMNS: u32 = 5;
const MESH_FIRST: u32 = 6; // target row of the first row of nodes
const TAPS: u32 = 7;
const BEFORE: u32 = 8; // the first tap lies this far before the position
const OFFSET: u32 = 9; // added to positions, 16.16
const SCALE: u32 = 10;
const MASK_WEIGHT: u32 = 11;

/** Weighted sum of a footprint of at most four columns. */
function sumOf4(from: usize, stride: usize, taps: u32, wx: usize, wy: usize): v128 {
  let sum = f32x4.splat(0);
  for (let j: u32 = 0; j < taps; j++) {
    sum = f32x4.relaxed_madd(v128.load(from), v128.load32_splat(wy), sum);
    from += stride;
    wy += 4;
  }
  return f32x4.mul(sum, v128.load(wx));
}

/** Weighted sum of a footprint of six rows and at most eight columns. */
function sumOf6(from: usize, stride: usize, wx: usize, wy: usize): v128 {
  let w = v128.load32_splat(wy);
  let low = f32x4.mul(v128.load(from), w);
  let high = f32x4.mul(v128.load(from, 16), w);
  from += stride;
  w = v128.load32_splat(wy, 4);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 8);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 12);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 16);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  from += stride;
  w = v128.load32_splat(wy, 20);
  low = f32x4.relaxed_madd(v128.load(from), w, low);
  high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
  return f32x4.relaxed_madd(low, v128.load(wx), f32x4.mul(high, v128.load(wx, 16)));
}

/** Weighted sum of a footprint of at most eight columns. */
function sumOf8(from: usize, stride: usize, taps: u32, wx: usize, wy: usize): v128 {
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  for (let j: u32 = 0; j < taps; j++) {
    const w = v128.load32_splat(wy);
    low = f32x4.relaxed_madd(v128.load(from), w, low);
    high = f32x4.relaxed_madd(v128.load(from, 16), w, high);
    from += stride;
    wy += 4;
  }
  return f32x4.relaxed_madd(low, v128.load(wx), f32x4.mul(high, v128.load(wx, 16)));
}

function total(v: v128): f32 {
  const halves = f32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(halves, 0) + f32x4.extract_lane(halves, 1);
}

/** Whether any pixel of the footprint, or just beside it, has a plane. */
function touched(mask: usize, stride: usize, taps: u32): bool {
  let any = v128.load(mask);
  for (let j: u32 = 1; j < taps; j++) {
    mask += stride;
    any = v128.or(any, v128.load(mask));
  }
  return v128.any_true(any);
}

/** Whether a block of source pixels, both ends included, has no plane at all. */
function isClean(mask: usize, stride: usize, x0: i32, x1: i32, y0: i32, y1: i32): bool {
  let any = i16x8.splat(0);
  const bytes = <usize>(x1 - x0 + 1) << 1;
  for (let y = y0; y <= y1; y++) {
    const row = mask + <usize>y * stride + (<usize>x0 << 1);
    for (let at: usize = 0; at < bytes; at += 16) any = v128.or(any, v128.load(row + at));
  }
  return !v128.any_true(any);
}

/** Planes of the pixels that weigh in; UNFILLED if any pixel of the footprint has no value. */
function planesOf(mask: usize, stride: usize, taps: u32, wx: usize, wy: usize, least: f32): u32 {
  let bits: u32 = 0;
  for (let j: u32 = 0; j < taps; j++) {
    const weight = load<f32>(wy + (<usize>j << 2));
    for (let k: u32 = 0; k < taps; k++) {
      const pixel = <u32>load<u16>(mask + (<usize>k << 1));
      if (pixel == 0) continue;
      bits |= pixel & UNFILLED;
      const share: f32 = Mathf.abs(weight * load<f32>(wx + (<usize>k << 2)));
      if (share >= least) bits |= pixel;
    }
    mask += stride;
  }
  return bits;
}

/** Resamples rows of the target from one frame. */
export function resampleRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const plane = paramU32(args, PLANE);
  const sourceWidth = paramU32(args, SOURCE_WIDTH);
  const shift = paramU32(args, MESH_SHIFT);
  const columns = paramU32(args, MESH_COLUMNS);
  const taps = paramU32(args, TAPS);
  const before = paramU32(args, BEFORE);
  const offset = <i32>paramU32(args, OFFSET);
  const scale = paramF32(args, SCALE);
  const least = paramF32(args, MASK_WEIGHT);
  const firstRow = paramU32(args, SOURCE_FIRST) + before;
  const lastX = <i32>sourceWidth - <i32>taps;
  const lastY = <i32>paramU32(args, SOURCE_ROWS) - <i32>taps;
  const step = 1 << shift;
  const pixels = slotPointer(args, 0);
  const planes = slotPointer(args, 1);
  const kernel = slotPointer(args, 4);
  const stride = <usize>sourceWidth << 2;
  const maskStride = <usize>sourceWidth << 1;
  const nan = f32.NaN;
  for (let row = from; row < to; row++) {
    const number = load<u32>(slotPointer(args, 2) + (<usize>row << 2)) - paramU32(args, MESH_FIRST);
    const fy = <i32>(number & (step - 1));
    let node = slotPointer(args, 3) + <usize>(number >> shift) * columns * NODE;
    const at = <usize>row * width;
    let out = slotPointer(args, 5) + <usize>plane * slotStride(args, 5) + (at << 2);
    let outMask = slotPointer(args, 6) + <usize>plane * slotStride(args, 6) + (at << 1);
    const rowBytes = <usize>columns * NODE;
    for (let x: u32 = 0; x < width; x += <u32>step, node += NODE) {
      const end: u32 = min(<u32>step, width - x);
      const x00 = load<i32>(node);
      const x01 = load<i32>(node, NODE);
      const x10 = load<i32>(node + rowBytes);
      const x11 = load<i32>(node + rowBytes, NODE);
      if (x00 == NOWHERE || x01 == NOWHERE || x10 == NOWHERE || x11 == NOWHERE) {
        for (let t: u32 = 0; t < end; t++) {
          store<f32>(out, nan);
          store<u16>(outMask, 0);
          out += 4;
          outMask += 2;
        }
        continue;
      }
      const y00 = load<i32>(node, 4);
      const y01 = load<i32>(node, NODE + 4);
      const xa = x00 + (((x10 - x00) * fy) >> shift);
      const ya = y00 + (((load<i32>(node + rowBytes, 4) - y00) * fy) >> shift);
      const dx = x01 + (((x11 - x01) * fy) >> shift) - xa;
      const dy = y01 + (((load<i32>(node + rowBytes, NODE + 4) - y01) * fy) >> shift) - ya;
      const share = <f32>fy / <f32>step;
      const a0 = load<f32>(node, 8) + (load<f32>(node + rowBytes, 8) - load<f32>(node, 8)) * share;
      const a1 = load<f32>(node, NODE + 8) +
        (load<f32>(node + rowBytes, NODE + 8) - load<f32>(node, NODE + 8)) * share;
      // most cells lie inside the source and touch no masked pixel: one look for all their pixels
      const x0 = ((min(xa, xa + dx) + offset) >> 16) - <i32>before;
      const x1 = ((max(xa, xa + dx) + offset) >> 16) - <i32>before + <i32>taps;
      const y0 = ((min(ya, ya + dy) + offset) >> 16) - <i32>firstRow;
      const y1 = ((max(ya, ya + dy) + offset) >> 16) - <i32>firstRow + <i32>taps;
      const clean = x0 >= 0 && y0 >= 0 && x1 < <i32>sourceWidth && y1 < lastY + <i32>taps &&
        isClean(planes, maskStride, x0, x1, y0, y1);
      const slope = (a1 - a0) * scale / <f32>step;
      const start = a0 * scale;
      for (let t: u32 = 0; t < end; t++, out += 4, outMask += 2) {
        const px = xa + ((dx * <i32>t) >> shift) + offset;
        const py = ya + ((dy * <i32>t) >> shift) + offset;
        const left = (px >> 16) - <i32>before;
        const top = (py >> 16) - <i32>firstRow;
        if (!clean && (left < 0 || left > lastX || top < 0 || top > lastY)) {
          store<f32>(out, nan);
          store<u16>(outMask, 0);
          continue;
        }
        const wx = kernel + <usize>((px >> 4) & 4095) * PHASE;
        const wy = kernel + <usize>((py >> 4) & 4095) * PHASE;
        const first = <usize>(<u32>top * sourceWidth + <u32>left);
        const corner = pixels + (first << 2);
        let sum: v128;
        if (taps == 6) sum = sumOf6(corner, stride, wx, wy);
        else if (taps > 4) sum = sumOf8(corner, stride, taps, wx, wy);
        else sum = sumOf4(corner, stride, taps, wx, wy);
        let value = total(sum) * (start + slope * <f32>t);
        let bits: u32 = 0;
        const corners = planes + (first << 1);
        if (!clean && touched(corners, maskStride, taps)) {
          bits = planesOf(corners, maskStride, taps, wx, wy, least);
          if ((bits & UNFILLED) != 0) value = nan;
          bits &= ~UNFILLED;
        }
        store<f32>(out, value);
        store<u16>(outMask, <u16>bits);
      }
    }
  }
}
