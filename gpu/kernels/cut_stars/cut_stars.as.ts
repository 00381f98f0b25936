// Stars cut out of two images, with the variance of each pixel; float64.
//
// cutStars. A row is a star. Slots: 0 stars, f64 [6]: column and row of the first pixel of the cut-outs,
// then level and noise of the sky of the first image, and of the other one; 1, 2 the images, f32
// [height, width]; 3, 4 their masks, u16; 5, 6 their inverse variances in any unit, f32, if they have any;
// 7 cut-outs, f32 [4, side, side]: the images, 0 where they have no data; the variance of their difference,
// 0 where a pixel may not be used; the variance of the first.
// Parameters: 0 half side of the kernel, 1 side of the cut-outs, 2 and 3 width and height of the images,
// 4 planes of a mask that make a pixel unusable, then f64 in two words each: 5, 11 what is taken off the
// images, 7, 13 their gains, e/ADU, 9, 15 what over their inverse variance gives the variance of their sky,
// 0 where they have none, 17 the share of the variance of the first that is counted.

import { paramF64, paramU32, slotPointer } from "../arguments.as";

function isKnown(value: f32): bool {
  return value - value == 0;
}

/** Mean of the finite pixels of 3 × 3 within an image. */
function meanAround(image: usize, x: i32, y: i32, width: i32, height: i32): f64 {
  let sum: f64 = 0, count: f64 = 0;
  for (let row = max(0, y - 1); row <= min(height - 1, y + 1); row++) {
    for (let column = max(0, x - 1); column <= min(width - 1, x + 1); column++) {
      const value = load<f32>(image + (<usize>(row * width + column) << 2));
      if (!isKnown(value)) continue;
      sum += <f64>value;
      count += 1;
    }
  }
  return sum / count;
}

/** Variance of a pixel: of the sky, and of the photons of what stands above it. */
function varianceAt(args: usize, star: usize, side: u32, x: i32, y: i32): f64 {
  const width = <i32>paramU32(args, 2), height = <i32>paramU32(args, 3);
  const image = slotPointer(args, 1 + side), i = <usize>(y * width + x);
  const level = load<f64>(star + 16 * side, 16), sigma = load<f64>(star + 16 * side, 24);
  const unit = paramF64(args, 9 + 6 * side);
  const weight: f32 = unit > 0 ? load<f32>(slotPointer(args, 5 + side) + (i << 2)) : 0;
  const sky = weight > 0 ? unit / <f64>weight : sigma * sigma;
  if (<f64>load<f32>(image + (i << 2)) - level <= sigma) return sky;
  const signal = meanAround(image, x, y, width, height) - level;
  return signal > sigma ? sky + signal / paramF64(args, 7 + 6 * side) : sky;
}

/** Cuts stars out of two images; what lies beyond them is not usable, nor what the kernel would take from there. */
export function cutStars(args: usize, from: u32, to: u32, scratch: usize): void {
  const half = <i32>paramU32(args, 0), side = <i32>paramU32(args, 1);
  const width = <i32>paramU32(args, 2), height = <i32>paramU32(args, 3), unusable = paramU32(args, 4);
  const sharp = slotPointer(args, 1), broad = slotPointer(args, 2);
  const share = paramF64(args, 17), plane = <usize>(side * side) << 2;
  for (let s = from; s < to; s++) {
    const star = slotPointer(args, 0) + <usize>s * 48;
    const left = <i32>load<f64>(star), top = <i32>load<f64>(star, 8);
    const out = slotPointer(args, 7) + <usize>s * 4 * plane;
    memory.fill(out, 0, 4 * plane);
    for (let y = max(top, 0); y < min(top + side, height); y++) {
      for (let x = max(left, 0); x < min(left + side, width); x++) {
        const i = <usize>(y * width + x);
        const at = out + (<usize>((y - top) * side + x - left) << 2);
        const a = load<f32>(sharp + (i << 2)), b = load<f32>(broad + (i << 2));
        if (isKnown(a)) store<f32>(at, <f32>(<f64>a - paramF64(args, 5)));
        if (isKnown(b)) store<f32>(at + plane, <f32>(<f64>b - paramF64(args, 11)));
        if (x - half < max(left, 0) || x + half >= min(left + side, width)) continue;
        if (y - half < max(top, 0) || y + half >= min(top + side, height)) continue;
        const planes = load<u16>(slotPointer(args, 3) + (i << 1)) | load<u16>(slotPointer(args, 4) + (i << 1));
        if (!isKnown(a) || !isKnown(b) || (<u32>planes & unusable)) continue;
        const own = varianceAt(args, star, 0, x, y);
        store<f32>(at + 2 * plane, <f32>(varianceAt(args, star, 1, x, y) + share * own));
        store<f32>(at + 3 * plane, <f32>own);
      }
    }
  }
}
