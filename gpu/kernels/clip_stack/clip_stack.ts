/**
 * Combines K frames pixel by pixel: median, mean, or either after clipping.
 *
 * Works on strips: each frame gives the same pixels of its own strip. NaN means
 * that a frame has no sample there. Values are sorted a block of pixels at a
 * time with a sorting network, so the cost does not depend on the data.
 *
 * @module
 */

import {
  type Bounds,
  createMoments,
  type Moments,
  type Samples,
  spreadWithin,
  sumWithin,
} from "./_moments.ts";
import { type Network, sortingNetwork, sortPlanes } from "./network.ts";

/** How samples become one value. */
export type CombineMethod = "median" | "mean" | "clipped-median" | "clipped-mean";

/** How {@linkcode clipStack} combines. */
export interface ClipStackOptions {
  /** What the value is. */
  readonly method: CombineMethod;
  /** Samples farther than this many sigma from the median are rejected; 3 if left out. */
  readonly clipSigma?: number;
  /** At most so many rounds of clipping; 5 if left out. */
  readonly iterations?: number;
  /** Sigma is never taken smaller than this, in the unit of the samples; 0 if left out. */
  readonly sigmaFloor?: number;
  /** Sigma is never taken smaller than this fraction of the median's size; 0 if left out. */
  readonly sigmaRelative?: number;
  /** `[K]` weight of each frame in a mean; equal if left out. A median takes no weights. */
  readonly weights?: ArrayLike<number>;
  /**
   * `[K]` variance of one sample of each frame. Given, `variance` is propagated from
   * these; left out, it is estimated from the scatter of the samples.
   */
  readonly variances?: ArrayLike<number>;
  /** False leaves `variance` empty, which is faster. */
  readonly variance?: boolean;
}

/** What {@linkcode clipStack} gives; every array is `[pixels]`. */
export interface ClipStack {
  /** Combined value; NaN where no frame has a sample. */
  readonly value: Float32Array;
  /** Samples that went into the value. */
  readonly kept: Uint16Array;
  /** Samples that were clipped. */
  readonly rejected: Uint16Array;
  /** Variance of the value; NaN where it cannot be told. A median's is that of the mean times π/2. */
  readonly variance: Float32Array;
}

/** Pixels that are sorted together: nine planes of them fit in a first-level cache. */
const BLOCK = 512;

/** Of the median of many normal samples, relative to their mean: π/2. */
export const MEDIAN_VARIANCE = Math.PI / 2;

/** Turns the median deviation of n normal samples into their sigma (Croux & Rousseeuw 1992). */
const SMALL_SAMPLE = [0, 1, 1.196, 1.495, 1.363, 1.206, 1.2, 1.14, 1.129, 1.107];

/** Factor that turns the median deviation of so many normal samples into their sigma. */
export function madToSigma(samples: number): number {
  return 1.4826 * (SMALL_SAMPLE[samples] ?? samples / (samples - 0.8));
}

/** Median of lanes `from ≤ lane < to` of pixel `i`, already sorted. */
function sortedMedian(planes: Float32Array, i: number, { from, to }: Range): number {
  const upper = (from + to) >> 1;
  const high = planes[upper * BLOCK + i]!;
  if (((to - from) & 1) === 1) return high;
  return (planes[(upper - 1) * BLOCK + i]! + high) / 2;
}

/** Median distance from `centre` of lanes `from ≤ lane < to`, walking outwards from the middle. */
function sortedMad(
  planes: Float32Array,
  i: number,
  range: Range,
  centre: number,
): number {
  const { from, to } = range;
  const samples = to - from;
  let left = ((from + to) >> 1) - 1;
  let right = left + 1;
  let before = 0;
  let last = 0;
  for (let taken = 0; taken <= samples >> 1; taken++) {
    const down = left >= from ? centre - planes[left * BLOCK + i]! : Infinity;
    const up = right < to ? planes[right * BLOCK + i]! - centre : Infinity;
    before = last;
    if (down <= up) {
      last = down;
      left--;
    } else {
      last = up;
      right++;
    }
  }
  return (samples & 1) === 1 ? last : (before + last) / 2;
}

/** The lanes of a pixel that survive; reused from pixel to pixel. */
interface Range {
  from: number;
  to: number;
}

interface ClipLimits {
  readonly sigma: number;
  readonly iterations: number;
  readonly floor: number;
  readonly relative: number;
}

/** Narrows `range` down until nothing lies farther than the limit from the median. */
function clipRange(planes: Float32Array, i: number, range: Range, limits: ClipLimits): void {
  for (let round = 0; round < limits.iterations && range.to - range.from > 2; round++) {
    const centre = sortedMedian(planes, i, range);
    const scatter = sortedMad(planes, i, range, centre) * madToSigma(range.to - range.from);
    const reach = limits.sigma *
      Math.max(scatter, limits.floor, limits.relative * Math.abs(centre));
    const samples = range.to - range.from;
    while (planes[range.from * BLOCK + i]! < centre - reach) range.from++;
    while (planes[(range.to - 1) * BLOCK + i]! > centre + reach) range.to--;
    if (range.to - range.from === samples) return;
  }
}

/** Loads a block of all frames, gaps as +Infinity, and counts samples; true if there is no gap. */
function loadBlock(
  frames: readonly Float32Array[],
  start: number,
  pixels: number,
  { planes, counts }: Scratch,
): boolean {
  counts.fill(frames.length);
  let whole = true;
  for (let k = 0; k < frames.length; k++) {
    const frame = frames[k]!;
    const plane = k * BLOCK;
    for (let i = 0; i < pixels; i++) {
      const sample = frame[start + i]!;
      if (sample === sample) {
        planes[plane + i] = sample;
      } else {
        planes[plane + i] = Infinity;
        counts[i]!--;
        whole = false;
      }
    }
  }
  return whole;
}

function resolveSamples(frames: readonly Float32Array[], options: ClipStackOptions): Samples {
  const equal = options.weights === undefined || options.method.endsWith("median");
  return {
    frames,
    weights: equal ? new Float64Array(frames.length).fill(1) : Float64Array.from(options.weights!),
    variances: options.variances === undefined ? undefined : Float64Array.from(options.variances),
  };
}

function createResult(pixels: number, options: ClipStackOptions): ClipStack {
  return {
    value: new Float32Array(pixels),
    kept: new Uint16Array(pixels),
    rejected: new Uint16Array(pixels),
    variance: new Float32Array(options.variance === false ? 0 : pixels),
  };
}

/**
 * Combines K frames pixel by pixel.
 *
 * Clipping takes the median and the median absolute deviation (corrected for
 * few samples), never leaves fewer than two, and repeats until it settles.
 * An even median is the mean of the two middle samples, as in numpy.
 *
 * @param frames K arrays of equal length, one unit; NaN where there is no sample.
 * @param options Method, clipping, weights and variances.
 * @returns Value, samples kept and clipped, and variance, each `[pixels]`.
 *
 * @example A cosmic ray in one of five frames
 * ```ts
 * import assert from "node:assert/strict";
 * const frames = [10, 11, 9, 10, 5000].map((v) => Float32Array.of(v));
 * const { value, rejected } = clipStack(frames, { method: "clipped-mean", sigmaFloor: 1 });
 * assert.equal(value[0], 10);
 * assert.equal(rejected[0], 1);
 * ```
 */
export function clipStack(frames: readonly Float32Array[], options: ClipStackOptions): ClipStack {
  const pixels = frames[0]?.length ?? 0;
  const out = createResult(pixels, options);
  const networks = chooseNetworks(frames.length, options.method);
  const samples = resolveSamples(frames, options);
  const scratch: Scratch = {
    planes: new Float32Array(frames.length * BLOCK),
    counts: new Uint16Array(BLOCK),
    low: new Float32Array(BLOCK).fill(-Infinity),
    high: new Float32Array(BLOCK).fill(Infinity),
    moments: createMoments(BLOCK),
  };
  for (let start = 0; start < pixels; start += BLOCK) {
    const size = Math.min(BLOCK, pixels - start);
    const whole = loadBlock(frames, start, size, scratch);
    sortPlanes(scratch.planes, BLOCK, size, whole ? networks.whole : networks.gaps);
    const block = { ...scratch, start, size };
    countBlock(block, options, out);
    if (options.method.endsWith("mean") || options.variance !== false) {
      meanBlock(samples, block, options, out);
    }
  }
  return out;
}

interface Networks {
  /** For blocks in which every frame has every sample. */
  readonly whole: Network;
  readonly gaps: Network;
}

function chooseNetworks(lanes: number, method: CombineMethod): Networks {
  if (method === "mean") return { whole: new Uint16Array(), gaps: new Uint16Array() };
  const gaps = sortingNetwork(lanes);
  if (method !== "median") return { whole: gaps, gaps };
  return { whole: sortingNetwork(lanes, [(lanes - 1) >> 1, lanes >> 1]), gaps };
}

interface Scratch {
  readonly planes: Float32Array;
  readonly counts: Uint16Array;
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly moments: Moments;
}

interface Block extends Scratch, Bounds {}

/** Clips, counts, and sets the value where a median is wanted. */
function countBlock(block: Block, options: ClipStackOptions, out: ClipStack): void {
  const { planes, counts, start, size, low, high } = block;
  const clips = options.method.startsWith("clipped");
  const median = options.method.endsWith("median");
  const limits: ClipLimits = {
    sigma: options.clipSigma ?? 3,
    iterations: options.iterations ?? 5,
    floor: options.sigmaFloor ?? 0,
    relative: options.sigmaRelative ?? 0,
  };
  const range: Range = { from: 0, to: 0 };
  for (let i = 0; i < size; i++) {
    const count = counts[i]!;
    range.from = 0;
    range.to = count;
    if (clips && count > 0) {
      clipRange(planes, i, range, limits);
      low[i] = planes[range.from * BLOCK + i]!;
      high[i] = planes[(range.to - 1) * BLOCK + i]!;
    }
    const kept = range.to - range.from;
    out.kept[start + i] = kept;
    out.rejected[start + i] = count - kept;
    if (median) out.value[start + i] = kept === 0 ? NaN : sortedMedian(planes, i, range);
  }
}

/** Sets the variance, and the value where a mean is wanted. */
function meanBlock(
  samples: Samples,
  block: Block,
  options: ClipStackOptions,
  out: ClipStack,
): void {
  const { start, size, moments } = block;
  const { total, mean, squares, spread } = moments;
  sumWithin(samples, block, moments);
  const median = options.method.endsWith("median");
  if (!median) out.value.set(mean.subarray(0, size), start);
  if (options.variance === false) return;
  const scatter = samples.variances === undefined;
  if (scatter) spreadWithin(samples, block, moments);
  for (let i = 0; i < size; i++) {
    const kept = out.kept[start + i]!;
    const one = scatter ? spread[i]! / total[i]! * kept / (kept - 1) : 1;
    const factor = median && kept > 2 ? MEDIAN_VARIANCE : 1;
    out.variance[start + i] = factor * one * squares[i]! / (total[i]! * total[i]!);
  }
}
