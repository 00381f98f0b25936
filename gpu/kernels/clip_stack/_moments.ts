/** Weighted means over samples within limits, a block of pixels at a time. */

/** Frames with their weights and, where known, the variances of their samples; arrays `[K]`. */
export interface Samples {
  readonly frames: readonly Float32Array[];
  readonly weights: Float64Array;
  readonly variances: Float64Array | undefined;
}

/** Sums of a block, each `[pixels]`. */
export interface Moments {
  readonly total: Float64Array;
  readonly mean: Float64Array;
  readonly squares: Float64Array;
  readonly spread: Float64Array;
}

/** Makes room for the sums of a block. */
export function createMoments(pixels: number): Moments {
  const room = () => new Float64Array(pixels);
  return { total: room(), mean: room(), squares: room(), spread: room() };
}

/** A block of pixels and the limits, `[pixels]`, that its samples must lie within. */
export interface Bounds {
  readonly start: number;
  readonly size: number;
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** Sums weights, weighted values and weighted variances; NaN never lies within. */
export function sumWithin(samples: Samples, bounds: Bounds, moments: Moments): void {
  const { start, size, low, high } = bounds;
  const { total, mean, squares } = moments;
  total.fill(0);
  mean.fill(0);
  squares.fill(0);
  for (let k = 0; k < samples.frames.length; k++) {
    const frame = samples.frames[k]!;
    const weight = samples.weights[k]!;
    const square = weight * weight * (samples.variances?.[k] ?? 1);
    for (let i = 0; i < size; i++) {
      const v = frame[start + i]!;
      if (!(v >= low[i]! && v <= high[i]!)) continue;
      total[i] = total[i]! + weight;
      mean[i] = mean[i]! + weight * v;
      squares[i] = squares[i]! + square;
    }
  }
  for (let i = 0; i < size; i++) mean[i] = mean[i]! / total[i]!;
}

/** Sums weighted squared distances from the mean that {@linkcode sumWithin} found. */
export function spreadWithin(samples: Samples, bounds: Bounds, moments: Moments): void {
  const { start, size, low, high } = bounds;
  const { mean, spread } = moments;
  spread.fill(0);
  for (let k = 0; k < samples.frames.length; k++) {
    const frame = samples.frames[k]!;
    const weight = samples.weights[k]!;
    for (let i = 0; i < size; i++) {
      const v = frame[start + i]!;
      if (!(v >= low[i]! && v <= high[i]!)) continue;
      const away = v - mean[i]!;
      spread[i] = spread[i]! + weight * away * away;
    }
  }
}
