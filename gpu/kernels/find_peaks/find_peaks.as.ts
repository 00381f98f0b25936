// Finds the local maxima of a smoothed image above its sky.
//
// smoothRows. Slots: 0 image, f32; 1 row numbers, u32; 2 surfaces [2], f32 nodes: level and noise of the
// sky; 3 smoothed, f32, in units of the noise, 0 beyond the sides: 4 words ahead of the first pixel, the
// first one the row's number.
//
// findPeaks. Slots: 0 smoothed, 1 peaks, u32 [1 + most]: how many a row has, then their columns.
//
// Parameters: see below.

import { inputRowsOf, paramF32, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";

const SHIFT: u32 = 0; // log2 of the distance of the nodes, at least 2
const COLUMNS: u32 = 1; // nodes along x
const NODES: u32 = 2; // of one surface
const THRESHOLD: u32 = 3; // f32: in units of the noise of a pixel
const MOST: u32 = 4; // columns that a row of peaks has room for
const HEIGHT: u32 = 5; // rows of the image

/** Bytes before the pixels of a smoothed row, and words at least behind them. */
const HEAD: usize = 16;
const BEHIND: u32 = 8;
/** Weights of the binomial of five. */
const OUTER: f32 = 0.0625;
const INNER: f32 = 0.25;
const MIDDLE: f32 = 0.375;

function smoothBytes(width: u32): usize {
  return HEAD + (<usize>(((width + 3) & ~3) + BEHIND) << 2);
}

/** Values of both surfaces at the nodes of a row, into scratch: levels, then noise. */
function nodesOfRow(args: usize, y: u32, scratch: usize): void {
  const columns = paramU32(args, COLUMNS);
  const shift = paramU32(args, SHIFT);
  const share = <f32>(y & ((1 << shift) - 1)) / <f32>(1 << shift);
  for (let k: u32 = 0; k < 2; k++) {
    const low = slotPointer(args, 2) + (<usize>(k * paramU32(args, NODES) + (y >> shift) * columns) << 2);
    const high = low + (<usize>columns << 2);
    for (let i: usize = 0; i < <usize>columns << 2; i += 4) {
      const a = load<f32>(low + i);
      store<f32>(scratch + i, a + (load<f32>(high + i) - a) * share);
    }
    scratch += <usize>columns << 2;
  }
}

/** Four pixels above the sky; 0 without a value. */
function lightOf(at: usize, level: v128): v128 {
  const v = f32x4.sub(v128.load(at), level);
  return v128.and(v, f32x4.eq(f32x4.sub(v, v), f32x4.splat(0)));
}

/** Smooths a column of five rows: `rows` holds their addresses. */
function smoothDown(rows: usize, at: usize, level: v128): v128 {
  let sum = f32x4.mul(lightOf(load<u32>(rows, 8) + at, level), f32x4.splat(MIDDLE));
  const near = f32x4.add(lightOf(load<u32>(rows, 4) + at, level), lightOf(load<u32>(rows, 12) + at, level));
  const far = f32x4.add(lightOf(load<u32>(rows) + at, level), lightOf(load<u32>(rows, 16) + at, level));
  sum = f32x4.relaxed_madd(near, f32x4.splat(INNER), sum);
  return f32x4.relaxed_madd(far, f32x4.splat(OUTER), sum);
}

/** Smooths along the row; two words of 0 lie ahead of `line` and behind its end. */
function smoothAcross(line: usize): v128 {
  const near = f32x4.add(v128.load(line - 4), v128.load(line + 4));
  const far = f32x4.add(v128.load(line - 8), v128.load(line + 8));
  const sum = f32x4.mul(v128.load(line), f32x4.splat(MIDDLE));
  return f32x4.relaxed_madd(far, f32x4.splat(OUTER), f32x4.relaxed_madd(near, f32x4.splat(INNER), sum));
}

export function smoothRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const columns = paramU32(args, COLUMNS);
  const shift = paramU32(args, SHIFT);
  const last = inputRowsOf(args) - 1;
  const step = 1 << shift;
  const ramp = f32x4.mul(f32x4(0, 1, 2, 3), f32x4.splat(<f32>1 / <f32>step));
  const levels = scratch + 32;
  const noise = levels + (<usize>columns << 2);
  const line = noise + (<usize>columns << 2) + 16;
  const whole = <usize>(width & ~3);
  for (let y = from; y < to; y++) {
    const number = load<u32>(slotPointer(args, 1) + (<usize>y << 2));
    nodesOfRow(args, number, levels);
    for (let d: i32 = -2; d <= 2; d++) {
      const row = <u32>max(0, min(<i32>last, <i32>y + d));
      store<u32>(scratch + (<usize>(d + 2) << 2), <u32>(slotPointer(args, 0) + (<usize>(row * width) << 2)));
    }
    memory.fill(line - 16, 0, smoothBytes(width));
    for (let x: usize = 0; x < whole; x += 4) {
      const node = levels + ((x >> shift) << 2);
      const a = load<f32>(node);
      const slope = load<f32>(node, 4) - a;
      const start = a + slope * <f32>(<u32>x & (step - 1)) / <f32>step;
      const level = f32x4.relaxed_madd(ramp, f32x4.splat(slope), f32x4.splat(start));
      v128.store(line + (x << 2), smoothDown(scratch, x << 2, level));
    }
    for (let x = whole; x < <usize>width; x++) smoothPixel(scratch, x, levels, shift, line);
    const out = slotPointer(args, 3) + <usize>y * smoothBytes(width);
    memory.fill(out, 0, HEAD);
    store<u32>(out, number);
    for (let x: usize = 0; x < <usize>width; x += 4) {
      const inverse = f32x4.splat(<f32>1 / load<f32>(noise + ((x >> shift) << 2)));
      v128.store(out + HEAD + (x << 2), f32x4.mul(smoothAcross(line + (x << 2)), inverse));
    }
    for (let x = <usize>width; x < <usize>((width + 3) & ~3) + BEHIND; x++) store<f32>(out + HEAD + (x << 2), 0);
  }
}

/** Smooths a column of five pixels. */
function smoothPixel(rows: usize, x: usize, levels: usize, shift: u32, line: usize): void {
  const step = 1 << shift;
  const node = levels + ((x >> shift) << 2);
  const share = <f32>(<u32>x & (step - 1)) / <f32>step;
  const level = load<f32>(node) + (load<f32>(node, 4) - load<f32>(node)) * share;
  let sum: f32 = 0;
  for (let d: usize = 0; d < 5; d++) {
    const v = load<f32>(<usize>load<u32>(rows + (d << 2)) + (x << 2)) - level;
    const weight: f32 = d == 2 ? MIDDLE : d == 1 || d == 3 ? INNER : OUTER;
    if (v - v == 0) sum += v * weight;
  }
  store<f32>(line + (x << 2), sum);
}

export function findPeaks(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const bytes = smoothBytes(width);
  const most = paramU32(args, MOST);
  const threshold = f32x4.splat(paramF32(args, THRESHOLD));
  for (let y = from; y < to; y++) {
    const row = slotPointer(args, 0) + <usize>(topOf(args) + y) * bytes;
    const number = load<u32>(row);
    const out = slotPointer(args, 1) + (<usize>(y * (most + 1)) << 2);
    let count: u32 = 0;
    const inside = number > 0 && number + 1 < paramU32(args, HEIGHT);
    for (let x: u32 = 0; inside && x < width; x += 4) {
      const at = row + HEAD + (<usize>x << 2);
      const v = v128.load(at);
      let top = f32x4.gt(v, threshold);
      if (!v128.any_true(top)) continue;
      // of equal neighbours the first one counts
      top = v128.and(top, v128.and(f32x4.gt(v, v128.load(at - 4)), f32x4.ge(v, v128.load(at + 4))));
      const above = at - bytes;
      top = v128.and(top, v128.and(f32x4.gt(v, v128.load(above - 4)), f32x4.gt(v, v128.load(above))));
      top = v128.and(top, f32x4.gt(v, v128.load(above + 4)));
      const below = at + bytes;
      top = v128.and(top, v128.and(f32x4.ge(v, v128.load(below - 4)), f32x4.ge(v, v128.load(below))));
      top = v128.and(top, f32x4.ge(v, v128.load(below + 4)));
      let lanes = i32x4.bitmask(top);
      while (lanes != 0 && count < most) {
        store<u32>(out + (<usize>(count + 1) << 2), x + <u32>ctz<i32>(lanes));
        count++;
        lanes &= lanes - 1;
      }
    }
    store<u32>(out, count);
  }
}
