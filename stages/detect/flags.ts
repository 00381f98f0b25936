/**
 * The rules by which a candidate is taken for an artefact; each sets a flag of its own.
 *
 * @module
 */

import type { Candidate } from "./candidate.ts";

/** The thresholds of the rules; see the schema of the stage. */
export interface FlagLimits {
  /** Distance to any edge of the image, px. */
  readonly edgePx: number;
  readonly minSnr: number;
  readonly maxEllipticity: number;
  readonly maxElongation: number;
  readonly minFwhmRatio: number;
  readonly maxFwhmRatio: number;
  /** In units of the seeing. */
  readonly negativeRadius: number;
  readonly maxDipoleRatio: number;
  readonly maxMaskedFraction: number;
  readonly minReferenceFraction: number;
  readonly maxApertureDifference: number;
  readonly minReferenceContrast: number;
}

/** What the rules know of the image. */
export interface FlagImage {
  readonly width: number;
  readonly height: number;
  /** FWHM of the stars, px. */
  readonly seeingPx: number;
}

/** One rule. */
export interface FlagRule {
  /** Short name, as in the summary. */
  readonly name: string;
  /** When the flag is set, in words. */
  readonly description: string;
  /** Whether the flag is set. */
  test(candidate: Candidate, limits: FlagLimits, image: FlagImage): boolean;
}

/** Errors of the difference between two apertures that are allowed for, in sigma. */
const APERTURE_SIGMAS = 2;

/** The rules; rule `n` fills column `flag_n`. */
export const FLAG_RULES: readonly FlagRule[] = [
  {
    name: "edge",
    description: "nearer to one of the four edges than the limit",
    test: ({ x, y }, { edgePx }, { width, height }) =>
      Math.min(x, y, width - 1 - x, height - 1 - y) < edgePx,
  },
  {
    name: "snr",
    description: "signal to noise below the limit",
    test: ({ snr }, { minSnr }) => !(snr >= minSnr),
  },
  {
    name: "shape",
    description: "more elliptic or elongated than a star",
    test: ({ ellipticity, elongation }, limits) =>
      ellipticity > limits.maxEllipticity || elongation > limits.maxElongation,
  },
  {
    name: "fwhm",
    description: "sharper or wider than a star",
    test: ({ fwhmPx }, limits, { seeingPx }) => {
      const ratio = fwhmPx / seeingPx;
      return !(ratio >= limits.minFwhmRatio && ratio <= limits.maxFwhmRatio);
    },
  },
  {
    name: "negative",
    description: "a twin of the other sign within the radius",
    test: ({ negativeDistancePx }, { negativeRadius }, { seeingPx }) =>
      negativeDistancePx <= negativeRadius * seeingPx,
  },
  {
    name: "dipole",
    description: "signal of both signs",
    test: ({ dipoleRatio }, { maxDipoleRatio }) => dipoleRatio > maxDipoleRatio,
  },
  {
    name: "masked",
    description: "on masked pixels",
    test: ({ maskedFraction }, limits) => maskedFraction > limits.maxMaskedFraction,
  },
  {
    name: "outside_reference",
    description: "where the reference has no data",
    test: ({ referenceFraction }, limits) => referenceFraction < limits.minReferenceFraction,
  },
  {
    name: "magnitude_difference",
    description: "two apertures disagree as they would not on a star",
    test: (candidate, { maxApertureDifference }) =>
      Math.abs(candidate.apertureDifferenceMag) >
        Math.hypot(
          maxApertureDifference,
          APERTURE_SIGMAS * candidate.apertureDifferenceErrorMag,
        ),
  },
  {
    name: "residual",
    description: "a small part of the light of a star or galaxy that is always there",
    test: ({ referenceContrast }, limits) => referenceContrast < limits.minReferenceContrast,
  },
];

/**
 * Applies all rules to a candidate.
 *
 * @param candidate The candidate.
 * @param limits Thresholds.
 * @param image Size and seeing of the image.
 * @returns One entry a rule; a transient has none set.
 */
export function flagsOf(
  candidate: Candidate,
  limits: FlagLimits,
  image: FlagImage,
): readonly boolean[] {
  return FLAG_RULES.map((rule) => rule.test(candidate, limits, image));
}

/**
 * Tells whether a candidate is a transient.
 *
 * @param flags Its flags.
 * @returns Whether no flag is set.
 */
export function isTransient(flags: readonly boolean[]): boolean {
  return !flags.includes(true);
}
