/**
 * How gain and noise of frames become those of their stack.
 *
 * @module
 */

import { type CombineMethod, MEDIAN_VARIANCE } from "../../../gpu/kernels/clip_stack/clip_stack.ts";

/** One frame as far as its noise goes. */
export interface NoisyFrame {
  /** Electrons an ADU before scaling. */
  readonly gainEAdu: number;
  /** Electrons. */
  readonly readNoiseE: number;
  /** Factor on its values. */
  readonly scale: number;
  /** Share in a mean; equal for a median. */
  readonly weight: number;
}

/** Gain and read noise of a stack. */
export interface StackNoise {
  /** Electrons an ADU, so that flux / EGAIN is the Poisson variance. */
  readonly gainEAdu: number;
  /** Electrons. */
  readonly readNoiseE: number;
}

/**
 * Works out the gain and the read noise that a stack has.
 *
 * For N equal frames the gain is N·g for a mean and 2N·g/3 for a median, whose
 * variance is π/2 ≈ 3/2 times that of a mean.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const frame = { gainEAdu: 1.5, readNoiseE: 6, scale: 1, weight: 1 };
 * assert.equal(stackNoise([frame, frame, frame], "median").gainEAdu, 3);
 * assert.equal(stackNoise([frame, frame, frame], "mean").gainEAdu, 4.5);
 * ```
 *
 * @param frames The frames; at least one.
 * @param method How they are combined; a median of fewer than three is a mean.
 * @returns Gain and read noise.
 */
export function stackNoise(frames: readonly NoisyFrame[], method: CombineMethod): StackNoise {
  const median = method.endsWith("median");
  const worse = median && frames.length > 2;
  let total = 0;
  let poisson = 0;
  let read = 0;
  for (const { gainEAdu, readNoiseE, scale, weight } of frames) {
    const share = median ? 1 : weight;
    total += share;
    poisson += share * share * scale / gainEAdu;
    read += (share * scale * readNoiseE / gainEAdu) ** 2;
  }
  const gainEAdu = total * total / poisson * (worse ? 2 / 3 : 1);
  const readNoiseAdu = Math.sqrt(read) / total * Math.sqrt(worse ? MEDIAN_VARIANCE : 1);
  return { gainEAdu, readNoiseE: readNoiseAdu * gainEAdu };
}
