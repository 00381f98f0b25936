// Combines single pixels: those with masks, gaps, or samples that may be clipped.

import { paramF32, paramU32, slotPointer, slotStride } from "../arguments.as";
import { madOf, medianOf, sample } from "../sorted_samples.as";
import {
  CLIP,
  CLIPPED,
  EXCLUDED,
  FLAGS,
  FLOOR,
  FRAMES,
  MEDIAN,
  NO_DATA,
  PLANE,
  REJECTED,
  RELATIVE,
  ROUNDS,
  SAT,
  SIGMA,
} from "./parameters.as";

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
export function varianceFactor(args: usize, samples: u32): f64 {
  const at = 3 * paramU32(args, FRAMES) + 1 + samples;
  return <f64>load<f32>(slotPointer(args, 3) + (<usize>at << 2));
}

// what gathering the samples of a pixel finds, by its place: how many samples, the planes of the kept
// ones, those of the others, how many of these are saturated, f64 their sum
const SAMPLES: usize = 0;
const JOINED: usize = 4;
const LOST: usize = 8;
const CORES: usize = 12;
const SATURATED: usize = 16;

/** Puts a value into its place among sorted samples: there are few, and fewer such pixels. */
function insert(lane: usize, samples: u32, value: f32): void {
  let at = lane + <usize>samples * PLANE;
  while (at > lane && load<f32>(at - PLANE) > value) {
    store<f32>(at, load<f32>(at - PLANE));
    at -= PLANE;
  }
  store<f32>(at, value);
}

/** Sorts the usable samples of a pixel into its lane; `room` gets all by frame, NaN for the others. */
function gather(args: usize, p: u32, lane: usize, room: usize, found: usize): void {
  const frames = paramU32(args, FRAMES);
  const excluded = paramU32(args, EXCLUDED);
  const values = slotPointer(args, 0) + (<usize>p << 2);
  const masks = slotPointer(args, 1) + (<usize>p << 1);
  let joined: u32 = 0;
  let lost: u32 = 0;
  let saturated: f64 = 0;
  let cores: u32 = 0;
  let samples: u32 = 0;
  for (let k: u32 = 0; k < frames; k++) {
    const bits = <u32>load<u16>(masks + <usize>k * slotStride(args, 1));
    const value = load<f32>(values + <usize>k * slotStride(args, 0));
    const reason = bits & excluded;
    const there = value == value;
    store<f32>(room + (<usize>k << 2), reason == 0 ? value : f32.NaN);
    if (reason != 0) {
      lost |= bits;
      if (reason != paramU32(args, SAT) || !there) continue;
      saturated += <f64>value;
      cores++;
    } else if (there) {
      joined |= bits;
      insert(lane, samples++, value);
    }
  }
  store<u32>(found, samples, SAMPLES);
  store<u32>(found, joined, JOINED);
  store<u32>(found, lost, LOST);
  store<u32>(found, cores, CORES);
  store<f64>(found, saturated, SATURATED);
}

/** A pixel without samples: what is saturated in all frames keeps its mean. */
function storeLost(args: usize, found: usize, outputs: usize): void {
  const cores = load<u32>(found, CORES);
  const lost = load<u32>(found, LOST);
  store<f32>(outputs, cores > 0 ? <f32>(load<f64>(found, SATURATED) / <f64>cores) : 0);
  store<u32>(outputs, cores > 0 ? paramU32(args, SAT) : lost | paramU32(args, NO_DATA), 4);
  store<f32>(outputs, 0, 8);
}

/** Value and inverse variance of the samples of a lane from ≤ k < to. */
function storeSamples(
  args: usize,
  lane: usize,
  from: u32,
  to: u32,
  room: usize,
  outputs: usize,
): void {
  const frames = paramU32(args, FRAMES);
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
  const median = (paramU32(args, FLAGS) & MEDIAN) != 0;
  store<f32>(outputs, median ? <f32>medianOf(lane, from, to, PLANE) : <f32>(mean / total));
  const variance = varianceFactor(args, to - from) * squares / (total * total);
  store<f32>(outputs, variance > 0 ? <f32>(1 / variance) : 0, 8);
}

/** Combines one pixel by hand: its masks, gaps and clipping. */
function joinPixel(args: usize, p: u32, lane: usize, room: usize, outputs: usize): void {
  const found = outputs + 16;
  gather(args, p, lane, room, found);
  const samples = load<u32>(found, SAMPLES);
  let from: u32 = 0;
  let to = samples;
  if ((paramU32(args, FLAGS) & CLIP) != 0 && samples > 0) {
    const range = clipRange(args, lane, samples);
    from = <u32>(range >> 32);
    to = <u32>range;
  }
  if (to == from) return storeLost(args, found, outputs);
  const lost = load<u32>(found, LOST);
  let joined = load<u32>(found, JOINED);
  if (to - from < samples) joined |= paramU32(args, CLIPPED);
  if (lost != 0) joined |= paramU32(args, REJECTED) | (lost & paramU32(args, SAT));
  store<u32>(outputs, joined, 4);
  storeSamples(args, lane, from, to, room, outputs);
}

/** Combines up to four pixels by hand and stores them. */
export function joinByHand(args: usize, p: u32, end: u32, lane: usize, room: usize): void {
  const outputs = room + <usize>paramU32(args, FRAMES) * 4 + 16;
  for (const to = min(p + 4, end); p < to; p++) {
    joinPixel(args, p, lane, room, outputs);
    store<f32>(slotPointer(args, 4) + (<usize>p << 2), load<f32>(outputs));
    store<u16>(slotPointer(args, 5) + (<usize>p << 1), <u16>load<u32>(outputs, 4));
    store<f32>(slotPointer(args, 6) + (<usize>p << 2), load<f32>(outputs, 8));
    lane += 4;
  }
}
