// Combines K frames pixel by pixel: median or mean, with or without clipping. Samples are sorted by
// a network of comparators, many pixels at once; clipping then only moves the ends of each range.
//
// Slots: 0 stack [K], f32 or big-endian i16; 1 network for the shader; 2 table, f32: weights [K],
// variances [K], factors of the MAD by number of samples [K + 1]; 3 value, f32; 4 kept, u16;
// 5 rejected, u16; 6 variance, f32. Parameters: see clip_stack.wgsl.
// The scratch memory holds the sorted samples: see column_sorter.ts.

import { paramF32, paramU32, slotPointer, widthOf } from "../arguments.as";
import { addColumn, gatherPixel, leftOver, LIMITS, SAMPLE, storeLimits, SUMS } from "./columns.as";
import { finishColumn, storeMiddle } from "./finish_column.as";
import { addAndFinish, finishPixel, wantsSums } from "./finish_pixel.as";
import { WEIGHTED } from "./flags.as";
import {
  addFloats,
  finishFloats,
  FLOAT_LIMITS,
  leftOverFloats,
  storeFloatLimits,
} from "./float_columns.as";

/** Pixels of a column of shorts. */
const COLUMN: u32 = 8;
/** Pixels of a column of floats. */
const FLOATS: u32 = 4;

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

/** Any combination of floats, with gaps; their sorted samples are in the scratch memory. */
export function combineFloats(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, 0);
  const end = to * width;
  const first = from * width;
  const bytes = <usize>(frames + 1) * SAMPLE;
  const limits = scratch + <usize>((end - first + FLOATS - 1) / FLOATS) * bytes;
  const sums = limits + FLOAT_LIMITS;
  const wanted = wantsSums(args);
  const weighted = (paramU32(args, 3) & WEIGHTED) != 0;
  storeFloatLimits(args, limits);
  for (let p = first; p < end; p += FLOATS) {
    let left: u32 = 15;
    if (p + FLOATS > end) {
      left = (1 << (end - p)) - 1;
    } else if (!weighted) {
      if (wanted) addFloats(scratch, frames, sums);
      finishFloats(args, scratch, sums, p);
      left = leftOverFloats(args, scratch, limits, sums);
    }
    for (; left != 0; left &= left - 1) {
      const lane = scratch + (<usize>ctz(left) << 2);
      addAndFinish(args, lane, load<u32>(lane + bytes - SAMPLE), p + ctz(left), wanted);
    }
    scratch += bytes;
  }
}
