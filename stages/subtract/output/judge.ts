/**
 * Measures a difference and judges it.
 *
 * @module
 */

import { UNUSABLE } from "../../../sky/mask.ts";
import { clippedStats, mad, MAD_TO_SIGMA, median } from "../../../sky/stats.ts";
import type { Gate } from "../../manifest.ts";
import type { FinishedDifference } from "./finish.ts";
import { varianceIn } from "../noise.ts";
import type { AlignedPair, Box, KernelStar } from "../pair.ts";
import { blockPull, type BlockResiduals } from "./residuals.ts";

/** What was measured on a difference; null where there was nothing to measure it by. */
export interface DifferenceMetrics {
  /** Robust spread of difference over noise on bare sky; 1 when the noise map is right. */
  readonly pullSigma: number | null;
  readonly pullMean: number | null;
  /** Root mean square of the mean over 64-px squares of bare sky, in standard errors. */
  readonly blockPull: number | null;
  /** Robust spread of difference over noise in the cores of the kernel stars. */
  readonly starPullSigma: number | null;
  /** Median over the kernel stars of the signal left in their footprint over the star's. */
  readonly powerLeft: number | null;
  /** Kernel sum over the median flux ratio of the stars. */
  readonly sumOverFluxRatio: number | null;
  /** Kernel sum over what the zero points of both images demand. */
  readonly sumOverZeroPoints: number | null;
}

/** Limits of the gates. */
export interface GateLimits {
  readonly maxPullError: number;
  readonly maxPowerLeft: number;
  readonly maxConditionNumber: number;
  readonly maxSumError: number;
  readonly minCoverage: number;
  readonly maxRegistrationPx: number;
  readonly maxBlockPull: number;
  readonly maxStarPull: number;
  readonly maxMasked: number;
}

/**
 * Measures a difference.
 *
 * @param pair The pair it was made from.
 * @param finished The difference.
 * @param quiet 1 at pixels of bare sky.
 * @param blocks What is left in squares of the sky.
 * @param zeroPointRatio Science flux over reference flux of a star as the zero points have it.
 * @returns The measurements.
 */
export function measureDifference(
  pair: AlignedPair,
  finished: FinishedDifference,
  quiet: Uint8Array,
  blocks: BlockResiduals,
  zeroPointRatio: number | undefined,
): DifferenceMetrics {
  const sky = pullsOfSky(finished, quiet);
  const stats = sky.length < 500 ? undefined : clippedStats(sky, { sigma: 5 });
  const sum = finished.result.kernel.sum;
  return {
    pullSigma: stats?.sigma ?? null,
    pullMean: stats?.mean ?? null,
    blockPull: blockPull(blocks),
    starPullSigma: spreadOfStars(pair, finished),
    powerLeft: powerLeft(pair, finished),
    sumOverFluxRatio: sum === null || !(pair.scale > 0) ? null : sum / pair.scale,
    sumOverZeroPoints: sum === null || zeroPointRatio === undefined ? null : sum / zeroPointRatio,
  };
}

/** At most so many pixels are looked at. */
const SAMPLES = 250_000;

function pullsOfSky(finished: FinishedDifference, quiet: Uint8Array): Float32Array {
  const { difference, weight } = finished;
  const pulls = new Float32Array(SAMPLES);
  const step = Math.max(1, Math.floor(difference.length / SAMPLES));
  let count = 0;
  for (let i = 0; i < difference.length && count < SAMPLES; i += step) {
    if (quiet[i] && weight[i]! > 0) pulls[count++] = difference[i]! * Math.sqrt(weight[i]!);
  }
  return pulls.subarray(0, count);
}

/** Visits the usable pixels within a radius of a star. */
function visitDisc(
  pair: AlignedPair,
  star: KernelStar,
  radiusPx: number,
  visit: (i: number, x: number, y: number) => void,
): void {
  const cx = Math.round(star.x), cy = Math.round(star.y);
  const reach = Math.floor(radiusPx);
  for (let y = Math.max(0, cy - reach); y <= Math.min(pair.height - 1, cy + reach); y++) {
    for (let x = Math.max(0, cx - reach); x <= Math.min(pair.width - 1, cx + reach); x++) {
      if ((x - cx) ** 2 + (y - cy) ** 2 <= radiusPx ** 2) visit(y * pair.width + x, x, y);
    }
  }
}

function spreadOfStars(pair: AlignedPair, finished: FinishedDifference): number | null {
  const pulls: number[] = [];
  for (const star of pair.stars) {
    visitDisc(pair, star, pair.science.fwhmPx, (i) => {
      const weight = finished.weight[i]!;
      if (weight > 0) pulls.push(finished.difference[i]! * Math.sqrt(weight));
    });
  }
  return pulls.length < 50 ? null : MAD_TO_SIGMA * mad(pulls);
}

function varianceAround(
  pair: AlignedPair,
  star: KernelStar,
  radiusPx: number,
): { readonly box: Box; readonly variance: Float32Array } {
  const reach = Math.floor(radiusPx);
  const left = Math.max(0, Math.round(star.x) - reach);
  const top = Math.max(0, Math.round(star.y) - reach);
  const width = Math.min(pair.width, Math.round(star.x) + reach + 1) - left;
  const height = Math.min(pair.height, Math.round(star.y) + reach + 1) - top;
  const box = { left, top, width, height };
  return { box, variance: varianceIn(pair.science, pair, box) };
}

/** The noise is taken off the power first, so that faint stars do not look badly subtracted. */
function powerLeft(pair: AlignedPair, finished: FinishedDifference): number | null {
  const { science } = pair;
  const ratios = pair.stars.map((star) => {
    let left = 0, power = 0;
    const radius = 1.5 * science.fwhmPx;
    const { box, variance } = varianceAround(pair, star, radius);
    visitDisc(pair, star, radius, (i, x, y) => {
      if (finished.mask[i]! & UNUSABLE || !(finished.weight[i]! > 0)) return;
      left += finished.difference[i]! ** 2 - 1 / finished.weight[i]!;
      const noise = variance[(y - box.top) * box.width + x - box.left]!;
      power += (science.data[i]! - science.skyAdu) ** 2 - noise;
    });
    return power > 0 ? Math.sqrt(Math.max(0, left) / power) : NaN;
  }).filter((ratio) => !Number.isNaN(ratio));
  return ratios.length === 0 ? null : median(ratios);
}

/** Facts for the gates that the difference itself does not hold. */
export interface PairFacts {
  readonly coverage: number;
  readonly registrationPx: number;
  readonly registrationScatterPx: number;
}

/**
 * Judges a difference by its measurements.
 *
 * @param finished The difference.
 * @param metrics Its measurements.
 * @param facts Coverage and registration of the pair.
 * @param limits Thresholds.
 * @returns One verdict a gate. Beyond a limit is degraded, beyond twice the limit fails, where the text says so.
 */
export function judge(
  finished: FinishedDifference,
  metrics: DifferenceMetrics,
  facts: PairFacts,
  limits: GateLimits,
): Gate[] {
  const { kernel } = finished.result;
  const away = (value: number | null) => value === null ? null : Math.abs(value - 1);
  const { maxPullError, maxPowerLeft, maxSumError, maxConditionNumber } = limits;
  return [
    gate("kernel stars", kernel.used ?? kernel.offered, "at least 3", (stars) => stars >= 3),
    upTo("condition number", kernel.conditionNumber, maxConditionNumber, 1000),
    aboutOne("kernel sum over flux ratio", metrics.sumOverFluxRatio, maxSumError),
    aboutOne("kernel sum over zero points", metrics.sumOverZeroPoints, maxSumError),
    {
      ...aboutOne("pull spread away from sources", metrics.pullSigma, maxPullError),
      ...(away(metrics.pullSigma) === null ? { verdict: "degraded" as const } : {}),
    },
    upTo("power left in star footprints", metrics.powerLeft, maxPowerLeft, 2),
    gate(
      "reference coverage",
      facts.coverage,
      `at least ${limits.minCoverage}`,
      (coverage) => coverage >= limits.minCoverage,
    ),
    upTo("registration offset, px", facts.registrationPx, limits.maxRegistrationPx, 3),
    upTo("registration scatter, px", facts.registrationScatterPx, limits.maxRegistrationPx, 3),
    upTo("pull of 64-px squares of sky", metrics.blockPull, limits.maxBlockPull),
    upTo("pull spread in star cores", metrics.starPullSigma, limits.maxStarPull),
    upTo("fraction masked", finished.maskedFraction, limits.maxMasked),
  ];
}

function gate(
  name: string,
  value: number | null,
  threshold: string,
  passes: (value: number) => boolean,
): Gate {
  const finite = value !== null && Number.isFinite(value) ? value : null;
  const verdict = finite === null ? "degraded" : passes(finite) ? "pass" : "fail";
  return { name, value: finite, threshold, verdict };
}

/** What cannot be measured is no reason to fail: a zero point may be missing. Without a factor it never fails. */
function upTo(name: string, value: number | null, limit: number, failing = Infinity): Gate {
  const finite = value !== null && Number.isFinite(value) ? value : null;
  const verdict = finite === null || finite <= limit
    ? "pass"
    : finite <= failing * limit
    ? "degraded"
    : "fail";
  const beyond = `; fails beyond ${Number((failing * limit).toPrecision(3))}`;
  const threshold = `at most ${limit}${Number.isFinite(failing) ? beyond : ""}`;
  return { name, value: finite, threshold, verdict };
}

function aboutOne(name: string, value: number | null, error: number): Gate {
  const inner = upTo(name, value === null ? null : Math.abs(value - 1), error, 2);
  const finite = value !== null && Number.isFinite(value) ? value : null;
  const threshold = `1 ± ${error}; fails beyond 1 ± ${2 * error}`;
  return { name, value: finite, threshold, verdict: inner.verdict };
}

/**
 * The worst of several verdicts.
 *
 * @param gates Verdicts.
 * @returns fail before degraded before pass.
 */
export function worst(gates: readonly Gate[]): Gate["verdict"] {
  if (gates.some((one) => one.verdict === "fail")) return "fail";
  return gates.some((one) => one.verdict === "degraded") ? "degraded" : "pass";
}
