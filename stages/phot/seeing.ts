/**
 * The seeing of an image: which sources are clean stars, and how wide and how round they are.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import { clippedStats, median } from "../../sky/stats.ts";

/** The measurements of one extraction; all arrays have one entry a source. */
export interface SourceShapes {
  /** Full width at half maximum, px. */
  readonly fwhmPx: ArrayLike<number>;
  /** 1 − B/A. */
  readonly ellipticity: ArrayLike<number>;
  /** A/B. */
  readonly elongation: ArrayLike<number>;
  /** Flux over its error. */
  readonly snr: ArrayLike<number>;
  /** Highest pixel above the background, ADU. */
  readonly peakAdu: ArrayLike<number>;
  /** Background below the source, ADU. */
  readonly backgroundAdu: ArrayLike<number>;
  /** Total flux, ADU. */
  readonly fluxAdu: ArrayLike<number>;
  /** Extraction flags of Source Extractor. */
  readonly flags: ArrayLike<number>;
  /** Mask planes under the source; undefined when there is no mask. */
  readonly maskFlags?: ArrayLike<number>;
}

/** The limits of the selection of stars. */
export interface SeeingOptions {
  /** Least signal to noise. */
  readonly minSnr: number;
  /** Sources whose peak and background reach this level are left out, ADU. */
  readonly saturationAdu: number;
}

/** The width and the shape of the stars of one image. */
export interface Seeing {
  /** Median FWHM of the round stars, px. */
  readonly fwhmPx: number;
  /** Median ellipticity of the stars, before the roundness cut. */
  readonly ellipticity: number;
  /** Median elongation of the stars, before the roundness cut. */
  readonly elongation: number;
  /** The sources that were taken as stars, round or not. */
  readonly stars: Int32Array;
}

/** A single hot pixel or cosmic ray holds more of its flux in one pixel than any sampled star. */
const MAX_PEAK_FRACTION = 0.35;
/** Fewer stars than this and the next weaker selection is tried. */
const ENOUGH_STARS = 10;
/** Widths taken as the stellar locus, in units of its mode. */
const LOCUS = { low: 0.75, high: 1.35 };

/**
 * Measures the seeing from the stars of an image.
 *
 * Clean sources are unflagged, unmasked, unsaturated, of high signal to noise,
 * and not as sharp as a single hit pixel. The mode of their widths (half-sample
 * mode, Bickel & Frühwirth 2006) marks the stellar locus; sources within
 * 0.75–1.35 of it, clipped at 3σ, are the stars. The seeing is the median width of
 * those that are no more than 3σ less round than the typical star, so that a
 * trailed image still gets a width, and its ellipticity shows in the gate.
 * Crowded or poor fields fall back on blended sources, then on lower signal.
 *
 * @param sources Measurements of the first extraction.
 * @param options Limits.
 * @returns Width, shape and which sources were used.
 * @throws {DataError} If fewer than three stars are left.
 */
export function measureSeeing(sources: SourceShapes, options: SeeingOptions): Seeing {
  const stars = selectStars(sources, options);
  const ellipticities = pick(sources.ellipticity, stars);
  const shape = clippedStats(ellipticities, { sigma: 3 });
  const limit = shape.median + 3 * Math.max(shape.sigma, 0.02);
  const round = stars.filter((i) => (sources.ellipticity[i] ?? 1) <= limit);
  return {
    fwhmPx: median(pick(sources.fwhmPx, round)),
    ellipticity: median(ellipticities),
    elongation: median(pick(sources.elongation, stars)),
    stars: Int32Array.from(stars),
  };
}

/**
 * Finds the most common value: the mode of the shorter and shorter half that
 * holds the densest values.
 *
 * @param values Any order; at least one.
 * @returns The mode, NaN of no value.
 */
export function halfSampleMode(values: ArrayLike<number>): number {
  let sorted = Float64Array.from(values).sort();
  while (sorted.length > 3) {
    const half = Math.ceil(sorted.length / 2);
    let best = 0;
    let width = Infinity;
    for (let i = 0; i + half <= sorted.length; i++) {
      const span = at(sorted, i + half - 1) - at(sorted, i);
      if (span < width) [best, width] = [i, span];
    }
    sorted = sorted.subarray(best, best + half);
  }
  if (sorted.length < 3) return sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const [a, b, c] = [at(sorted, 0), at(sorted, 1), at(sorted, 2)];
  if (b - a === c - b) return b;
  return b - a < c - b ? (a + b) / 2 : (b + c) / 2;
}

function selectStars(sources: SourceShapes, options: SeeingOptions): number[] {
  const attempts = [
    { ...options, maxFlags: 0 },
    { ...options, maxFlags: 3 },
    { ...options, maxFlags: 3, minSnr: options.minSnr / 2 },
  ];
  let most: number[] = [];
  for (const attempt of attempts) {
    const stars = stellarLocus(sources.fwhmPx, cleanSources(sources, attempt));
    if (stars.length > most.length) most = stars;
    if (most.length >= ENOUGH_STARS) return most;
  }
  if (most.length >= 3) return most;
  throw new DataError(
    `Cannot measure the seeing: ${most.length} clean stars among ${sources.fwhmPx.length} sources`,
    { details: { stars: most.length, sources: sources.fwhmPx.length } },
  );
}

function cleanSources(
  sources: SourceShapes,
  limits: SeeingOptions & { readonly maxFlags: number },
): number[] {
  const clean: number[] = [];
  for (let i = 0; i < sources.fwhmPx.length; i++) {
    const peak = at(sources.peakAdu, i);
    const isClean = at(sources.flags, i) <= limits.maxFlags &&
      (sources.maskFlags?.[i] ?? 0) === 0 &&
      at(sources.snr, i) >= limits.minSnr &&
      peak + at(sources.backgroundAdu, i) < limits.saturationAdu &&
      peak < MAX_PEAK_FRACTION * at(sources.fluxAdu, i) &&
      at(sources.fwhmPx, i) > 0;
    if (isClean) clean.push(i);
  }
  return clean;
}

function stellarLocus(fwhmPx: ArrayLike<number>, candidates: readonly number[]): number[] {
  if (candidates.length < 3) return [];
  const mode = halfSampleMode(pick(fwhmPx, candidates));
  const near = candidates.filter((i) => {
    const ratio = at(fwhmPx, i) / mode;
    return ratio > LOCUS.low && ratio < LOCUS.high;
  });
  const stats = clippedStats(pick(fwhmPx, near), { sigma: 3 });
  const width = 3 * Math.max(stats.sigma, 0.02 * mode);
  return near.filter((i) => Math.abs(at(fwhmPx, i) - stats.median) <= width);
}

function pick(values: ArrayLike<number>, indices: readonly number[]): Float64Array {
  return Float64Array.from(indices, (i) => at(values, i));
}

function at(values: ArrayLike<number>, i: number): number {
  return values[i] ?? NaN;
}
