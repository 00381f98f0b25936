/**
 * Brings frames to one flux scale.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import type { MeasuredFrame, StackFrame } from "./frames.ts";

/** What brings frames to one flux scale. */
export type FluxScale = "auto" | "zeropoint" | "stars" | "exposure" | "none";

/** What the scale of frames came from. */
export type ScaleSource = Exclude<FluxScale, "auto">;

/** Counts that a source of one flux gives in a frame. */
export interface FluxFactor {
  /** In any unit that is the same for all frames. */
  readonly counts: number;
  /** Stars that it was measured with, if it was. */
  readonly stars?: number;
}

/**
 * Measures the factors of frames by the stars that they share; undefined for a frame that shares too
 * few with the one that has the most, and for all when `auto` does not know the stars.
 */
export interface StarFactors {
  (
    frames: readonly MeasuredFrame[],
    choice: "auto" | "stars",
  ): Promise<readonly (FluxFactor | undefined)[] | undefined>;
}

/** With fewer stars in common two frames are not compared. */
export const LEAST_STARS = 5;

/**
 * Brings frames to the scale of the one with the most counts a flux.
 *
 * `auto` takes the zero points when every frame has one, else the stars that the frames share when
 * they are known, else the exposures.
 *
 * @param frames Measured frames.
 * @param choice What to scale by.
 * @param starFactors Measures common stars.
 * @returns The frames with their factors, at least 1.
 * @throws {DataError} If zero points or stars are wanted and there are none.
 */
export async function scaleFrames(
  frames: readonly MeasuredFrame[],
  choice: FluxScale,
  starFactors: StarFactors,
): Promise<StackFrame[]> {
  const { factors, source } = await fluxFactors(frames, choice, starFactors);
  const largest = Math.max(...factors.map(({ counts }) => counts));
  return frames.map((frame, i) => {
    const { counts, stars } = factors[i]!;
    return { ...frame, scale: largest / counts, scaledBy: source, commonStars: stars };
  });
}

async function fluxFactors(
  frames: readonly MeasuredFrame[],
  choice: FluxScale,
  starFactors: StarFactors,
): Promise<{ readonly factors: readonly FluxFactor[]; readonly source: ScaleSource }> {
  if (choice === "auto" || choice === "zeropoint") {
    const zeroPoints = frames.map(zeroPointOf);
    const missing = zeroPoints.findIndex((value) => value === undefined);
    if (missing < 0) {
      const first = zeroPoints[0]!;
      const factors = zeroPoints.map((value) => ({ counts: 10 ** (0.4 * (value! - first)) }));
      return { factors, source: "zeropoint" };
    }
    if (choice === "zeropoint") {
      throw new DataError(`Cannot scale "${frames[missing]!.product.id}": it has no zero point`);
    }
  }
  if (choice === "auto" || choice === "stars") {
    const found = await starFactors(frames, choice);
    const factors = found?.filter((factor) => factor !== undefined);
    if (factors?.length === frames.length) return { factors, source: "stars" };
    if (choice === "stars") throw lonelyFrame(frames[found?.indexOf(undefined) ?? 0]!);
  }
  const equal = { factors: frames.map(() => ({ counts: 1 })), source: "none" } as const;
  if (choice === "none") return equal;
  const exposures = frames.map(({ product }) => ({ counts: product.exposureS ?? 0 }));
  if (!exposures.every(({ counts }) => counts > 0)) return equal;
  return { factors: exposures, source: "exposure" };
}

function lonelyFrame({ product }: MeasuredFrame): DataError {
  return new DataError(
    `Cannot scale "${product.id}": it shares fewer than ${LEAST_STARS} stars ` +
      "with the frame that has the most",
    { details: { file: product.path } },
  );
}

/**
 * The zero point of a frame.
 *
 * @param frame As photometry measured it, or as its header says.
 * @returns Magnitude of one count; undefined when it is not known.
 */
export function zeroPointOf({ product, header }: MeasuredFrame): number | undefined {
  const measured = product.measured["zeroPoint"];
  const value = typeof measured === "number" ? measured : header.number("ZP_AUTO");
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}
