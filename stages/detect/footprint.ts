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

/** Widths tried, in units of the seeing. */
const WIDTHS = Array.from({ length: 31 }, (_, i) => 0.25 * 10 ** (i / 25));
/** Gaussians are cut at this multiple of their width. */
const GAUSSIAN_REACH = 1.5;

/**
 * Finds the width of the round Gaussian that fits a source best.
 *
 * With a free height and no background the best one has the largest
 * Σ g d / √Σ g², so no iteration is needed. It is steadier on faint sources than
 * the width from isophotes, which a matched detection filter stretches.
 *
 * @param difference Cutout of the difference, ADU; NaN is left out.
 * @param centre Position of the source in px from the middle of the cutout.
 * @param seeingPx FWHM of a star.
 * @returns FWHM, px, between 0.25 and 4 seeing; NaN without positive signal.
 */
export function gaussianFwhmPx(
  difference: Cutout,
  centre: { readonly x: number; readonly y: number },
  seeingPx: number,
): number {
  const scores = WIDTHS.map((width) => gaussianScore(difference, centre, width * seeingPx));
  const best = scores.reduce((at, score, i) => score > (scores[at] ?? -Infinity) ? i : at, 0);
  const [left, peak, right] = [scores[best - 1], scores[best] ?? NaN, scores[best + 1]];
  if (!(peak > 0)) return NaN;
  const width = (WIDTHS[best] ?? NaN) * seeingPx;
  if (left === undefined || right === undefined) return width;
  const curvature = left - 2 * peak + right;
  const shift = curvature < 0 ? 0.5 * (left - right) / curvature : 0;
  return width * 10 ** (shift / 25);
}

function gaussianScore(
  { data, side }: Cutout,
  centre: { readonly x: number; readonly y: number },
  fwhmPx: number,
): number {
  const half = (side - 1) / 2;
  const reach = Math.max(1.5, GAUSSIAN_REACH * fwhmPx);
  const [cx, cy] = [half + centre.x, half + centre.y];
  let product = 0;
  let norm = 0;
  for (let y = Math.max(0, Math.ceil(cy - reach)); y <= Math.min(side - 1, cy + reach); y++) {
    for (let x = Math.max(0, Math.ceil(cx - reach)); x <= Math.min(side - 1, cx + reach); x++) {
      const value = data[y * side + x] ?? NaN;
      if (Number.isNaN(value)) continue;
      const r2 = (x - cx) ** 2 + (y - cy) ** 2;
      const weight = Math.exp(-4 * Math.LN2 * r2 / (fwhmPx * fwhmPx));
      product += weight * value;
      norm += weight * weight;
    }
  }
  return product / Math.sqrt(norm);
}
