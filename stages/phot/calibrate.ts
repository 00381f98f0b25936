/**
 * The photometric calibration of an image: a zero point and a depth for every aperture.
 *
 * @module
 */

import { median } from "../../sky/stats.ts";
import { type Aperture, APERTURES } from "./apertures.ts";
import { depthMag, type SkyNoise } from "./noise.ts";
import { type ApertureFluxes, magErrorOf, magOf } from "./photometry.ts";
import type { ReferenceMatches } from "./reference.ts";
import { clippedZeroPoint, type ZeroPoint } from "./zero_point.ts";

/** What is known of one aperture of one image. */
export interface ApertureCalibration {
  readonly aperture: Aperture;
  /** Null without reference stars. */
  readonly zeroPoint: ZeroPoint | null;
  /** Noise of the sky in the aperture, ADU; for AUTO, in that of a typical star. */
  readonly sigmaAdu: number;
  /** Magnitude of a 3 σ source; null without a zero point. */
  readonly depth3Mag: number | null;
  /** Magnitude of a 5 σ source; null without a zero point. */
  readonly depth5Mag: number | null;
  /** Median of AUTO minus aperture magnitude of the stars, mag; null if it cannot be known. */
  readonly correctionMag: number | null;
}

/** One aperture's stars against the reference, as the plot shows them. */
export interface ZeroPointStars {
  /** Magnitude in the reference. */
  readonly referenceMag: Float64Array;
  /** Reference minus instrumental magnitude. */
  readonly differenceMag: Float64Array;
  /** Error of the instrumental magnitude. */
  readonly errorMag: Float64Array;
}

/** The measurements that a calibration rests on. */
export interface CalibrationInput {
  /** In the order of the apertures. */
  readonly fluxes: readonly ApertureFluxes[];
  readonly noise: SkyNoise;
  /** Rows of clean stars. */
  readonly stars: ArrayLike<number>;
  /** Area of the automatic aperture of each source, px. */
  readonly autoAreaPx: ArrayLike<number>;
  /** Undefined without a reference. */
  readonly matches: ReferenceMatches | undefined;
  readonly clipSigma: number;
  /** Stars of a larger error are left out, mag. */
  readonly maxMagError: number;
}

/**
 * Calibrates every aperture.
 *
 * @param input Measurements and reference stars.
 * @returns One entry an aperture, in the order of the apertures.
 */
export function calibrate(input: CalibrationInput): ApertureCalibration[] {
  const auto = input.fluxes[0]?.flux ?? new Float64Array();
  return APERTURES.map((aperture, a) => {
    const fluxes = input.fluxes[a] ?? { flux: new Float64Array(), fluxError: new Float64Array() };
    const zeroPoint = apertureZeroPoint(fluxes, input) ?? null;
    const sigmaAdu = a === 0 ? autoSigmaAdu(input) : input.noise.apertureSigmaAdu[a - 1] ?? NaN;
    const depth = (sigmas: number): number | null =>
      zeroPoint === null ? null : depthMag(zeroPoint.mag, sigmaAdu, sigmas);
    return {
      aperture,
      zeroPoint,
      sigmaAdu,
      depth3Mag: depth(3),
      depth5Mag: depth(5),
      correctionMag: a === 0 ? 0 : correction(auto, fluxes.flux, input.stars),
    };
  });
}

/**
 * Puts the reference stars of one aperture side by side with the image.
 *
 * @param fluxes The aperture.
 * @param matches The pairs.
 * @param maxMagError Stars of a larger error get NaN, mag.
 * @returns Arrays in the order of the pairs.
 */
export function zeroPointStars(
  fluxes: ApertureFluxes,
  matches: ReferenceMatches,
  maxMagError: number,
): ZeroPointStars {
  const rows = Array.from(matches.row);
  const errorMag = Float64Array.from(
    rows,
    (row) => magErrorOf(fluxes.flux[row] ?? NaN, fluxes.fluxError[row] ?? NaN),
  );
  const differenceMag = Float64Array.from(rows, (row, i) => {
    const usable = (errorMag[i] ?? NaN) <= maxMagError;
    return usable ? (matches.mag[i] ?? NaN) - magOf(fluxes.flux[row] ?? NaN) : NaN;
  });
  return { referenceMag: matches.mag, differenceMag, errorMag };
}

function apertureZeroPoint(
  fluxes: ApertureFluxes,
  input: CalibrationInput,
): ZeroPoint | undefined {
  if (input.matches === undefined) return undefined;
  const stars = zeroPointStars(fluxes, input.matches, input.maxMagError);
  return clippedZeroPoint(stars.differenceMag, { sigma: input.clipSigma });
}

function autoSigmaAdu(input: CalibrationInput): number {
  const areas = Float64Array.from(input.stars, (row) => input.autoAreaPx[row] ?? NaN);
  return input.noise.sigmaAdu(median(areas));
}

function correction(
  auto: Float64Array,
  flux: Float64Array,
  stars: ArrayLike<number>,
): number | null {
  const differences = Float64Array.from(
    stars,
    (row) => magOf(auto[row] ?? NaN) - magOf(flux[row] ?? NaN),
  );
  const typical = median(differences);
  return Number.isFinite(typical) ? typical : null;
}
