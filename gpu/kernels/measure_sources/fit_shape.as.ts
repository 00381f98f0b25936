// The shape of a source from the curvature of the logarithm of its core; float64.

import { paramU32, slotPointer } from "../arguments.as";
import { ln } from "../elementary.as";

/** Parameters: columns and rows of the image, and the row that the tables begin with. */
export const WIDTH: u32 = 0;
export const HEIGHT: u32 = 1;
export const FIRST: u32 = 2;

/** The core of a source lies within so many pixels of its peak. */
const CORE_REACH: i32 = 12;
export const FWHM_OF_SIGMA: f64 = 2.3548;

/** Where a pixel stands in the tables. */
export function placeOf(args: usize, x: i32, y: i32): usize {
  return <usize>((y - <i32>paramU32(args, FIRST)) * <i32>paramU32(args, WIDTH) + x);
}

/** A pixel of the image in slot 0. */
export function pixel(args: usize, x: i32, y: i32): f64 {
  return <f64>load<f32>(slotPointer(args, 0) + (placeOf(args, x, y) << 2));
}

/** How far the core reaches from its peak; 0 where it leaves the image or has no end. */
function coreReach(args: usize, x: i32, y: i32, sky: f64): i32 {
  const right = <i32>paramU32(args, WIDTH) - 1, bottom = <i32>paramU32(args, HEIGHT) - 1;
  const most = min(CORE_REACH, min(min(x, y), min(right - x, bottom - y)));
  const floor = (pixel(args, x, y) - sky) / 3;
  for (let reach: i32 = 1; reach <= most; reach++) {
    const around = pixel(args, x - reach, y) + pixel(args, x + reach, y) +
      pixel(args, x, y - reach) + pixel(args, x, y + reach);
    if (around / 4 - sky < floor) return reach;
  }
  return 0;
}

function at(a: usize, row: i32, column: i32): usize {
  return a + (<usize>(row * 7 + column) << 3);
}

/** Solves six equations by elimination with pivots; false when they do not determine anything. */
function eliminate(a: usize): bool {
  for (let i: i32 = 0; i < 6; i++) {
    let pivot = i;
    for (let r = i + 1; r < 6; r++) {
      if (abs(load<f64>(at(a, r, i))) > abs(load<f64>(at(a, pivot, i)))) pivot = r;
    }
    if (!(abs(load<f64>(at(a, pivot, i))) > 1e-12 * abs(load<f64>(a)))) return false;
    for (let c: i32 = 0; c < 7; c++) {
      const value = load<f64>(at(a, i, c));
      store<f64>(at(a, i, c), load<f64>(at(a, pivot, c)));
      store<f64>(at(a, pivot, c), value);
    }
    for (let r: i32 = 0; r < 6; r++) {
      if (r == i) continue;
      const factor = load<f64>(at(a, r, i)) / load<f64>(at(a, i, i));
      for (let c = i; c < 7; c++) {
        store<f64>(at(a, r, c), load<f64>(at(a, r, c)) - factor * load<f64>(at(a, i, c)));
      }
    }
  }
  return true;
}

/**
 * Lays a Gaussian through the logarithm of the pixels above a third of the peak, weighted with the square of
 * the signal; shape from the curvature: the normal equations are moments of the weight, `m` with the powers of
 * x and y, and of the weight times the logarithm, `l`.
 */
export function fitShape(args: usize, x0: i32, y0: i32, sky: f64, sums: usize, out: usize): bool {
  const reach = coreReach(args, x0, y0, sky);
  if (reach == 0) return false;
  const floor = (pixel(args, x0, y0) - sky) / 3;
  let m00: f64 = 0, m10: f64 = 0, m01: f64 = 0, m20: f64 = 0, m11: f64 = 0, m02: f64 = 0;
  let m30: f64 = 0, m21: f64 = 0, m12: f64 = 0, m03: f64 = 0;
  let m40: f64 = 0, m31: f64 = 0, m22: f64 = 0, m13: f64 = 0, m04: f64 = 0;
  let l00: f64 = 0, l10: f64 = 0, l01: f64 = 0, l20: f64 = 0, l11: f64 = 0, l02: f64 = 0;
  let count: i32 = 0;
  for (let dy = -reach; dy <= reach; dy++) {
    const row = slotPointer(args, 0) + (placeOf(args, x0, y0 + dy) << 2);
    for (let dx = -reach; dx <= reach; dx++) {
      const signal = <f64>load<f32>(row + (<isize>dx << 2)) - sky;
      if (!(signal > floor) || dx * dx + dy * dy > reach * reach + 1) continue;
      const x = <f64>dx, y = <f64>dy;
      const w = signal * signal, wx = w * x, wy = w * y, wxx = wx * x, wxy = wx * y, wyy = wy * y;
      m00 += w;
      m10 += wx;
      m01 += wy;
      m20 += wxx;
      m11 += wxy;
      m02 += wyy;
      m30 += wxx * x;
      m21 += wxx * y;
      m12 += wyy * x;
      m03 += wyy * y;
      m40 += wxx * x * x;
      m31 += wxx * x * y;
      m22 += wxx * y * y;
      m13 += wyy * x * y;
      m04 += wyy * y * y;
      const log = ln(signal);
      l00 += w * log;
      l10 += wx * log;
      l01 += wy * log;
      l20 += wxx * log;
      l11 += wxy * log;
      l02 += wyy * log;
      count++;
    }
  }
  if (count < 7) return false;
  setRow(sums, 0, m00, m10, m01, m20, m11, m02, l00);
  setRow(sums, 1, m10, m20, m11, m30, m21, m12, l10);
  setRow(sums, 2, m01, m11, m02, m21, m12, m03, l01);
  setRow(sums, 3, m20, m30, m21, m40, m31, m22, l20);
  setRow(sums, 4, m11, m21, m12, m31, m22, m13, l11);
  setRow(sums, 5, m02, m12, m03, m22, m13, m04, l02);
  return eliminate(sums) && shapeFrom(sums, reach, out);
}

function setRow(a: usize, row: i32, c0: f64, c1: f64, c2: f64, c3: f64, c4: f64, c5: f64, right: f64): void {
  const to = at(a, row, 0);
  store<f64>(to, c0);
  store<f64>(to, c1, 8);
  store<f64>(to, c2, 16);
  store<f64>(to, c3, 24);
  store<f64>(to, c4, 32);
  store<f64>(to, c5, 40);
  store<f64>(to, right, 48);
}

function coefficient(a: usize, i: i32): f64 {
  return load<f64>(at(a, i, 6)) / load<f64>(at(a, i, i));
}

function shapeFrom(a: usize, reach: i32, out: usize): bool {
  const c1 = coefficient(a, 1), c2 = coefficient(a, 2);
  const c3 = coefficient(a, 3), c4 = coefficient(a, 4), c5 = coefficient(a, 5);
  const determinant = 4 * c3 * c5 - c4 * c4;
  if (!(c3 < 0 && c5 < 0 && determinant > 0)) return false;
  const dx = (c4 * c2 - 2 * c5 * c1) / determinant, dy = (c4 * c1 - 2 * c3 * c2) / determinant;
  if (sqrt<f64>(dx * dx + dy * dy) > <f64>reach) return false;
  const mean = -(c3 + c5) / 2, half = (c3 - c5) / 2;
  const split = sqrt<f64>(half * half + c4 * c4 / 4);
  // exp(-mean r^2): the axes have mean +- split
  const minor = 1 / sqrt<f64>(2 * (mean + split)), major = 1 / sqrt<f64>(2 * (mean - split));
  store<f32>(out, <f32>dx, 12);
  store<f32>(out, <f32>dy, 16);
  store<f32>(out, <f32>(FWHM_OF_SIGMA * sqrt<f64>(minor * major)), 20);
  store<f32>(out, <f32>(1 - minor / major), 24);
  return true;
}
