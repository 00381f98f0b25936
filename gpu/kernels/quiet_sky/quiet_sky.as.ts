// Marks the pixels that no source reaches.
//
// quietRows. Slots: 0 row numbers, u32; 1 discs, f32 [3]: place and radius, by whole rows; 2 quiet, u8: 1
// outside all discs. Parameters: see below.

import { paramF32, paramU32, slotPointer, widthOf } from "../arguments.as";

const DISCS: u32 = 0;
const WIDEST: u32 = 1; // f32: largest radius, and two pixels for what the order leaves open

const DISC_BYTES: usize = 12;

/** The first disc whose middle lies at a row or below it. */
function firstFrom(discs: usize, count: u32, row: f32): u32 {
  let low: u32 = 0, high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<f32>(discs + <usize>middle * DISC_BYTES, 4) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function quietRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = <i32>widthOf(args), count = paramU32(args, DISCS);
  const widest = paramF32(args, WIDEST), discs = slotPointer(args, 1);
  const quiet = slotPointer(args, 2);
  memory.fill(quiet + <usize>from * <usize>width, 1, <usize>(to - from) * <usize>width);
  if (from >= to) return;
  const top = load<u32>(slotPointer(args, 0) + (<usize>from << 2));
  const end = top + to - from;
  const limit = <f32>end + widest;
  for (let k = firstFrom(discs, count, <f32>top - widest); k < count; k++) {
    const disc = discs + <usize>k * DISC_BYTES;
    const x = <f64>load<f32>(disc), y = <f64>load<f32>(disc, 4), radius = <f64>load<f32>(disc, 8);
    if (<f32>y > limit) break;
    const last = min(<i32>end - 1, <i32>floor(y + radius));
    for (let row = max(<i32>top, <i32>ceil(y - radius)); row <= last; row++) {
      const dy = <f64>row - y;
      const half = sqrt<f64>(max<f64>(0, radius * radius - dy * dy));
      const left = max(0, <i32>ceil(x - half)), right = min(width - 1, <i32>floor(x + half));
      const line = quiet + <usize>(from + row - top) * <usize>width;
      for (let i = left; i <= right; i++) store<u8>(line + i, 0);
    }
  }
}
