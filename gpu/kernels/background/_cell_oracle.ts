/**
 * The definition of level and noise of one cell, step by step and in float64, for tests.
 *
 * @module
 */

/** Level and noise of a cell; NaN where it has no good pixel. */
export interface CellStatistics {
  /** Mode of the sky, in the unit of the pixels. */
  readonly level: number;
  /** Standard deviation of the sky. */
  readonly sigma: number;
}

/** A histogram reaches this many standard deviations to either side. */
const REACH_SIGMA = 5;
const MOST_BINS = 4096;
/** Mean samples a bin at the maximum of the histogram. */
const FULLEST_BIN = 4;

/**
 * Estimates the mode of a cell by a clipped histogram.
 *
 * Clips at 2 σ once, then the histogram of what is left at 3 σ about its median
 * until the noise settles; where mean and median agree within 0.3 σ the mode is
 * 2.5 median - 1.5 mean, else the median (Bertin & Arnouts 1996).
 *
 * @param values Good pixels of the cell, without NaN.
 * @param count How many of them.
 * @returns Level and noise.
 */
export function cellStatistics(
  values: Float32Array,
  count: number,
): CellStatistics {
  if (count === 0) return { level: NaN, sigma: NaN };
  const all = moments(values, count, -Infinity, Infinity);
  const near = moments(values, count, all.mean - 2 * all.sigma, all.mean + 2 * all.sigma);
  if (!(near.sigma > 0)) return { level: near.mean, sigma: 0 };
  const wanted = Math.sqrt(2 / Math.PI) * REACH_SIGMA / FULLEST_BIN * near.count + 1;
  const bins = Math.min(MOST_BINS, Math.floor(wanted));
  const scale = 2 * REACH_SIGMA * near.sigma / bins;
  const zero = near.mean - REACH_SIGMA * near.sigma;
  const histogram = new Uint32Array(bins);
  const [inverse, shift] = [1 / scale, 0.499999 - zero / scale];
  for (let i = 0; i < count; i++) {
    const place = values[i]! * inverse + shift;
    if (place >= 0 && place < bins) histogram[place | 0]!++;
  }
  const { mean, median, sigma } = clipHistogram(histogram);
  if (!(sigma > 0)) return { level: zero + mean * scale, sigma: 0 };
  const mode = Math.abs(mean - median) < 0.3 * sigma ? 2.5 * median - 1.5 * mean : median;
  return { level: zero + mode * scale, sigma: sigma * scale };
}

function moments(
  values: Float32Array,
  count: number,
  low: number,
  high: number,
): { mean: number; sigma: number; count: number } {
  let kept = 0;
  let sum = 0;
  let squares = 0;
  const origin = values[0]!;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value < low || value > high) continue;
    kept++;
    sum += value - origin;
    squares += (value - origin) ** 2;
  }
  const mean = sum / kept;
  return {
    mean: mean + origin,
    sigma: Math.sqrt(Math.max(0, squares / kept - mean * mean)),
    count: kept,
  };
}

/** Clips a histogram at 3 σ about its median until the noise settles; all in bins. */
function clipHistogram(histogram: Uint32Array): { mean: number; median: number; sigma: number } {
  const last = histogram.length - 1;
  let low = 0;
  let high = last;
  let [mean, median, sigma, before] = [0, 0, 10 * last, 1];
  for (let pass = 0; pass < 100 && sigma >= 0.1 && Math.abs(sigma / before - 1) > 1e-4; pass++) {
    before = sigma;
    let [sum, first, second] = [0, 0, 0];
    for (let i = low; i <= high; i++) {
      const n = histogram[i]!;
      sum += n;
      first += n * i;
      second += n * i * i;
    }
    median = medianBin(histogram, low, high);
    mean = sum > 0 ? first / sum : 0;
    sigma = sum > 0 ? Math.sqrt(Math.max(0, second / sum - mean * mean)) : 0;
    low = Math.max(0, Math.round(median - 3 * sigma));
    high = Math.min(last, Math.round(median + 3 * sigma));
  }
  return { mean, median, sigma };
}

/** Walks in from both ends, then interpolates where they meet. */
function medianBin(histogram: Uint32Array, low: number, high: number): number {
  let [i, j] = [low, high];
  let [below, above] = [0, 0];
  for (let steps = high - low + 1; steps > 0; steps--) {
    if (below < above) below += histogram[i++]!;
    else above += histogram[j--]!;
  }
  const fullest = Math.max(histogram[i] ?? 0, histogram[j] ?? 0);
  return j >= 0 && fullest > 0 ? j + 0.5 + (above - below) / (2 * fullest) : Math.max(0, j + 0.5);
}
