/**
 * A candidate: one source of a difference image with everything the flags look at.
 *
 * @module
 */

/** Whether something appeared or brightened, or faded. */
export type Sign = 1 | -1;

/** One source of a difference image. */
export interface Candidate {
  /** Number in the catalogue, from 1. */
  readonly number: number;
  /** 1 where the science image is brighter than the reference, −1 where it is fainter. */
  readonly sign: Sign;
  /** Position, px; (0, 0) is the centre of the first pixel. */
  readonly x: number;
  readonly y: number;
  /** Position on the sky, degrees; NaN without a WCS. */
  readonly raDeg: number;
  readonly decDeg: number;
  /** Flux of the change in each aperture, ADU, the automatic one first; positive for what faded too. */
  readonly fluxAdu: readonly number[];
  /** Its error, ADU. */
  readonly fluxErrorAdu: readonly number[];
  /** Signal to noise in the smallest seeing aperture, the best one for a point source. */
  readonly snr: number;
  /** Width of the best-fitting round Gaussian, px. */
  readonly fwhmPx: number;
  /** 1 − B/A. */
  readonly ellipticity: number;
  /** A/B. */
  readonly elongation: number;
  /** Distance to the nearest source of the other sign that is not much fainter, px. */
  readonly negativeDistancePx: number;
  /** Significant signal of the other sign over that of its own around the position. */
  readonly dipoleRatio: number;
  /** Part of the smallest aperture that is masked, 0–1. */
  readonly maskedFraction: number;
  /** Part of the smallest aperture that the reference covers, 0–1. */
  readonly referenceFraction: number;
  /** The change over the steady light in the smallest aperture; Infinity on empty sky. */
  readonly referenceContrast: number;
  /** Magnitude in the smallest minus that in the 3-seeing aperture, less that of a star; NaN if unknown. */
  readonly apertureDifferenceMag: number;
  /** Its error, mag. */
  readonly apertureDifferenceErrorMag: number;
}
