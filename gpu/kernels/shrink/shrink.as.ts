// Shrinks images for pictures. A row is one of the picture; pixel (k, l) of it stands for the columns
// from floor(k * longer / size) to that of k + 1, and so with rows.
//
// meanRows. Slots: 0 row numbers, u32; 1 image from FIRST on, f32; 2 means, f32, NaN where there is no value.
//
// farthestRows. Slots: 0 row numbers, u32; 1 image, f32; 2 inverse variance, f32; 3 mask, u16, all from FIRST
// on; 4 values farthest from 0, f32, NaN where none is known; 5 those farthest in units of the noise, in these
// units, f32.
//
// Parameters: see below.

import { paramU32, slotPointer, widthOf } from "../arguments.as";

const WIDTH: u32 = 0; // of the image
const HEIGHT: u32 = 1;
const LONGER: u32 = 2;
const SIZE: u32 = 3;
const SKIP: u32 = 4; // every so-manieth column and row counts for means
const NO_DATA: u32 = 5; // planes of the mask
const FIRST: u32 = 6; // row of the image with which the tables begin

/** The first column or row that a pixel of the picture stands for. */
function firstOf(k: u32, longer: u32, size: u32): u32 {
  return <u32>(<u64>k * longer / size);
}

export function meanRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const columns = widthOf(args), first = paramU32(args, FIRST);
  const width = paramU32(args, WIDTH), skip = paramU32(args, SKIP);
  const longer = paramU32(args, LONGER), size = paramU32(args, SIZE);
  for (let y = from; y < to; y++) {
    const number = load<u32>(slotPointer(args, 0) + (<usize>y << 2));
    const top = firstOf(number, longer, size) - first;
    const bottom = min(paramU32(args, HEIGHT), firstOf(number + 1, longer, size)) - first;
    for (let x: u32 = 0; x < columns; x++) {
      const left = firstOf(x, longer, size), right = min(width, firstOf(x + 1, longer, size));
      let sum: f32 = 0, count: f32 = 0;
      for (let row = top; row < bottom; row += skip) {
        const line = slotPointer(args, 1) + (<usize>(row * width) << 2);
        for (let i = left; i < right; i += skip) {
          const value = load<f32>(line + (<usize>i << 2));
          if (value != value) continue;
          sum += value;
          count += 1;
        }
      }
      store<f32>(slotPointer(args, 2) + (<usize>(y * columns + x) << 2), sum / count);
    }
  }
}

/** The lane of a vector of squares with the largest, and its number in another vector. */
function largest(squares: v128, values: v128, out: usize): void {
  let most = f32x4.extract_lane(squares, 0);
  let value = f32x4.extract_lane(values, 0);
  if (f32x4.extract_lane(squares, 1) > most) {
    most = f32x4.extract_lane(squares, 1);
    value = f32x4.extract_lane(values, 1);
  }
  if (f32x4.extract_lane(squares, 2) > most) {
    most = f32x4.extract_lane(squares, 2);
    value = f32x4.extract_lane(values, 2);
  }
  if (f32x4.extract_lane(squares, 3) > most) {
    most = f32x4.extract_lane(squares, 3);
    value = f32x4.extract_lane(values, 3);
  }
  store<f32>(out, most);
  store<f32>(out, value, 4);
}

/** Working memory: a square and its value. */
export function farthestRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const columns = widthOf(args), first = paramU32(args, FIRST);
  const width = paramU32(args, WIDTH), noData = paramU32(args, NO_DATA);
  const longer = paramU32(args, LONGER), size = paramU32(args, SIZE);
  const image = slotPointer(args, 1), weight = slotPointer(args, 2), mask = slotPointer(args, 3);
  const planes = i32x4.splat(<i32>noData), zero = i32x4.splat(0);
  for (let y = from; y < to; y++) {
    const number = load<u32>(slotPointer(args, 0) + (<usize>y << 2));
    const top = firstOf(number, longer, size) - first;
    const bottom = min(paramU32(args, HEIGHT), firstOf(number + 1, longer, size)) - first;
    for (let x: u32 = 0; x < columns; x++) {
      const left = firstOf(x, longer, size), right = min(width, firstOf(x + 1, longer, size));
      // squares are compared: one root a pixel of the picture is enough
      let squares = f32x4.splat(-1), values = f32x4.splat(<f32>NaN);
      let powers = f32x4.splat(0), ofPowers = f32x4.splat(<f32>NaN);
      for (let row = top; row < bottom; row++) {
        const end = row * width + right;
        for (let i = row * width + left; i < end; i += 4) {
          // the last vector of a square begins with pixels that were seen already
          const at = <usize>(i + 4 <= end || right - left < 4 ? i : end - 4);
          let v = v128.load(image + (at << 2)), w = v128.load(weight + (at << 2));
          let bits = v128.and(i32x4.extend_low_i16x8_u(v128.load64_zero(mask + (at << 1))), planes);
          if (right - left < 4) {
            const lanes = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>(end - i)));
            w = v128.and(w, lanes);
            bits = v128.or(bits, v128.not(lanes));
          }
          const square = f32x4.mul(v, v), power = f32x4.mul(square, w);
          const farther = v128.and(f32x4.gt(square, squares), i32x4.eq(bits, zero));
          squares = v128.bitselect(square, squares, farther);
          values = v128.bitselect(v, values, farther);
          const stronger = f32x4.gt(power, powers);
          powers = v128.bitselect(power, powers, stronger);
          ofPowers = v128.bitselect(v, ofPowers, stronger);
        }
      }
      const out = <usize>(y * columns + x) << 2;
      largest(squares, values, scratch);
      store<f32>(slotPointer(args, 4) + out, load<f32>(scratch, 4));
      largest(powers, ofPowers, scratch);
      const pull = copysign<f32>(sqrt<f32>(load<f32>(scratch)), load<f32>(scratch, 4));
      store<f32>(slotPointer(args, 5) + out, load<f32>(scratch) > 0 ? pull : <f32>NaN);
    }
  }
}
