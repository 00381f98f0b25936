// Combines resampled frames with their masks: median or mean, with or without clipping. Sixteen pixels
// at once are sorted by a network; where no sample is excluded, missing or clipped, which is nearly
// everywhere, the rest is done on vectors too.
//
// The network is read from memory. Of 9 resampled frames sorting takes 5 of 73 ns a pixel of a thread, of
// 25 frames 18 of 218; code made for the number of frames, as clip_stack has, is not faster by enough
// to pay for another pass over the samples (5 and 17 ns with its reading).
//
// Slots: 0 values [K], f32, NaN where there is none; 1 masks [K], u16; 2 networks, u16 pairs: one that
// sorts all, one for pixels with all K samples;
// 3 table, f32: weights [K], variances [K], and by number of samples, [K + 1] each, factors of the MAD
// and of a mean's variance;
// 4 value, f32; 5 mask, u16; 6 inverse variance, f32. Parameters: see parameters.as.ts.

import { paramF32, paramU32, slotPointer, slotStride, widthOf } from "../arguments.as";
import { middle, sortPlanes } from "../sorted_samples.as";
import { joinByHand, varianceFactor } from "./by_hand.as";
import {
  CLIP,
  FLAGS,
  FLOOR,
  FRAMES,
  MEDIAN,
  NO_DATA,
  PAIRS,
  PLAIN_PAIRS,
  PLANE,
  RELATIVE,
  SIGMA,
} from "./parameters.as";

/** Pixels that are combined together. */
const BLOCK: u32 = 16;

/** Whether any of the planes of a block has a bit. */
function anyMask(masks: usize, stride: usize, frames: u32): bool {
  let any = i16x8.splat(0);
  for (let k: u32 = 0; k < frames; k++) {
    any = v128.or(any, v128.or(v128.load(masks), v128.load(masks, 16)));
    masks += stride;
  }
  return v128.any_true(any);
}

/** Copies a block of K planes; returns 0 if there is no NaN, 2 if all is NaN, else 1. */
function loadBlock(values: usize, stride: usize, frames: u32, copy: usize): u32 {
  let all = i32x4.splat(-1);
  let any = i32x4.splat(0);
  for (let k: u32 = 0; k < frames; k++) {
    for (let i: usize = 0; i < PLANE; i += 16) {
      const v = v128.load(values + i);
      const good = f32x4.eq(v, v);
      all = v128.and(all, good);
      any = v128.or(any, good);
      v128.store(copy + i, v);
    }
    values += stride;
    copy += PLANE;
  }
  if (!v128.any_true(any)) return 2;
  return i32x4.all_true(all) ? 0 : 1;
}

/** Median of four pixels with all K samples. */
function middleOf(sorted: usize, frames: u32): v128 {
  return middle(
    sorted + <usize>((frames - 1) >> 1) * PLANE,
    sorted + <usize>(frames >> 1) * PLANE,
  );
}

/** Whether no sample of four pixels with all K samples would be clipped. */
function withinBounds(args: usize, sorted: usize, frames: u32): bool {
  if ((paramU32(args, FLAGS) & CLIP) == 0) return true;
  const centre = middleOf(sorted, frames);
  const least = f32x4.max(
    f32x4.splat(paramF32(args, FLOOR)),
    f32x4.mul(f32x4.splat(paramF32(args, RELATIVE)), f32x4.abs(centre)),
  );
  const reach = f32x4.mul(f32x4.splat(paramF32(args, SIGMA)), least);
  const up = f32x4.sub(v128.load(sorted + <usize>(frames - 1) * PLANE), centre);
  const down = f32x4.sub(centre, v128.load(sorted));
  return i32x4.all_true(v128.and(f32x4.le(up, reach), f32x4.le(down, reach)));
}

/** Four pixels with all K samples and none clipped. */
function plainFour(args: usize, plain: usize, sorted: usize, total: f32): v128 {
  const frames = paramU32(args, FRAMES);
  if ((paramU32(args, FLAGS) & MEDIAN) != 0) {
    return middleOf(sorted, frames);
  }
  let weights = slotPointer(args, 3);
  let sum = f32x4.splat(0);
  for (let k: u32 = 0; k < frames; k++) {
    sum = f32x4.relaxed_madd(v128.load(plain), v128.load32_splat(weights), sum);
    plain += PLANE;
    weights += 4;
  }
  return f32x4.mul(sum, f32x4.splat(<f32>1 / total));
}

/** Whether four pixels have all K samples and no planes. */
function isPlain(values: usize, masks: usize, stride: usize, frames: u32): bool {
  let any: u64 = 0;
  let all = i32x4.splat(-1);
  for (let k: u32 = 0; k < frames; k++) {
    const v = v128.load(values + <usize>k * PLANE);
    all = v128.and(all, f32x4.eq(v, v));
    any |= load<u64>(masks + <usize>k * stride);
  }
  return any == 0 && i32x4.all_true(all);
}

/** Sum of all weights. */
function totalWeight(args: usize): f64 {
  let total: f64 = 0;
  for (let k: u32 = 0; k < paramU32(args, FRAMES); k++) {
    total += <f64>load<f32>(slotPointer(args, 3) + (<usize>k << 2));
  }
  return total;
}

/** Inverse variance of a pixel with all K samples. */
function wholeWeight(args: usize, total: f64): f32 {
  const frames = paramU32(args, FRAMES);
  const weights = slotPointer(args, 3);
  let squares: f64 = 0;
  for (let k: u32 = 0; k < frames; k++) {
    const weight = <f64>load<f32>(weights + (<usize>k << 2));
    squares += weight * weight * <f64>load<f32>(weights + (<usize>(frames + k) << 2));
  }
  return <f32>(total * total / (squares * varianceFactor(args, frames)));
}

/** Stores a block that no frame covers. */
function storeNothing(args: usize, p: u32): void {
  const zero = f32x4.splat(0);
  for (let i: usize = 0; i < PLANE; i += 16) {
    v128.store(slotPointer(args, 4) + (<usize>p << 2) + i, zero);
    v128.store(slotPointer(args, 6) + (<usize>p << 2) + i, zero);
  }
  const nothing = i16x8.splat(<i16>paramU32(args, NO_DATA));
  v128.store(slotPointer(args, 5) + (<usize>p << 1), nothing);
  v128.store(slotPointer(args, 5) + (<usize>p << 1), nothing, 16);
}

/** Stores four pixels without planes. */
function storeFour(args: usize, p: u32, pixels: v128, weight: v128): void {
  v128.store(slotPointer(args, 4) + (<usize>p << 2), pixels);
  v128.store(slotPointer(args, 6) + (<usize>p << 2), weight);
  store<u64>(slotPointer(args, 5) + (<usize>p << 1), 0);
}

/** Combines rows. */
export function joinLayers(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, FRAMES);
  const stride = slotStride(args, 1);
  const plain = scratch;
  const sorted = plain + <usize>frames * PLANE;
  const room = sorted + <usize>frames * PLANE;
  const total = totalWeight(args);
  const whole = f32x4.splat(wholeWeight(args, total));
  const network = slotPointer(args, 2) + (<usize>paramU32(args, PAIRS) << 2);
  const pairs = paramU32(args, PLAIN_PAIRS);
  const ordered = pairs > 0 ? sorted : plain;
  const end = to * width;
  for (let p = from * width; p < end; p += BLOCK) {
    const full = p + BLOCK <= end;
    const masks = slotPointer(args, 1) + (<usize>p << 1);
    const masked = anyMask(masks, stride, frames);
    const values = slotPointer(args, 0) + (<usize>p << 2);
    const gaps = loadBlock(values, slotStride(args, 0), frames, plain);
    if (full && !masked && gaps == 2) {
      storeNothing(args, p);
      continue;
    }
    const simple = full && !masked && gaps == 0;
    if (full && pairs > 0) {
      memory.copy(sorted, plain, <usize>frames * PLANE);
      sortPlanes(sorted, network, pairs, PLANE);
    }
    for (let i: u32 = 0; i < BLOCK; i += 4) {
      const at = <usize>i << 2;
      const plainly = simple ||
        (full && isPlain(plain + at, masks + (<usize>i << 1), stride, frames));
      if (plainly && withinBounds(args, ordered + at, frames)) {
        storeFour(args, p + i, plainFour(args, plain + at, ordered + at, <f32>total), whole);
      } else {
        joinByHand(args, p + i, end, sorted + at, room);
      }
    }
  }
}
