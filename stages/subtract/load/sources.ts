/**
 * Sources of an image: places, fluxes and shapes, as the choice of stars and of bare sky needs them.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { findPeaks, SMOOTHED_NOISE } from "../../../gpu/kernels/find_peaks/find_peaks.ts";
import {
  measurePeaks,
  type PeakShapes,
  SHAPE,
  shapePeaks,
  type SourceImage,
} from "../../../gpu/kernels/measure_sources/measure_sources.ts";
import { bit, UNUSABLE } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";
import type { SourceList } from "./stars.ts";

/** The sources of an image and the width of its stars. */
export interface ImageSources {
  readonly list: SourceList;
  /** Full width at half maximum of the stars, px; NaN when fewer than three were found. */
  readonly fwhmPx: number;
}

/** The usual shape of the stars. */
interface StarShape {
  readonly fwhmPx: number;
  readonly ellipticity: number;
}

/** A source stands so far above the sky, in units of the noise of the smoothed image. */
const DETECT_SIGMA = 5;
/** Peaks from here on are measured as what they may be: stars. */
const STAR_SIGMA = 12;
/** Stars of which the width is taken, at most, brightest first. */
const MOST_WIDTHS = 2000;

/**
 * Finds the sources of an image: maxima after light smoothing. Fluxes are sums within two FWHM above
 * the sky, signal to noise that within one FWHM; widths and ellipticities come from a Gaussian
 * laid through what is above a third of the peak.
 *
 * @param compute Where.
 * @param image The image.
 * @param signal Stops it.
 * @returns The sources; those too faint for a star's measurements have NaN for a width.
 */
export async function findSources(
  compute: Compute,
  image: SourceImage,
  signal?: AbortSignal,
): Promise<ImageSources> {
  const peaks = await findPeaks(compute, image, { sigmas: DETECT_SIGMA, signal });
  const options = { unusable: UNUSABLE, saturated: bit("SAT"), signal };
  const threshold = STAR_SIGMA * SMOOTHED_NOISE;
  const shapes = await shapePeaks(compute, image, peaks, { ...options, threshold });
  const { fwhmPx, ellipticity } = stellarShape(shapes, threshold);
  // without stars to go by, all are too faint to be measured
  const how = { ...options, threshold: Number.isNaN(fwhmPx) ? Infinity : threshold };
  const list = await measurePeaks(compute, image, shapes, fwhmPx, how);
  return { list: { ...list, typicalEllipticity: ellipticity }, fwhmPx };
}

/** The median shape of the brightest third of the undamaged sources that are no rounder or longer than most. */
function stellarShape({ values }: PeakShapes, threshold: number): StarShape {
  const { size, height, known, planes, fwhmPx, ellipticity } = SHAPE;
  const bright: number[] = []; // where their values begin
  for (let at = 0; at < values.length; at += size) {
    if (values[at + height]! >= threshold) bright.push(at);
  }
  bright.sort((a, b) => values[b + height]! - values[a + height]!);
  const wanted = Math.min(MOST_WIDTHS, Math.max(10, Math.ceil(bright.length / 3)));
  const widths: number[] = [], ellipticities: number[] = [];
  for (const at of bright) {
    if (widths.length === wanted) break;
    const isWhole = values[at + known] === 1 && !(values[at + planes]! & UNUSABLE);
    if (!isWhole || !(values[at + fwhmPx]! > 0.8)) continue;
    widths.push(values[at + fwhmPx]!);
    ellipticities.push(values[at + ellipticity]!);
  }
  if (widths.length < 3) return { fwhmPx: NaN, ellipticity: NaN };
  const typical = median(ellipticities);
  const usual = widths.filter((_, k) => Math.abs(ellipticities[k]! - typical) < 0.2);
  return { fwhmPx: median(usual), ellipticity: typical };
}
