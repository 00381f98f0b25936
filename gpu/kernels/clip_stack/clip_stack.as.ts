// Combines K frames pixel by pixel: median or mean, with or without clipping. The values of 32 pixels
// are sorted at once by a network of comparators; clipping then only moves the ends of each range.
//
// Slots: 0 stack [K], f32 or big-endian i16; 1 network, u16 pairs; 2 table, f32: weights [K],
// variances [K], factors of the MAD by number of samples [K + 1]; 3 value, f32; 4 kept, u16;
// 5 rejected, u16; 6 variance, f32. Parameters: see clip_stack.wgsl.

import { paramF32, paramU32, slotPointer, slotStride, widthOf } from "../arguments.as";

/** Pixels that are sorted together. */
const BLOCK: u32 = 32;
/** Bytes of a plane of shorts, and of floats, of a block. */
const SHORTS: usize = 64;
const FLOATS: usize = 128;

const CLIP: u32 = 1;
const MEDIAN: u32 = 2;
const SCATTER_STD: u32 = 4;
const CENTRE_MEAN: u32 = 8;
const WEIGHTED: u32 = 16;
const KNOWN_VARIANCE: u32 = 32;
const WANT_VARIANCE: u32 = 64;
const WANT_COUNTS: u32 = 128;

/** Exchanges the bytes of eight shorts. */
function swap16(v: v128): v128 {
  return i8x16.shuffle(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

/** Reads a block of K planes of big-endian shorts. */
function loadShorts(stack: usize, stride: usize, frames: u32, planes: usize): void {
  for (let k: u32 = 0; k < frames; k++) {
    v128.store(planes, swap16(v128.load(stack)));
    v128.store(planes, swap16(v128.load(stack, 16)), 16);
    v128.store(planes, swap16(v128.load(stack, 32)), 32);
    v128.store(planes, swap16(v128.load(stack, 48)), 48);
    stack += stride;
    planes += SHORTS;
  }
}

/** Sorts every lane of the planes. */
function sortShorts(planes: usize, network: usize, pairs: u32): void {
  for (const end = network + (<usize>pairs << 2); network < end; network += 4) {
    const a = planes + <usize>load<u16>(network) * SHORTS;
    const b = planes + <usize>load<u16>(network, 2) * SHORTS;
    let x = v128.load(a);
    let y = v128.load(b);
    v128.store(a, i16x8.min_s(x, y));
    v128.store(b, i16x8.max_s(x, y));
    x = v128.load(a, 16);
    y = v128.load(b, 16);
    v128.store(a, i16x8.min_s(x, y), 16);
    v128.store(b, i16x8.max_s(x, y), 16);
    x = v128.load(a, 32);
    y = v128.load(b, 32);
    v128.store(a, i16x8.min_s(x, y), 32);
    v128.store(b, i16x8.max_s(x, y), 32);
    x = v128.load(a, 48);
    y = v128.load(b, 48);
    v128.store(a, i16x8.min_s(x, y), 48);
    v128.store(b, i16x8.max_s(x, y), 48);
  }
}

/** Half the sum of two planes of shorts, plus an offset, as floats. */
function middleOfShorts(low: usize, high: usize, zero: v128, out: usize): void {
  const half = f32x4.splat(0.5);
  for (let i: usize = 0; i < SHORTS; i += 16) {
    const a = v128.load(low + i);
    const b = v128.load(high + i);
    const first = i32x4.add(i32x4.extend_low_i16x8_s(a), i32x4.extend_low_i16x8_s(b));
    const second = i32x4.add(i32x4.extend_high_i16x8_s(a), i32x4.extend_high_i16x8_s(b));
    v128.store(out + 2 * i, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(first), half), zero));
    v128.store(out + 2 * i, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(second), half), zero), 16);
  }
}

/** Planes of shorts as planes of floats, plus an offset. */
function widenShorts(shorts: usize, frames: u32, zero: v128, planes: usize): void {
  for (const end = shorts + frames * SHORTS; shorts < end; shorts += 16) {
    const v = v128.load(shorts);
    v128.store(planes, f32x4.add(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), zero));
    v128.store(planes, f32x4.add(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), zero), 16);
    planes += 32;
  }
}

/** Reads a block of K planes of floats, gaps as +Infinity, and counts the samples of each pixel. */
function loadFloats(stack: usize, stride: usize, frames: u32, planes: usize, counts: usize): bool {
  const infinity = f32x4.splat(Infinity);
  let gaps = i32x4.splat(0);
  for (let i: usize = 0; i < FLOATS; i += 16) {
    let count = i32x4.splat(0);
    let from = stack + i;
    let to = planes + i;
    for (let k: u32 = 0; k < frames; k++) {
      const v = v128.load(from);
      const good = f32x4.eq(v, v);
      v128.store(to, v128.bitselect(v, infinity, good));
      count = i32x4.sub(count, good);
      gaps = v128.or(gaps, v128.not(good));
      from += stride;
      to += FLOATS;
    }
    v128.store(counts + i, count);
  }
  return !v128.any_true(gaps);
}

/** Puts the smaller of two vectors at a. */
function exchange(a: usize, b: usize): void {
  const x = v128.load(a);
  const y = v128.load(b);
  v128.store(a, f32x4.relaxed_min(x, y));
  v128.store(b, f32x4.relaxed_max(x, y));
}

/** Sorts every lane of the planes; there is no NaN in them. */
function sortFloats(planes: usize, network: usize, pairs: u32): void {
  for (const end = network + (<usize>pairs << 2); network < end; network += 4) {
    const a = planes + <usize>load<u16>(network) * FLOATS;
    const b = planes + <usize>load<u16>(network, 2) * FLOATS;
    exchange(a, b);
    exchange(a + 16, b + 16);
    exchange(a + 32, b + 32);
    exchange(a + 48, b + 48);
    exchange(a + 64, b + 64);
    exchange(a + 80, b + 80);
    exchange(a + 96, b + 96);
    exchange(a + 112, b + 112);
  }
}

function middleOfFloats(low: usize, high: usize, out: usize): void {
  const half = f32x4.splat(0.5);
  for (let i: usize = 0; i < FLOATS; i += 16) {
    const sum = f32x4.add(
      f32x4.mul(v128.load(low + i), half),
      f32x4.mul(v128.load(high + i), half),
    );
    v128.store(out + i, sum);
  }
}

/** Sample k of a pixel whose lane begins at `lane`. */
function sample(lane: usize, k: u32): f64 {
  return <f64>load<f32>(lane + <usize>k * FLOATS);
}

/** Median of samples from ≤ k < to, sorted. */
function medianOf(lane: usize, from: u32, to: u32): f64 {
  const upper = (from + to) >> 1;
  const high = sample(lane, upper);
  return ((to - from) & 1) == 1 ? high : (sample(lane, upper - 1) + high) * 0.5;
}

/** Median distance from the centre, walking outwards from the middle. */
function madOf(lane: usize, from: u32, to: u32, centre: f64): f64 {
  const samples = to - from;
  let left: i32 = ((from + to) >> 1) - 1;
  let right: i32 = left + 1;
  let before: f64 = 0;
  let last: f64 = 0;
  for (let taken: u32 = 0; taken <= samples >> 1; taken++) {
    const down = left >= <i32>from ? centre - sample(lane, left) : Infinity;
    const up = right < <i32>to ? sample(lane, right) - centre : Infinity;
    before = last;
    if (down <= up) {
      last = down;
      left--;
    } else {
      last = up;
      right++;
    }
  }
  return (samples & 1) == 1 ? last : (before + last) * 0.5;
}

/** Combines one pixel whose samples are sorted. */
function finishPixel(
  args: usize,
  lane: usize,
  samples: u32,
  p: u32,
): void {
  const flags = paramU32(args, 3);
  const at = <usize>p << 2;
  let from: u32 = 0;
  let to: u32 = samples;
  let centre: f64 = NaN;
  let reference: f64 = 0;
  let sum: f64 = 0;
  let squares: f64 = 0;
  const sums = (flags & (SCATTER_STD | CENTRE_MEAN | WANT_VARIANCE)) != 0 ||
    (flags & (MEDIAN | WEIGHTED)) == 0;
  if (samples > 0) {
    reference = sample(lane, samples >> 1);
    if (sums) {
      for (let k: u32 = 0; k < samples; k++) {
        const away = sample(lane, k) - reference;
        sum += away;
        squares += away * away;
      }
    }
    if ((flags & CLIP) != 0) {
      const lowSigma = <f64>paramF32(args, 4);
      const highSigma = <f64>paramF32(args, 5);
      const rounds = paramU32(args, 6);
      const floor = <f64>paramF32(args, 7);
      const relative = <f64>paramF32(args, 8);
      for (let round: u32 = 0; round < rounds && to - from > 2; round++) {
        const n = to - from;
        centre = (flags & CENTRE_MEAN) != 0
          ? reference + sum / <f64>n
          : medianOf(lane, from, to);
        let scatter: f64;
        if ((flags & SCATTER_STD) != 0) {
          const mean = sum / <f64>n;
          scatter = Math.sqrt(Math.max(0, squares / <f64>n - mean * mean));
        } else {
          const frames = paramU32(args, 0);
          const factor = load<f32>(slotPointer(args, 2) + (<usize>(2 * frames + n) << 2));
          scatter = madOf(lane, from, to, centre) * <f64>factor;
        }
        scatter = Math.max(Math.max(scatter, floor), relative * Math.abs(centre));
        const low = centre - lowSigma * scatter;
        const high = centre + highSigma * scatter;
        while (from < to && sample(lane, from) < low) {
          const away = sample(lane, from) - reference;
          sum -= away;
          squares -= away * away;
          from++;
        }
        while (to > from && sample(lane, to - 1) > high) {
          const away = sample(lane, to - 1) - reference;
          sum -= away;
          squares -= away * away;
          to--;
        }
        if (to - from == n) break;
      }
    }
  }
  const kept = to - from;
  if ((flags & WANT_COUNTS) != 0) {
    store<u16>(slotPointer(args, 4) + (<usize>p << 1), <u16>kept);
    store<u16>(slotPointer(args, 5) + (<usize>p << 1), <u16>(samples - kept));
  }
  const value = slotPointer(args, 3) + at;
  if (kept == 0) {
    store<f32>(value, NaN);
    if ((flags & WANT_VARIANCE) != 0) store<f32>(slotPointer(args, 6) + at, NaN);
    return;
  }
  if ((flags & MEDIAN) != 0) store<f32>(value, <f32>medianOf(lane, from, to));
  if ((flags & WEIGHTED) != 0) {
    finishWeighted(args, p, load<f32>(lane + from * FLOATS), load<f32>(lane + (to - 1) * FLOATS), kept);
    return;
  }
  const n = <f64>kept;
  const mean = sum / n;
  if ((flags & MEDIAN) == 0) store<f32>(value, <f32>(reference + mean));
  if ((flags & WANT_VARIANCE) == 0) return;
  const factor = (flags & MEDIAN) != 0 && kept > 2 ? Math.PI * 0.5 : 1.0;
  const spread = Math.max(0, squares - n * mean * mean);
  store<f32>(slotPointer(args, 6) + at, <f32>(factor * spread / (n - 1) / n));
}

/** A sample of the unsorted stack. */
function unsorted(args: usize, k: u32, p: u32): f64 {
  const plane = slotPointer(args, 0) + k * slotStride(args, 0);
  if (paramU32(args, 9) == 0) return <f64>load<f32>(plane + (<usize>p << 2));
  return <f64><i16>bswap<u16>(load<u16>(plane + (<usize>p << 1))) + <f64>paramF32(args, 2);
}

/** Weighted mean and variance of the samples between two limits. */
function finishWeighted(args: usize, p: u32, low: f32, high: f32, kept: u32): void {
  const frames = paramU32(args, 0);
  const flags = paramU32(args, 3);
  const weights = slotPointer(args, 2);
  const variances = weights + (<usize>frames << 2);
  const known = (flags & KNOWN_VARIANCE) != 0;
  let total: f64 = 0;
  let mean: f64 = 0;
  let squares: f64 = 0;
  for (let k: u32 = 0; k < frames; k++) {
    const v = unsorted(args, k, p);
    if (!(v >= <f64>low && v <= <f64>high)) continue;
    const weight = <f64>load<f32>(weights + (<usize>k << 2));
    total += weight;
    mean += weight * v;
    squares += weight * weight * (known ? <f64>load<f32>(variances + (<usize>k << 2)) : 1.0);
  }
  mean /= total;
  if ((flags & MEDIAN) == 0) store<f32>(slotPointer(args, 3) + (<usize>p << 2), <f32>mean);
  if ((flags & WANT_VARIANCE) == 0) return;
  let one: f64 = 1;
  if (!known) {
    let spread: f64 = 0;
    for (let k: u32 = 0; k < frames; k++) {
      const v = unsorted(args, k, p);
      if (!(v >= <f64>low && v <= <f64>high)) continue;
      spread += <f64>load<f32>(weights + (<usize>k << 2)) * (v - mean) * (v - mean);
    }
    one = spread / total * <f64>kept / (<f64>kept - 1.0);
  }
  const factor = (flags & MEDIAN) != 0 && kept > 2 ? Math.PI * 0.5 : 1.0;
  const variance = factor * one * squares / (total * total);
  store<f32>(slotPointer(args, 6) + (<usize>p << 2), <f32>variance);
}

/** Median of shorts: they have no gaps, and nothing but the value is wanted. */
export function medianShorts(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, 0);
  const pairs = paramU32(args, 1);
  const zero = f32x4.splat(paramF32(args, 2));
  const stack = slotPointer(args, 0);
  const stride = slotStride(args, 0);
  const network = slotPointer(args, 1);
  const value = slotPointer(args, 3);
  const low = scratch + <usize>((frames - 1) >> 1) * SHORTS;
  const high = scratch + <usize>(frames >> 1) * SHORTS;
  const room = scratch + <usize>frames * SHORTS;
  const end = to * width;
  for (let p = from * width; p < end; p += BLOCK) {
    loadShorts(stack + (<usize>p << 1), stride, frames, scratch);
    sortShorts(scratch, network, pairs);
    const out = value + (<usize>p << 2);
    if (p + BLOCK <= end) {
      middleOfShorts(low, high, zero, out);
    } else {
      middleOfShorts(low, high, zero, room);
      memory.copy(out, room, <usize>(end - p) << 2);
    }
  }
}

/** Any combination of shorts, which have no gaps. */
export function combineShorts(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, 0);
  const zero = f32x4.splat(paramF32(args, 2));
  const planes = scratch + frames * SHORTS;
  const end = to * width;
  for (let p = from * width; p < end; p += BLOCK) {
    loadShorts(slotPointer(args, 0) + (<usize>p << 1), slotStride(args, 0), frames, scratch);
    sortShorts(scratch, slotPointer(args, 1), paramU32(args, 1));
    widenShorts(scratch, frames, zero, planes);
    const size = min(BLOCK, end - p);
    for (let i: u32 = 0; i < size; i++) finishPixel(args, planes + (i << 2), frames, p + i);
  }
}

/** Any combination of floats, with gaps. */
export function combineFloats(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const frames = paramU32(args, 0);
  const flags = paramU32(args, 3);
  const counts = scratch;
  const planes = scratch + FLOATS;
  const stride = slotStride(args, 0);
  const plain = (flags & ~WANT_COUNTS) == MEDIAN && (flags & WANT_COUNTS) == 0;
  const low = planes + <usize>((frames - 1) >> 1) * FLOATS;
  const high = planes + <usize>(frames >> 1) * FLOATS;
  const end = to * width;
  for (let p = from * width; p < end; p += BLOCK) {
    const stack = slotPointer(args, 0) + (<usize>p << 2);
    const whole = loadFloats(stack, stride, frames, planes, counts);
    sortFloats(planes, slotPointer(args, 1), paramU32(args, 1));
    const size = min(BLOCK, end - p);
    if (plain && whole && size == BLOCK) {
      middleOfFloats(low, high, slotPointer(args, 3) + (<usize>p << 2));
      continue;
    }
    for (let i: u32 = 0; i < size; i++) {
      finishPixel(args, planes + (i << 2), load<u32>(counts + (i << 2)), p + i);
    }
  }
}
