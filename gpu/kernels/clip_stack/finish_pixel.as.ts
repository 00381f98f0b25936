// Combines one pixel whose samples are sorted: clips both ends and stores what is wanted.

import { paramF32, paramU32, slotPointer, slotStride } from "../arguments.as";
import { SAMPLE } from "./columns.as";
import { madOf, medianOf, sample } from "../sorted_samples.as";
import {
  CENTRE_MEAN,
  CLIP,
  KNOWN_VARIANCE,
  MEDIAN,
  SCATTER_STD,
  WANT_COUNTS,
  WANT_VARIANCE,
  WEIGHTED,
} from "./flags.as";

/** Sum of the distances of samples from a reference. */
function sumOf(lane: usize, samples: u32, reference: f64): f64 {
  let sum: f64 = 0;
  for (let k: u32 = 0; k < samples; k++) sum += sample(lane, k, SAMPLE) - reference;
  return sum;
}

/** Sum of their squares. */
function squaresOf(lane: usize, samples: u32, reference: f64): f64 {
  let squares: f64 = 0;
  for (let k: u32 = 0; k < samples; k++) {
    const away = sample(lane, k, SAMPLE) - reference;
    squares += away * away;
  }
  return squares;
}

/** Sigma of n samples from their MAD, or from the sum and the sum of squares of their distances. */
function scatterOf(args: usize, centre: f64, n: f64, mad: f64, sum: f64, squares: f64): f64 {
  let scatter: f64;
  if ((paramU32(args, 3) & SCATTER_STD) != 0) {
    const mean = sum / n;
    scatter = Math.sqrt(Math.max(0, squares / n - mean * mean));
  } else {
    const factors = slotPointer(args, 2) + (<usize>(2 * paramU32(args, 0)) << 2);
    scatter = mad * <f64>load<f32>(factors + (<usize>n << 2));
  }
  scatter = Math.max(scatter, <f64>paramF32(args, 7));
  return Math.max(scatter, <f64>paramF32(args, 8) * Math.abs(centre));
}

/** Whether anything is made of the sums of samples and of their squares. */
export function wantsSums(args: usize): bool {
  const flags = paramU32(args, 3);
  return (flags & (SCATTER_STD | CENTRE_MEAN | WANT_VARIANCE)) != 0 ||
    (flags & (MEDIAN | WEIGHTED)) == 0;
}

/** Combines one pixel of sorted samples and adds them up first, if that is needed. */
export function addAndFinish(args: usize, lane: usize, samples: u32, p: u32, sums: bool): void {
  const reference = samples > 0 ? sample(lane, samples >> 1, SAMPLE) : 0;
  const sum = sums ? sumOf(lane, samples, reference) : 0;
  const squares = sums ? squaresOf(lane, samples, reference) : 0;
  finishPixel(args, lane, samples, p, sum, squares);
}

/**
 * Combines one pixel whose samples are sorted; `sum` and `squares` are of their distances from the
 * middle one. Its state is in locals, which globals would slow down.
 */
export function finishPixel(
  args: usize,
  lane: usize,
  samples: u32,
  p: u32,
  sum: f64,
  squares: f64,
): void {
  const flags = paramU32(args, 3);
  const reference = samples > 0 ? sample(lane, samples >> 1, SAMPLE) : 0;
  let from: u32 = 0;
  let to = samples;
  const rounds = (flags & CLIP) != 0 ? paramU32(args, 6) : 0;
  for (let round: u32 = 0; round < rounds && to - from > 2; round++) {
    const n = to - from;
    const centre = (flags & CENTRE_MEAN) != 0
      ? reference + sum / <f64>n
      : medianOf(lane, from, to, SAMPLE);
    const mad = (flags & SCATTER_STD) != 0 ? 0 : madOf(lane, from, to, centre, SAMPLE);
    const scatter = scatterOf(args, centre, n, mad, sum, squares);
    const low = centre - <f64>paramF32(args, 4) * scatter;
    const high = centre + <f64>paramF32(args, 5) * scatter;
    for (; from < to && sample(lane, from, SAMPLE) < low; from++) {
      const away = sample(lane, from, SAMPLE) - reference;
      sum -= away;
      squares -= away * away;
    }
    for (; to > from && sample(lane, to - 1, SAMPLE) > high; to--) {
      const away = sample(lane, to - 1, SAMPLE) - reference;
      sum -= away;
      squares -= away * away;
    }
    if (to - from == n) break;
  }
  storePixel(args, lane, samples, p, from, to);
  if (to == from || (flags & WEIGHTED) != 0) return;
  finishEqual(args, p, to - from, reference, sum, squares);
}

/** Stores counts, a median, what is empty, and what needs weights. */
function storePixel(args: usize, lane: usize, samples: u32, p: u32, from: u32, to: u32): void {
  const flags = paramU32(args, 3);
  const kept = to - from;
  if ((flags & WANT_COUNTS) != 0) {
    store<u16>(slotPointer(args, 4) + (<usize>p << 1), <u16>kept);
    store<u16>(slotPointer(args, 5) + (<usize>p << 1), <u16>(samples - kept));
  }
  const value = slotPointer(args, 3) + (<usize>p << 2);
  if (kept == 0) {
    store<f32>(value, NaN);
    if ((flags & WANT_VARIANCE) != 0) store<f32>(slotPointer(args, 6) + (<usize>p << 2), NaN);
    return;
  }
  if ((flags & MEDIAN) != 0) store<f32>(value, <f32>medianOf(lane, from, to, SAMPLE));
  if ((flags & WEIGHTED) == 0) return;
  const low = load<f32>(lane + <usize>from * SAMPLE);
  finishWeighted(args, p, low, load<f32>(lane + <usize>(to - 1) * SAMPLE), kept);
}

/** Mean and variance of samples of equal weight. */
function finishEqual(
  args: usize,
  p: u32,
  kept: u32,
  reference: f64,
  sum: f64,
  squares: f64,
): void {
  const flags = paramU32(args, 3);
  const at = <usize>p << 2;
  const n = <f64>kept;
  const mean = sum / n;
  if ((flags & MEDIAN) == 0) store<f32>(slotPointer(args, 3) + at, <f32>(reference + mean));
  if ((flags & WANT_VARIANCE) == 0) return;
  const factor = (flags & MEDIAN) != 0 && kept > 2 ? Math.PI * 0.5 : 1.0;
  const spread = Math.max(0, squares - n * mean * mean);
  store<f32>(slotPointer(args, 6) + at, <f32>(factor * spread / (n - 1) / n));
}

/** A sample of the unsorted stack. */
function unsorted(args: usize, k: u32, p: u32): f64 {
  const plane = slotPointer(args, 0) + <usize>k * slotStride(args, 0);
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
