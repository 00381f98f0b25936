/**
 * Leaves out frames that clouds dimmed, by their zero points or by the stars that they share.
 *
 * @module
 */

import { type FluxFactor, type StarFactors, zeroPointOf } from "./flux_scale.ts";
import type { MeasuredFrame } from "./frames.ts";
import type { LeftOut } from "./gates.ts";

/** Frames after the gate. */
export interface ClearFrames {
  readonly kept: readonly MeasuredFrame[];
  readonly left: readonly LeftOut[];
}

/** With fewer stars in the richest frame nothing is said of one that shares too few of them. */
const ENOUGH_STARS = 10;

/**
 * Judges the transparency of frames: flux of a star in a second over that in the clearest frame.
 *
 * By the zero points where every frame has one; else by the stars that the frames share, which are
 * looked for where there is no catalogue. A frame that shares too few of many stars is left out too.
 *
 * @param frames Measured frames.
 * @param least Smallest transparency; null leaves nothing out.
 * @param starFactors Measures common stars.
 * @returns The frames that are clear enough, and the others with their transparency.
 */
export async function leaveCloudy(
  frames: readonly MeasuredFrame[],
  least: number | null,
  starFactors: StarFactors,
): Promise<ClearFrames> {
  if (least === null || frames.length < 2) return { kept: frames, left: [] };
  const known = byZeroPoints(frames);
  const factors = known ?? await starFactors(frames, "stars");
  if (factors === undefined) return { kept: frames, left: [] };
  const source = known === undefined ? "common stars" : "zero points";
  const rates = frames.map(({ product: { exposureS = 0 } }, i) => {
    const counts = factors[i]?.counts;
    return counts === undefined || !(exposureS > 0) ? undefined : counts / exposureS;
  });
  const clearest = Math.max(...rates.map((rate) => rate ?? 0));
  const mostStars = Math.max(...factors.map((factor) => factor?.stars ?? 0));
  const kept: MeasuredFrame[] = [];
  const left: LeftOut[] = [];
  for (const [i, frame] of frames.entries()) {
    const rate = rates[i];
    const lost = factors[i] === undefined && mostStars >= ENOUGH_STARS;
    if (rate === undefined ? !lost : rate >= least * clearest) kept.push(frame);
    else left.push(leftOut(frame, rate === undefined ? null : rate / clearest, { least, source }));
  }
  return { kept, left };
}

function byZeroPoints(frames: readonly MeasuredFrame[]): FluxFactor[] | undefined {
  const zeroPoints = frames.map(zeroPointOf);
  if (zeroPoints.includes(undefined)) return undefined;
  return zeroPoints.map((mag) => ({ counts: 10 ** (0.4 * (mag! - zeroPoints[0]!)) }));
}

function leftOut(
  { product }: MeasuredFrame,
  value: number | null,
  { least, source }: { readonly least: number; readonly source: string },
): LeftOut {
  const threshold = `>= ${least}`;
  const found = value === null
    ? "transparency not to be measured, too few stars shared"
    : `transparency ${Number(value.toPrecision(3))} by ${source}`;
  return {
    product,
    gate: { name: "transparency", value, threshold, verdict: "fail" },
    reason: `${found}, needed ${threshold}`,
  };
}
