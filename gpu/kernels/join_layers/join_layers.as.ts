// Combines resampled frames with their masks: median or mean, with or without clipping. Sixteen pixels
// at once are sorted by a network; where no sample is excluded, missing or clipped, which is nearly
// everywhere, the rest is done on vectors too.
//
// Slots: 0 values [K], f32, NaN where there is none; 1 masks [K], u16; 2 networks, u16 pairs: one that
// sorts all, one for pixels with all K samples;
// 3 table, f32: weights [K], variances [K], and by number of samples, [K + 1] each, factors of the MAD
// and of a mean's variance;
// 4 value, f32; 5 mask, u16; 6 inverse variance, f32. Parameters below.

import { paramF32, paramU32, slotPointer, slotStride, widthOf } from "../arguments.as";
import { madOf, medianOf, middle, sample, sortPlanes } from "../sorted_samples.as";

const FRAMES: u32 = 0;
const PAIRS: u32 = 1;
const FLAGS: u32 = 2;
const SIGMA: u32 = 3;
const ROUNDS: u32 = 4;
const FLOOR: u32 = 5;
const RELATIVE: u32 = 6;
const EXCLUDED: u32 = 7;
const SAT: u32 = 8;
const NO_DATA: u32 = 9;
const CLIPPED: u32 = 10;
const REJECTED: u32 = 11;
const PLAIN_PAIRS: u32 = 12; // of the second network

const CLIP: u32 = 1;
const MEDIAN: u32 = 2;

/** Pixels that are combined together. */
const BLOCK: u32 = 16;
/** Bytes of a plane of floats of a block. */
const PLANE: usize = 64;

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

/** Moves the ends of the range of sorted samples until none is clipped. */
function clipRange(args: usize, lane: usize, samples: u32): u64 {
  const frames = paramU32(args, FRAMES);
  const sigma = <f64>paramF32(args, SIGMA);
  const floor = <f64>paramF32(args, FLOOR);
  const relative = <f64>paramF32(args, RELATIVE);
  const factors = slotPointer(args, 3) + (<usize>(2 * frames) << 2);
  let from: u32 = 0;
  let to: u32 = samples;
  for (let round = paramU32(args, ROUNDS); round > 0 && to - from > 2; round--) {
    const n = to - from;
    const centre = medianOf(lane, from, to, PLANE);
    const scatter = madOf(lane, from, to, centre, PLANE) * <f64>load<f32>(factors + (<usize>n << 2));
    const reach = sigma * Math.max(Math.max(scatter, floor), relative * Math.abs(centre));
    while (from < to && sample(lane, from, PLANE) < centre - reach) from++;
    while (to > from && sample(lane, to - 1, PLANE) > centre + reach) to--;
    if (to - from == n) break;
  }
  return (<u64>from << 32) | <u64>to;
}

/** Variance of the combination of so many samples over that of their mean. */
function varianceFactor(args: usize, samples: u32): f64 {
  const at = 3 * paramU32(args, FRAMES) + 1 + samples;
  return <f64>load<f32>(slotPointer(args, 3) + (<usize>at << 2));
}

/** Combines one pixel by hand: its masks, gaps and clipping. */
function joinPixel(args: usize, p: u32, lane: usize, room: usize, outputs: usize): void {
  const frames = paramU32(args, FRAMES);
  const excluded = paramU32(args, EXCLUDED);
  const flags = paramU32(args, FLAGS);
  const values = slotPointer(args, 0) + (<usize>p << 2);
  const masks = slotPointer(args, 1) + (<usize>p << 1);
  let joined: u32 = 0;
  let lost: u32 = 0;
  let saturated: f64 = 0;
  let cores: u32 = 0;
  let samples: u32 = 0;
  for (let k: u32 = 0; k < frames; k++) {
    const bits = <u32>load<u16>(masks + k * slotStride(args, 1));
    const value = load<f32>(values + k * slotStride(args, 0));
    const reason = bits & excluded;
    const there = value == value;
    let usable = there;
    if (reason != 0) {
      lost |= bits;
      usable = false;
      if (reason == paramU32(args, SAT) && there) {
        saturated += <f64>value;
        cores++;
      }
    } else if (there) joined |= bits;
    store<f32>(room + (<usize>k << 2), usable ? value : f32.NaN);
    if (!usable) continue;
    // insertion: there are few samples, and fewer such pixels
    let at = lane + <usize>samples * PLANE;
    while (at > lane && load<f32>(at - PLANE) > value) {
      store<f32>(at, load<f32>(at - PLANE));
      at -= PLANE;
    }
    store<f32>(at, value);
    samples++;
  }
  let from: u32 = 0;
  let to = samples;
  if ((flags & CLIP) != 0 && samples > 0) {
    const range = clipRange(args, lane, samples);
    from = <u32>(range >> 32);
    to = <u32>range;
  }
  if (to == from) {
    store<f32>(outputs, cores > 0 ? <f32>(saturated / <f64>cores) : 0);
    store<u32>(outputs, cores > 0 ? paramU32(args, SAT) : lost | paramU32(args, NO_DATA), 4);
    store<f32>(outputs, 0, 8);
    return;
  }
  if (to - from < samples) joined |= paramU32(args, CLIPPED);
  if (lost != 0) joined |= paramU32(args, REJECTED) | (lost & paramU32(args, SAT));
  store<u32>(outputs, joined, 4);
  const weights = slotPointer(args, 3);
  const variances = weights + (<usize>frames << 2);
  const low = load<f32>(lane + <usize>from * PLANE);
  const high = load<f32>(lane + <usize>(to - 1) * PLANE);
  let total: f64 = 0;
  let mean: f64 = 0;
  let squares: f64 = 0;
  for (let k: u32 = 0; k < frames; k++) {
    const value = load<f32>(room + (<usize>k << 2));
    if (!(value >= low && value <= high)) continue;
    const weight = <f64>load<f32>(weights + (<usize>k << 2));
    total += weight;
    mean += weight * <f64>value;
    squares += weight * weight * <f64>load<f32>(variances + (<usize>k << 2));
  }
  const median = (flags & MEDIAN) != 0;
  store<f32>(outputs, median ? <f32>medianOf(lane, from, to, PLANE) : <f32>(mean / total));
  const factor = varianceFactor(args, to - from);
  const variance = factor * squares / (total * total);
  store<f32>(outputs, variance > 0 ? <f32>(1 / variance) : 0, 8);
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

/** Combines rows. */
export function joinLayers(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, FRAMES);
  const clips = (paramU32(args, FLAGS) & CLIP) != 0;
  const values = slotPointer(args, 0);
  const masks = slotPointer(args, 1);
  const plain = scratch;
  const sorted = plain + frames * PLANE;
  const room = sorted + frames * PLANE;
  const outputs = room + <usize>frames * 4 + 16;
  let total: f64 = 0;
  let squares: f64 = 0;
  for (let k: u32 = 0; k < frames; k++) {
    const weight = <f64>load<f32>(slotPointer(args, 3) + (<usize>k << 2));
    total += weight;
    squares += weight * weight * <f64>load<f32>(slotPointer(args, 3) + (<usize>(frames + k) << 2));
  }
  const factor = varianceFactor(args, frames);
  const whole = f32x4.splat(<f32>(total * total / (squares * factor)));
  const nothing = i16x8.splat(<i16>paramU32(args, NO_DATA));
  const zero = f32x4.splat(0);
  const network = slotPointer(args, 2) + (<usize>paramU32(args, PAIRS) << 2);
  const pairs = paramU32(args, PLAIN_PAIRS);
  const ordered = pairs > 0 ? sorted : plain;
  const end = to * width;
  for (let p = from * width; p < end; p += BLOCK) {
    const value = slotPointer(args, 4) + (<usize>p << 2);
    const mask = slotPointer(args, 5) + (<usize>p << 1);
    const weight = slotPointer(args, 6) + (<usize>p << 2);
    const full = p + BLOCK <= end;
    const masked = anyMask(masks + (<usize>p << 1), slotStride(args, 1), frames);
    const gaps = loadBlock(values + (<usize>p << 2), slotStride(args, 0), frames, plain);
    if (full && !masked && gaps == 2) {
      for (let i: usize = 0; i < PLANE; i += 16) {
        v128.store(value + i, zero);
        v128.store(weight + i, zero);
      }
      v128.store(mask, nothing);
      v128.store(mask, nothing, 16);
      continue;
    }
    const simple = full && !masked && gaps == 0;
    if (full && pairs > 0) {
      memory.copy(sorted, plain, frames * PLANE);
      sortPlanes(sorted, network, pairs, PLANE);
    }
    for (let i: u32 = 0; i < BLOCK; i += 4) {
      const at = <usize>i << 2;
      const planes = masks + (<usize>(p + i) << 1);
      const plainly = simple || (full && isPlain(plain + at, planes, slotStride(args, 1), frames));
      if (plainly && (!clips || withinBounds(args, ordered + at, frames))) {
        v128.store(value + at, plainFour(args, plain + at, ordered + at, <f32>total));
        v128.store(weight + at, whole);
        store<u64>(mask + (<usize>i << 1), 0);
        continue;
      }
      for (let j = i; j < i + 4 && p + j < end; j++) {
        joinPixel(args, p + j, sorted + (<usize>j << 2), room, outputs);
        store<f32>(value + (<usize>j << 2), load<f32>(outputs));
        store<u16>(mask + (<usize>j << 1), <u16>load<u32>(outputs, 4));
        store<f32>(weight + (<usize>j << 2), load<f32>(outputs, 8));
      }
    }
  }
}
