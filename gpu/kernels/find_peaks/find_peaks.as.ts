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

/** A row above the sky, 0 without a value; levels at the nodes lie at `levels`. */
function lightRow(source: usize, width: u32, levels: usize, shift: u32, out: usize): void {
  const step = 1 << shift;
  const zero = f32x4.splat(0);
  const ramp = f32x4.mul(f32x4(0, 1, 2, 3), f32x4.splat(<f32>1 / <f32>step));
  for (let left: u32 = 0; left < width; left += step, levels += 4) {
    const a = load<f32>(levels);
    const slope = load<f32>(levels, 4) - a;
    const end = min(width, left + step);
    const added = f32x4.splat(slope * 4 / <f32>step);
    let level = f32x4.relaxed_madd(ramp, f32x4.splat(slope), f32x4.splat(a));
    let x = left;
    for (; x + 4 <= end; x += 4) {
      const v = f32x4.sub(v128.load(source + (<usize>x << 2)), level);
      v128.store(out + (<usize>x << 2), v128.and(v, f32x4.eq(f32x4.sub(v, v), zero)));
      level = f32x4.add(level, added);
    }
    for (; x < end; x++) {
      const v = load<f32>(source + (<usize>x << 2)) - (a + slope * <f32>(x - left) / <f32>step);
      store<f32>(out + (<usize>x << 2), v - v == 0 ? v : 0);
    }
  }
}

/** Smooths a column of five rows: `rows` holds their addresses. */
function smoothDown(rows: usize, at: usize): v128 {
  const sum = f32x4.mul(v128.load(load<u32>(rows, 8) + at), f32x4.splat(MIDDLE));
  const near = f32x4.add(v128.load(load<u32>(rows, 4) + at), v128.load(load<u32>(rows, 12) + at));
  const far = f32x4.add(v128.load(load<u32>(rows) + at), v128.load(load<u32>(rows, 16) + at));
  return f32x4.relaxed_madd(far, f32x4.splat(OUTER), f32x4.relaxed_madd(near, f32x4.splat(INNER), sum));
}

/** Smooths along the row; two words of 0 lie ahead of `line` and behind its end. */
function smoothAcross(line: usize): v128 {
  const near = f32x4.add(v128.load(line - 4), v128.load(line + 4));
  const far = f32x4.add(v128.load(line - 8), v128.load(line + 8));
  const sum = f32x4.mul(v128.load(line), f32x4.splat(MIDDLE));
  return f32x4.relaxed_madd(far, f32x4.splat(OUTER), f32x4.relaxed_madd(near, f32x4.splat(INNER), sum));
}

/**
 * Working memory: five addresses; levels and noise at the nodes of a row; five rows of light; a line
 * with four words of 0 at either end.
 */
export function smoothRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const columns = paramU32(args, COLUMNS);
  const shift = paramU32(args, SHIFT);
  const last = <i32>inputRowsOf(args) - 1;
  const levels = scratch + 32;
  const noise = levels + (<usize>columns << 2);
  const rowBytes = <usize>((width + 3) & ~3) << 2;
  const light = (noise + (<usize>columns << 2) + 15) & ~15;
  const line = light + 5 * rowBytes + 16;
  memory.fill(line - 16, 0, rowBytes + 32);
  let next = <i32>from - 2;
  for (let y = <i32>from; y < <i32>to; y++) {
    const number = load<u32>(slotPointer(args, 1) + (<usize>y << 2));
    nodesOfRow(args, number, levels);
    for (; next <= y + 2; next++) {
      // a row beyond the image is its neighbour once more; the sky is that of two rows before, so smooth it is
      const row = <u32>max(0, min(last, next));
      const source = slotPointer(args, 0) + (<usize>(row * width) << 2);
      lightRow(source, width, levels, shift, light + <usize>((next + 10) % 5) * rowBytes);
    }
    for (let d: i32 = -2; d <= 2; d++) {
      store<u32>(scratch + (<usize>(d + 2) << 2), <u32>(light + <usize>((y + d + 10) % 5) * rowBytes));
    }
    for (let at: usize = 0; at < rowBytes; at += 16) v128.store(line + at, smoothDown(scratch, at));
    for (let at = <usize>width << 2; at < rowBytes; at += 4) store<f32>(line + at, 0);
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
