// Replaces pixels of some planes by what their usable neighbours say. Slots and parameters as in
// interpolate.wgsl. Sums in float64.

import { inputRowsOf, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";

/** The weighted mean place of neighbours may be so far from the pixel, px. */
const OFF_CENTRE: f64 = 0.45;

function isUsable(args: usize, p: usize, unusable: u32): bool {
  const v = load<f32>(slotPointer(args, 0) + (p << 2));
  return v - v == 0 && (<u32>load<u16>(slotPointer(args, 1) + (p << 1)) & unusable) == 0;
}

/** Weighted mean of the window; NaN where its usable pixels lie on one side or there are none. */
function meanAround(args: usize, x: i32, y: i32): f32 {
  const width = <i32>widthOf(args);
  const unusable = paramU32(args, 1);
  const radius = <i32>paramU32(args, 4);
  const weights = slotPointer(args, 2);
  let total: f64 = 0;
  let sum: f64 = 0;
  let right: f64 = 0;
  let down: f64 = 0;
  for (let dy = max(-radius, -y); dy <= min(radius, <i32>inputRowsOf(args) - 1 - y); dy++) {
    for (let dx = max(-radius, -x); dx <= min(radius, width - 1 - x); dx++) {
      const p = <usize>((y + dy) * width + x + dx);
      if (!isUsable(args, p, unusable)) continue;
      const place = (dy + radius) * (2 * radius + 1) + dx + radius;
      const weight = <f64>load<f32>(weights + (<usize>place << 2));
      total += weight;
      sum += weight * <f64>load<f32>(slotPointer(args, 0) + (p << 2));
      right += weight * <f64>dx;
      down += weight * <f64>dy;
    }
  }
  const limit = OFF_CENTRE * total;
  return total > 0 && Math.abs(right) <= limit && Math.abs(down) <= limit ? <f32>(sum / total) : NaN;
}

/** How far the next usable pixel of the row is in a direction, px; 0 if there is none within reach. */
function wayTo(args: usize, x: i32, y: i32, step: i32): i32 {
  const width = <i32>widthOf(args);
  const reach = <i32>paramU32(args, 5);
  for (let way = 1; way <= reach; way++) {
    const at = x + step * way;
    if (at < 0 || at >= width) return 0;
    if (isUsable(args, <usize>(y * width + at), paramU32(args, 1))) return way;
  }
  return 0;
}

/** Between the nearest usable pixels of the row; the only one if there is one; else NaN. */
function meanAlong(args: usize, x: i32, y: i32): f32 {
  const left = wayTo(args, x, y, -1);
  const right = wayTo(args, x, y, 1);
  if (left == 0 && right == 0) return NaN;
  const at = slotPointer(args, 0) + (<usize>(y * <i32>widthOf(args) + x) << 2);
  const before = <f64>load<f32>(left == 0 ? at + (<usize>right << 2) : at - (<usize>left << 2));
  const after = <f64>load<f32>(right == 0 ? at - (<usize>left << 2) : at + (<usize>right << 2));
  return <f32>(before + (after - before) * <f64>left / <f64>(left + right));
}

/** Fills one pixel of the result. */
function fillPixel(args: usize, x: u32, y: u32): void {
  const source = <i32>(y + topOf(args));
  let value = meanAround(args, x, source);
  if (value != value) value = meanAlong(args, x, source);
  const target = <usize>(y * widthOf(args) + x);
  store<f32>(slotPointer(args, 3) + (target << 2), value);
  const mask = slotPointer(args, 4) + (target << 1);
  store<u16>(mask, load<u16>(mask) | <u16>(value == value ? paramU32(args, 2) : paramU32(args, 3)));
}

export function interpolateRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const bits = paramU32(args, 0);
  const filled = i16x8.splat(<i16>bits);
  for (let y = from; y < to; y++) {
    const source = <usize>((y + topOf(args)) * width);
    const target = <usize>(y * width);
    const mask = slotPointer(args, 1) + (source << 1);
    memory.copy(slotPointer(args, 3) + (target << 2), slotPointer(args, 0) + (source << 2), <usize>width << 2);
    memory.copy(slotPointer(args, 4) + (target << 1), mask, <usize>width << 1);
    let x: u32 = 0;
    for (; x + 8 <= width; x += 8) {
      if (!v128.any_true(v128.and(v128.load(mask + (<usize>x << 1)), filled))) continue;
      for (let at = x; at < x + 8; at++) {
        if ((<u32>load<u16>(mask + (<usize>at << 1)) & bits) != 0) fillPixel(args, at, y);
      }
    }
    for (; x < width; x++) {
      if ((<u32>load<u16>(mask + (<usize>x << 1)) & bits) != 0) fillPixel(args, x, y);
    }
  }
}
