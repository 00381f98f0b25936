/**
 * Whether a solution may be trusted.
 *
 * @module
 */

import type { ScampResult } from "../../external/scamp.ts";
import type { Gate } from "../manifest.ts";

/** Thresholds of the astrometric gates. */
export interface AstromThresholds {
  /** Largest rms that passes. */
  readonly maxRmsArcsec: number;
  /** Fewest matched stars that pass. */
  readonly minMatched: number;
  /** Lowest contrast that passes. */
  readonly minContrast: number;
}

/** What is measured of a solution. */
export interface AstromMeasures {
  /** Larger one of the rms along both axes, to the reference. */
  readonly astromRmsArcsec: number;
  /** Reference stars matched. */
  readonly astromMatched: number;
  /**
   * Contrast of the match in position. That in angle says nothing here: it is as high
   * for a frame turned upside down, and for the wrong field.
   */
  readonly astromContrast: number;
}

/**
 * Picks what is judged from SCAMP's result.
 *
 * @param result SCAMP's result for the frame.
 * @returns The measures; NaN where SCAMP has no number.
 */
export function measuresOf(result: ScampResult): AstromMeasures {
  return {
    astromRmsArcsec: Math.max(...result.rmsArcsec),
    astromMatched: result.matched,
    astromContrast: result.positionContrast,
  };
}

/**
 * Compares a solution with the thresholds.
 *
 * @param measures What was measured.
 * @param thresholds What is asked for.
 * @returns One gate a quantity; a solution is good when none of them fails.
 */
export function judge(measures: AstromMeasures, thresholds: AstromThresholds): Gate[] {
  const { astromRmsArcsec, astromMatched, astromContrast } = measures;
  const { maxRmsArcsec, minMatched, minContrast } = thresholds;
  return [
    gate("astrometric rms", astromRmsArcsec, `< ${maxRmsArcsec} arcsec`, (v) => v < maxRmsArcsec),
    gate("matched stars", astromMatched, `>= ${minMatched}`, (v) => v >= minMatched),
    gate("match contrast", astromContrast, `>= ${minContrast}`, (v) => v >= minContrast),
  ];
}

function gate(
  name: string,
  value: number,
  threshold: string,
  passes: (value: number) => boolean,
): Gate {
  const known = Number.isFinite(value);
  return {
    name,
    value: known ? value : null,
    threshold,
    verdict: known && passes(value) ? "pass" : "fail",
  };
}

/**
 * Says in words which gates a solution failed.
 *
 * @param gates From {@linkcode judge}.
 * @returns Nothing when all passed.
 */
export function failureOf(gates: readonly Gate[]): string | undefined {
  const failed = gates.filter(({ verdict }) => verdict === "fail");
  if (failed.length === 0) return undefined;
  return failed.map(({ name, value, threshold }) =>
    `${name} ${value === null ? "unknown" : Number(value.toPrecision(4))}, wanted ${threshold}`
  ).join("; ");
}
