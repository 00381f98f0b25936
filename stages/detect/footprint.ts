/**
 * What the pixels around a candidate say that a catalogue does not.
 *
 * @module
 */

import { type Stencil, sumStencil } from "../phot/stencil.ts";
import type { Cutout } from "./cutouts.ts";

/** Pixels farther from zero than this count as signal, in units of the noise of a pixel. */
const SIGNAL_SIGMAS = 2.5;

/**
 * Compares negative with positive signal around a candidate.
 *
 * Sums the pixels beyond 2.5σ of either sign in a disc; a star subtracted out of
 * place leaves about as much of both.
 *
 * @param difference Cutout of the difference, ADU; NaN is left out.
 * @param sigmaAdu Noise of a pixel.
 * @param radiusPx Radius of the disc.
 * @returns |negative| / positive; 0 without negative, Infinity without positive signal.
 */
export function dipoleRatio(difference: Cutout, sigmaAdu: number, radiusPx: number): number {
  const half = (difference.side - 1) / 2;
  const limit = SIGNAL_SIGMAS * sigmaAdu;
  let positive = 0;
  let negative = 0;
  for (const [i, value] of difference.data.entries()) {
    const dx = i % difference.side - half;
    const dy = Math.floor(i / difference.side) - half;
    if (dx * dx + dy * dy > radiusPx * radiusPx) continue;
    if (value > limit) positive += value;
    else if (value < -limit) negative -= value;
  }
  if (negative === 0) return 0;
  return negative / positive;
}

/**
 * Gives the part of an aperture whose pixels fulfil a condition.
 *
 * @param cutout Cutout of an image.
 * @param aperture The aperture, around the middle of the cutout.
 * @param condition Tells of a pixel's value, NaN outside the image.
 * @returns From 0 to 1.
 */
export function fractionWhere(
  cutout: Cutout,
  aperture: Stencil,
  condition: (value: number) => boolean,
): number {
  const half = (cutout.side - 1) / 2;
  let covered = 0;
  for (const [i, weight] of aperture.weight.entries()) {
    const row = half + (aperture.dy[i] ?? 0);
    const value = cutout.data[row * cutout.side + half + (aperture.dx[i] ?? 0)];
    if (condition(value ?? NaN)) covered += weight;
  }
  return covered / aperture.areaPx;
}

/**
 * Sums a cutout over an aperture around its middle.
 *
 * @param cutout Cutout of an image.
 * @param aperture The aperture.
 * @returns Sum; NaN if a pixel is NaN.
 */
export function apertureSum(cutout: Cutout, aperture: Stencil): number {
  const half = (cutout.side - 1) / 2;
  return sumStencil(cutout.data, cutout.side, half, half, aperture);
}
