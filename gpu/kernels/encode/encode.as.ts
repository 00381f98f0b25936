// Floats to the bytes of a FITS file, big-endian, and the sums of its words.
// Slots: 0 values, f32; 1 raw, bytes; 2 sums, u32 [rows, 2]: of the upper and of the lower halves.

import { slotPointer, widthOf } from "../arguments.as";

function swap32(v: v128): v128 {
  return i8x16.shuffle(v, v, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

export function encodeFloats(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const lower = i32x4.splat(0xffff);
  for (let y = from; y < to; y++) {
    const values = slotPointer(args, 0) + (<usize>(y * width) << 2);
    const raw = slotPointer(args, 1) + (<usize>(y * width) << 2);
    let uppers = i32x4.splat(0);
    let lowers = i32x4.splat(0);
    let x: u32 = 0;
    for (; x + 4 <= width; x += 4) {
      const v = v128.load(values + (<usize>x << 2));
      uppers = i32x4.add(uppers, i32x4.shr_u(v, 16));
      lowers = i32x4.add(lowers, v128.and(v, lower));
      v128.store(raw + (<usize>x << 2), swap32(v));
    }
    let upper = i32x4.extract_lane(uppers, 0) + i32x4.extract_lane(uppers, 1) +
      i32x4.extract_lane(uppers, 2) + i32x4.extract_lane(uppers, 3);
    let low = i32x4.extract_lane(lowers, 0) + i32x4.extract_lane(lowers, 1) +
      i32x4.extract_lane(lowers, 2) + i32x4.extract_lane(lowers, 3);
    for (; x < width; x++) {
      const v = load<u32>(values + (<usize>x << 2));
      upper += v >>> 16;
      low += v & 0xffff;
      store<u32>(raw + (<usize>x << 2), bswap<u32>(v));
    }
    const sums = slotPointer(args, 2) + (<usize>y << 3);
    store<u32>(sums, upper);
    store<u32>(sums, low, 4);
  }
}
