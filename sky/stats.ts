/**
 * Robust statistics of samples in which NaN means "no sample".
 *
 * @module
 */

/** What remains of a sample after clipping. */
export interface ClippedStats {
  /** Mean of the samples kept. NaN when there are none. */
  readonly mean: number;
  /** Median of the samples kept. NaN when there are none. */
  readonly median: number;
  /** Standard deviation (population) of the samples kept. NaN when there are none. */
  readonly sigma: number;
  /** How many samples were kept. */
  readonly kept: number;
}

/** How {@linkcode clippedStats} clips. */
export interface ClipOptions {
  /** Reject samples farther than this many standard deviations from the median; 3. */
  readonly sigma?: number;
  /** Stop after this many passes even if samples are still rejected; 5. */
  readonly iterations?: number;
}

/** Median absolute deviation times this is the standard deviation of a normal distribution. */
export const MAD_TO_SIGMA = 1.482602218505602;

/**
 * Finds the k-th smallest value by Hoare's selection, reordering `values`.
 *
 * @param values Samples without NaN; the first `count` are reordered in place.
 * @param k Rank from 0.
 * @param count How many of the values take part; all if left out.
 * @returns The value of that rank. All before index `k` are not larger, all after not smaller.
 */
export function selectRank(
  values: Float64Array | Float32Array,
  k: number,
  count: number = values.length,
): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = medianOfThree(values, low, high);
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i <= j) {
        const swap = values[i]!;
        values[i] = values[j]!;
        values[j] = swap;
        i++;
        j--;
      }
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else break;
  }
  return values[k]!;
}

function medianOfThree(values: Float64Array | Float32Array, low: number, high: number): number {
  const a = values[low]!;
  const b = values[(low + high) >> 1]!;
  const c = values[high]!;
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** Copies what is not NaN into `scratch` and says how many there are. */
function copyFinite(values: ArrayLike<number>, scratch: Float64Array | Float32Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === value) scratch[count++] = value;
  }
  return count;
}

function medianInPlace(values: Float64Array | Float32Array, count: number): number {
  if (count === 0) return NaN;
  const half = count >> 1;
  const upper = selectRank(values, half, count);
  if (count % 2 === 1) return upper;
  let lower = -Infinity;
  for (let i = 0; i < half; i++) if (values[i]! > lower) lower = values[i]!;
  return (lower + upper) / 2;
}

/**
 * Finds the median; of an even number of samples the mean of the middle two.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(median([3, NaN, 1, 2, 10]), 2.5);
 * ```
 *
 * @param values Samples; NaN is ignored. Not changed.
 * @param scratch Room for a copy, at least as long as `values`, to spare an allocation.
 * @returns The median, NaN when there is no sample.
 */
export function median(
  values: ArrayLike<number>,
  scratch: Float64Array | Float32Array = new Float64Array(values.length),
): number {
  return medianInPlace(scratch, copyFinite(values, scratch));
}

/**
 * Finds the median absolute deviation from the median, not scaled.
 *
 * Times {@linkcode MAD_TO_SIGMA} it estimates a standard deviation.
 *
 * @param values Samples; NaN is ignored.
 * @param center The value to take deviations from; the median if left out.
 * @returns The deviation, NaN when there is no sample.
 */
export function mad(values: ArrayLike<number>, center: number = median(values)): number {
  const deviations = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) deviations[i] = Math.abs(values[i]! - center);
  return median(deviations, deviations);
}

/**
 * Mean, median and standard deviation after rejecting outliers again and again.
 *
 * Each pass rejects what is farther than `sigma` standard deviations from the
 * median, as astropy's `sigma_clipped_stats` does.
 *
 * @param values Samples; NaN is ignored. Not changed.
 * @param options Where and how often to clip.
 * @returns The statistics of what was kept.
 */
export function clippedStats(values: ArrayLike<number>, options: ClipOptions = {}): ClippedStats {
  const { sigma: clip = 3, iterations = 5 } = options;
  const kept = new Float64Array(values.length);
  let count = copyFinite(values, kept);
  let moments = momentsOf(kept, count);
  let center = medianInPlace(kept, count);
  for (let pass = 0; pass < iterations; pass++) {
    const limit = clip * moments.sigma;
    let left = 0;
    for (let i = 0; i < count; i++) {
      const value = kept[i]!;
      if (Math.abs(value - center) <= limit) kept[left++] = value;
    }
    if (left === count || left === 0) break;
    count = left;
    moments = momentsOf(kept, count);
    center = medianInPlace(kept, count);
  }
  return { mean: moments.mean, median: center, sigma: moments.sigma, kept: count };
}

function momentsOf(values: Float64Array, count: number): { mean: number; sigma: number } {
  if (count === 0) return { mean: NaN, sigma: NaN };
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]!;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (values[i]! - mean) ** 2;
  return { mean, sigma: Math.sqrt(squares / count) };
}

/**
 * Finds a percentile by linear interpolation between ranks, as numpy does.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(percentile([0, 10, 20, 30], 50), 15);
 * ```
 *
 * @param values Samples; NaN is ignored. Not changed.
 * @param percent From 0 to 100.
 * @returns The percentile, NaN when there is no sample.
 */
export function percentile(values: ArrayLike<number>, percent: number): number {
  const scratch = new Float64Array(values.length);
  const count = copyFinite(values, scratch);
  if (count === 0) return NaN;
  const rank = Math.min(Math.max(percent / 100, 0), 1) * (count - 1);
  const below = Math.floor(rank);
  const low = selectRank(scratch, below, count);
  if (rank === below) return low;
  let high = Infinity;
  for (let i = below + 1; i < count; i++) if (scratch[i]! < high) high = scratch[i]!;
  return low + (rank - below) * (high - low);
}

/**
 * Finds the value at which half of the total weight is reached.
 *
 * Where exactly half of the weight lies below a value, the mean of that value and
 * the one before it is taken, so equal weights give the ordinary median.
 *
 * @param values Samples; NaN is ignored.
 * @param weights A weight for each sample; samples without a positive weight are ignored.
 * @returns The weighted median, NaN when no weight is positive.
 */
export function weightedMedian(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  const order: number[] = [];
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    if (!(weights[i]! > 0) || Number.isNaN(values[i]!)) continue;
    order.push(i);
    total += weights[i]!;
  }
  order.sort((a, b) => values[a]! - values[b]!);
  let below = 0;
  for (const [rank, i] of order.entries()) {
    const sum = below + weights[i]!;
    if (sum > total / 2) return values[i]!;
    if (sum === total / 2) return (values[i]! + (values[order[rank + 1] ?? i]!)) / 2;
    below = sum;
  }
  return NaN;
}
