/**
 * What an image must fulfil after photometry.
 *
 * @module
 */

import type { Gate } from "../manifest.ts";
import type { ZeroPoint } from "./zero_point.ts";

/** The thresholds. */
export interface GateLimits {
  /** Fewer reference stars than this fail. */
  readonly minStars: number;
  /** Fewer reference stars than this are degraded. */
  readonly goodStars: number;
  /** A zero point that scatters this much or more fails, mag. */
  readonly maxScatter: number;
  /** Stars this much or more elliptic fail. */
  readonly maxEllipticity: number;
  /** Whether an image without a zero point fails, rather than being degraded. */
  readonly requireZeroPoint: boolean;
}

/**
 * Judges an image.
 *
 * @param measured Zero point of the automatic aperture, null if there is none; whether there was
 *   a reference to get one from; median ellipticity of the stars.
 * @param limits Thresholds.
 * @returns One gate a quantity.
 */
export function judge(
  measured: {
    readonly zeroPoint: ZeroPoint | null;
    readonly hasReference: boolean;
    readonly ellipticity: number;
  },
  limits: GateLimits,
): Gate[] {
  const { zeroPoint, ellipticity } = measured;
  const shape: Gate = {
    name: "ellipticity",
    value: ellipticity,
    threshold: `< ${limits.maxEllipticity}`,
    verdict: ellipticity < limits.maxEllipticity ? "pass" : "fail",
  };
  const stars: Gate = {
    name: "zero point stars",
    value: zeroPoint?.stars ?? (measured.hasReference ? 0 : null),
    threshold: `>= ${limits.minStars}, ${limits.goodStars} for good`,
    verdict: starsVerdict(zeroPoint, measured.hasReference, limits),
  };
  if (zeroPoint === null) return [stars, shape];
  const scatter: Gate = {
    name: "zero point scatter",
    value: zeroPoint.scatterMag,
    threshold: `< ${limits.maxScatter} mag`,
    verdict: zeroPoint.scatterMag < limits.maxScatter ? "pass" : "fail",
  };
  return [stars, scatter, shape];
}

/**
 * Puts the gates that failed into words.
 *
 * @param gates Gates of an image.
 * @returns Such as `ellipticity 0.41, needed < 0.3`; undefined if none failed.
 */
export function describeFailures(gates: readonly Gate[]): string | undefined {
  const failed = gates.filter((gate) => gate.verdict === "fail");
  if (failed.length === 0) return undefined;
  return failed.map(({ name, value, threshold }) =>
    `${name} ${value === null ? "not measured" : Number(value.toPrecision(3))}, needed ${threshold}`
  ).join("; ");
}

function starsVerdict(
  zeroPoint: ZeroPoint | null,
  hasReference: boolean,
  limits: GateLimits,
): Gate["verdict"] {
  if (!hasReference) return limits.requireZeroPoint ? "fail" : "degraded";
  const stars = zeroPoint?.stars ?? 0;
  if (stars < limits.minStars) return "fail";
  return stars < limits.goodStars ? "degraded" : "pass";
}
