// Shrinks images for pictures. A row is one of the picture; pixel (k, l) of it stands for the columns
// from floor(k * longer / size) to that of k + 1, and so with rows.
//
// meanRows. Slots: 0 image, f32; 1 means, f32, NaN where there is no value.
//
// farthestRows. Slots: 0 image, f32; 1 inverse variance, f32; 2 mask, u16; 3 values farthest from 0, f32, NaN
// where none is known; 4 those farthest in units of the noise, in these units, f32.
//
// Parameters: see below.

import { paramU32, slotPointer, widthOf } from "../arguments.as";

const WIDTH: u32 = 0; // of the image
const HEIGHT: u32 = 1;
const LONGER: u32 = 2;
const SIZE: u32 = 3;
const SKIP: u32 = 4; // every so-manieth column and row counts for means
const NO_DATA: u32 = 5; // planes of the mask

/** The first column or row that a pixel of the picture stands for. */
function firstOf(k: u32, longer: u32, size: u32): u32 {
  return <u32>(<u64>k * longer / size);
}

export function meanRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const columns = widthOf(args);
  const width = paramU32(args, WIDTH), skip = paramU32(args, SKIP);
  const longer = paramU32(args, LONGER), size = paramU32(args, SIZE);
  for (let y = from; y < to; y++) {
    const top = firstOf(y, longer, size);
    const bottom = min(paramU32(args, HEIGHT), firstOf(y + 1, longer, size));
    for (let x: u32 = 0; x < columns; x++) {
      const left = firstOf(x, longer, size), right = min(width, firstOf(x + 1, longer, size));
      let sum: f32 = 0, count: f32 = 0;
      for (let row = top; row < bottom; row += skip) {
        const line = slotPointer(args, 0) + (<usize>(row * width) << 2);
        for (let i = left; i < right; i += skip) {
          const value = load<f32>(line + (<usize>i << 2));
          if (value != value) continue;
          sum += value;
          count += 1;
        }
      }
      store<f32>(slotPointer(args, 1) + (<usize>(y * columns + x) << 2), sum / count);
    }
  }
}

export function farthestRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const columns = widthOf(args);
  const width = paramU32(args, WIDTH), noData = paramU32(args, NO_DATA);
  const longer = paramU32(args, LONGER), size = paramU32(args, SIZE);
  const image = slotPointer(args, 0), weight = slotPointer(args, 1), mask = slotPointer(args, 2);
  for (let y = from; y < to; y++) {
    const top = firstOf(y, longer, size);
    const bottom = min(paramU32(args, HEIGHT), firstOf(y + 1, longer, size));
    for (let x: u32 = 0; x < columns; x++) {
      const left = firstOf(x, longer, size), right = min(width, firstOf(x + 1, longer, size));
      // squares are compared: one root a pixel of the picture is enough
      let most: f32 = -1, value: f32 = <f32>NaN;
      let mostPower: f32 = 0, ofPower: f32 = <f32>NaN;
      for (let row = top; row < bottom; row++) {
        const end = row * width + right;
        for (let i = row * width + left; i < end; i++) {
          const v = load<f32>(image + (<usize>i << 2));
          const square = v * v;
          if (square > most && (load<u16>(mask + (<usize>i << 1)) & noData) == 0) {
            most = square;
            value = v;
          }
          const power = square * load<f32>(weight + (<usize>i << 2));
          if (power > mostPower) {
            mostPower = power;
            ofPower = v;
          }
        }
      }
      const at = <usize>(y * columns + x) << 2;
      store<f32>(slotPointer(args, 3) + at, value);
      store<f32>(slotPointer(args, 4) + at, copysign<f32>(sqrt<f32>(mostPower), ofPower) + ofPower * 0);
    }
  }
}
