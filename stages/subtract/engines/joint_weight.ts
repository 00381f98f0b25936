/**
 * One weight map for the difference of two images that each have one.
 *
 * @module
 */

/** An image's part in the variance of a difference. */
export interface WeightPart {
  /** Inverse variance in any unit; 0 without data. */
  readonly weight: Float32Array<ArrayBufferLike>;
  /** Variance that it brings into the difference, times its weight; ADU². */
  readonly weighted: number;
}

/**
 * Joins two weight maps, so that the sum of `weighted` over the joint weight is the sum of both
 * variances, `weighted / weight`.
 *
 * @param a One image.
 * @param b The other.
 * @param range First pixel that is wanted, and the one after the last.
 * @param joint Filled there; 0 where either image has no data.
 */
export function joinWeights(
  a: WeightPart,
  b: WeightPart,
  [from, to]: readonly [number, number],
  joint: Float32Array<ArrayBufferLike>,
): void {
  const ofA = a.weighted / (a.weighted + b.weighted), ofB = 1 - ofA;
  for (let i = from; i < to; i++) {
    const first = a.weight[i]!, second = b.weight[i]!;
    joint[i] = first > 0 && second > 0 ? first * second / (ofA * second + ofB * first) : 0;
  }
}
