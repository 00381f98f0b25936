/**
 * The noise of the sky as an aperture sees it, and the depth that follows from it.
 *
 * Neighbouring pixels of a resampled image share noise, so that the noise in an
 * aperture is larger than √pixels times the noise of a pixel. It is therefore measured, in
 * apertures scattered over empty sky.
 *
 * @module
 */

import { openImage } from "../../fits/image.ts";
import { mad, MAD_TO_SIGMA, median } from "../../sky/stats.ts";
import { scatterPositions, type StripOfSky, stripsOf } from "./sky_strips.ts";
import { type Stencil, stencilOf, sumStencil } from "./stencil.ts";

/** What the noise is measured on; all images have one size. */
export interface NoiseImages {
  /** The image itself, ADU. */
  readonly image: string;
  /** The image less its background, ADU. */
  readonly subtracted: string;
  /** 0 where there is no source. */
  readonly segmentation: string;
  /** 0 where the pixel is good; undefined when there is no mask. */
  readonly flags?: string | undefined;
}

/** How it is measured. */
export interface NoiseOptions {
  /** Diameters of the apertures, px. */
  readonly diametersPx: readonly number[];
  /** Apertures to try, per diameter. */
  readonly apertures: number;
}

/** The noise of the sky. */
export interface SkyNoise {
  /** Median level of empty sky, ADU. */
  readonly skyAdu: number;
  /** Noise of one pixel of empty sky, ADU. */
  readonly skySigmaAdu: number;
  /** Noise in each aperture, ADU; from the power law where too few empty places were found. */
  readonly apertureSigmaAdu: readonly number[];
  /** Empty places found for each aperture. */
  readonly places: readonly number[];
  /** Noise in an aperture of any area, ADU: a power law through what was measured. */
  sigmaAdu(areaPx: number): number;
}

/** A robust scatter of fewer places than this is not trusted. */
const ENOUGH_PLACES = 50;
/** Pixels that the level and noise of the sky are taken from. */
const SKY_PIXELS = 200_000;

/**
 * Measures level and noise of the sky, per pixel and in apertures.
 *
 * @param images Image, background-subtracted image, segmentation and flags.
 * @param options Diameters and number of apertures.
 * @returns The noise; where no aperture could be placed, that of independent pixels.
 */
export async function measureSkyNoise(
  images: NoiseImages,
  options: NoiseOptions,
): Promise<SkyNoise> {
  const stencils = options.diametersPx.map(stencilOf);
  const haloPx = Math.max(...stencils.map((stencil) => stencil.halfPx));
  const size = await imageSize(images.image);
  const places = scatterPositions({ ...size, haloPx, count: options.apertures });
  const stride = Math.max(1, Math.round(size.width * size.height / SKY_PIXELS));
  const sums: number[][] = stencils.map(() => []);
  const levels: number[] = [];
  const residuals: number[] = [];
  for await (const strip of stripsOf(images, haloPx)) {
    sampleSky(strip, stride, levels, residuals);
    const inside = places.filter(({ y }) => y >= strip.firstRow && y < strip.endRow);
    for (const { x, y } of inside) addSums(strip, x, y, stencils, sums);
  }
  const skySigmaAdu = robustSigma(residuals);
  return { skyAdu: median(levels), ...summarizeNoise(stencils, sums, skySigmaAdu), skySigmaAdu };
}

/**
 * Gives the magnitude of a source as bright as `sigmas` times the noise in its aperture:
 * ZP − 2.5 log₁₀(sigmas × σ_aperture).
 *
 * @param zeroPointMag Magnitude of 1 ADU in that aperture.
 * @param sigmaAdu Noise in that aperture, ADU.
 * @param sigmas Significance.
 * @returns Limiting magnitude; null if it cannot be known.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { depthMag } from "./noise.ts";
 * assert.equal(depthMag(25, 20, 5), 20);
 * ```
 */
export function depthMag(zeroPointMag: number, sigmaAdu: number, sigmas: number): number | null {
  const depth = zeroPointMag - 2.5 * Math.log10(sigmas * sigmaAdu);
  return Number.isFinite(depth) ? depth : null;
}

async function imageSize(path: string): Promise<{ width: number; height: number }> {
  using reader = await openImage(path);
  return { width: reader.width, height: reader.height };
}

function addSums(
  strip: StripOfSky,
  x: number,
  y: number,
  stencils: readonly Stencil[],
  sums: readonly number[][],
): void {
  stencils.forEach((stencil, i) => {
    const sum = sumStencil(strip.residual, strip.width, x, y - strip.readRow, stencil);
    if (Number.isFinite(sum)) sums[i]?.push(sum);
  });
}

/** Takes every `stride`-th empty pixel of the rows that belong to the strip. */
function sampleSky(
  strip: StripOfSky,
  stride: number,
  levels: number[],
  residuals: number[],
): void {
  const begin = strip.firstRow * strip.width;
  const end = strip.endRow * strip.width;
  const offset = strip.readRow * strip.width;
  for (let i = Math.ceil(begin / stride) * stride; i < end; i += stride) {
    const residual = strip.residual[i - offset] ?? NaN;
    if (Number.isNaN(residual)) continue;
    residuals.push(residual);
    levels.push(strip.level[i - offset] ?? NaN);
  }
}

function summarizeNoise(
  stencils: readonly Stencil[],
  sums: readonly number[][],
  skySigmaAdu: number,
): Pick<SkyNoise, "apertureSigmaAdu" | "places" | "sigmaAdu"> {
  const measured = sums.map((values) => values.length >= ENOUGH_PLACES ? robustSigma(values) : NaN);
  const areas = stencils.map((stencil) => stencil.areaPx);
  const sigmaAdu = noiseLaw(areas, measured, skySigmaAdu);
  return {
    apertureSigmaAdu: measured.map((sigma, i) =>
      Number.isFinite(sigma) ? sigma : sigmaAdu(areas[i] ?? NaN)
    ),
    places: sums.map((values) => values.length),
    sigmaAdu,
  };
}

/** σ(area) = σ₁ area^β with β between 0.5 (independent pixels) and 1 (fully shared noise). */
function noiseLaw(
  areasPx: readonly number[],
  sigmasAdu: readonly number[],
  skySigmaAdu: number,
): (areaPx: number) => number {
  const points = areasPx
    .map((area, i) => ({ x: Math.log(area), y: Math.log(sigmasAdu[i] ?? NaN) }))
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  if (points.length === 0) return (areaPx) => skySigmaAdu * Math.sqrt(areaPx);
  const mean = (pick: (p: { x: number; y: number }) => number): number =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [x0, y0] = [mean((p) => p.x), mean((p) => p.y)];
  const spread = mean((p) => (p.x - x0) ** 2);
  const slope = spread > 0 ? mean((p) => (p.x - x0) * (p.y - y0)) / spread : 0.5;
  const beta = Math.min(1, Math.max(0.5, slope));
  return (areaPx) => Math.exp(y0 + beta * (Math.log(areaPx) - x0));
}

function robustSigma(values: readonly number[]): number {
  return MAD_TO_SIGMA * mad(values);
}
