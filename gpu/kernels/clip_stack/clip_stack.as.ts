// Combines K frames pixel by pixel: median or mean, with or without clipping. Samples are sorted by
// a network of comparators, many pixels at once; clipping then only moves the ends of each range.
//
// Slots: 0 stack [K], f32 or big-endian i16; 1 network of floats, u16 pairs; 2 table, f32: weights [K],
// variances [K], factors of the MAD by number of samples [K + 1]; 3 value, f32; 4 kept, u16;
// 5 rejected, u16; 6 variance, f32. Parameters: see clip_stack.wgsl.
// Of shorts the scratch memory holds the sorted samples: see column_sorter.ts.

import { paramF32, paramU32, slotPointer, slotStride, widthOf } from "../arguments.as";
import { addColumn, gatherPixel, leftOver, LIMITS, SAMPLE, storeLimits, SUMS } from "./columns.as";
import { finishColumn, storeMiddle } from "./finish_column.as";
import { addAndFinish, finishPixel, wantsSums } from "./finish_pixel.as";
import { MEDIAN, WEIGHTED } from "./flags.as";
import { FLOATS, loadFloats, middleOfFloats } from "./planes.as";
import { sortPlanes } from "../sorted_samples.as";

/** Pixels of floats that are sorted together. */
const BLOCK: u32 = 32;
/** Pixels of a column of shorts. */
const COLUMN: u32 = 8;

/** Median of shorts, whose one or two middle samples are in the scratch memory. */
export function medianShorts(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const zero = f32x4.splat(paramF32(args, 2));
  const samples: usize = (paramU32(args, 0) & 1) == 1 ? 1 : 2;
  const upper = (samples - 1) * SAMPLE;
  const end = to * width;
  let out = slotPointer(args, 3) + (<usize>(from * width) << 2);
  let p = from * width;
  for (; p + COLUMN <= end; p += COLUMN) {
    storeMiddle(v128.load(scratch), v128.load(scratch + upper), zero, out);
    scratch += samples * SAMPLE;
    out += COLUMN << 2;
  }
  if (p == end) return;
  const room = scratch + samples * SAMPLE;
  storeMiddle(v128.load(scratch), v128.load(scratch + upper), zero, room);
  memory.copy(out, room, <usize>(end - p) << 2);
}

/** Any combination of shorts, which have no gaps and are sorted in the scratch memory. */
export function combineShorts(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, 0);
  const end = to * width;
  const first = from * width;
  const limits = scratch + <usize>((end - first + COLUMN - 1) / COLUMN) * frames * SAMPLE;
  const sums = limits + LIMITS;
  const weighted = (paramU32(args, 3) & WEIGHTED) != 0;
  storeLimits(args, limits);
  for (let p = first; p < end; p += COLUMN) {
    let left: u32 = 255;
    addColumn(scratch, frames, limits, sums);
    if (p + COLUMN > end) {
      left = (1 << (end - p)) - 1;
    } else if (!weighted) {
      finishColumn(args, scratch, sums, p);
      left = leftOver(args, scratch, limits, sums);
    }
    for (; left != 0; left &= left - 1) {
      const i = ctz(left);
      finishShorts(args, scratch + (i << 1), sums + (i << 2), p + i, sums + SUMS);
    }
    scratch += <usize>frames * SAMPLE;
  }
}

/** Combines one pixel of a column; `sums` are at its place among those of the column. */
function finishShorts(args: usize, pixel: usize, sums: usize, p: u32, lane: usize): void {
  const frames = paramU32(args, 0);
  gatherPixel(pixel, frames, paramF32(args, 2), lane);
  const squares = load<i32>(sums, 32);
  if (squares < 0) addAndFinish(args, lane, frames, p, wantsSums(args));
  else finishPixel(args, lane, frames, p, <f64>load<i32>(sums), <f64>squares);
}

/** Any combination of floats, with gaps. */
export function combineFloats(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, 0);
  const counts = scratch;
  const planes = scratch + FLOATS;
  const stride = slotStride(args, 0);
  const sums = wantsSums(args);
  const plain = paramU32(args, 3) == MEDIAN;
  const low = planes + <usize>((frames - 1) >> 1) * FLOATS;
  const high = planes + <usize>(frames >> 1) * FLOATS;
  const end = to * width;
  for (let p = from * width; p < end; p += BLOCK) {
    const stack = slotPointer(args, 0) + (<usize>p << 2);
    const whole = loadFloats(stack, stride, frames, planes, counts);
    sortPlanes(planes, slotPointer(args, 1), paramU32(args, 1), FLOATS);
    const size = min(BLOCK, end - p);
    if (plain && whole && size == BLOCK) {
      middleOfFloats(low, high, slotPointer(args, 3) + (<usize>p << 2));
      continue;
    }
    for (let i: u32 = 0; i < size; i++) {
      addAndFinish(args, planes + (i << 2), load<u32>(counts + (i << 2)), p + i, sums);
    }
  }
}
