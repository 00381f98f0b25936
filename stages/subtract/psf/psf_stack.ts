/**
 * Stars cut out, centred and stacked.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import {
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";
import { Fourier } from "./fourier.ts";
import { solveScaled } from "../fit/linear_system.ts";
import type { KernelStar, PairImage } from "../pair.ts";

/** A star on pixels that are centred on it; arrays `[side, side]`. */
export interface StarStamp {
  readonly x: number;
  readonly y: number;
  /** ADU, the sky around it taken off. */
  readonly data: Float64Array;
  /** Inverse variance of the sky, ADU⁻²; 0 where a pixel is not to be used. */
  readonly weight: Float64Array;
  readonly gainEAdu: number;
}

/** How stars are cut out. */
export interface StampSize {
  readonly width: number;
  readonly height: number;
  readonly halfPx: number;
  readonly fwhmPx: number;
}

/**
 * Finds where a star sits: the mean position weighted by light times a Gaussian
 * as wide as the PSF, moved until it stays (Bertin's XWIN).
 *
 * @param image The image.
 * @param star A first guess.
 * @param size Size of the image.
 * @returns The place, or the guess when nothing is found within half a FWHM of it.
 */
export function centreOf(
  image: PairImage,
  star: KernelStar,
  size: Omit<StampSize, "halfPx">,
): { readonly x: number; readonly y: number } {
  const sigma = size.fwhmPx / 2.3548, reach = Math.ceil(2 * size.fwhmPx);
  let { x, y } = star;
  for (let iteration = 0; iteration < 8; iteration++) {
    let sum = 0, sumX = 0, sumY = 0;
    const cx = Math.round(x), cy = Math.round(y);
    for (let row = Math.max(0, cy - reach); row <= Math.min(size.height - 1, cy + reach); row++) {
      for (
        let column = Math.max(0, cx - reach);
        column <= Math.min(size.width - 1, cx + reach);
        column++
      ) {
        const value = image.data[row * size.width + column]! - image.skyAdu;
        const weight = Math.exp(-0.5 * ((column - x) ** 2 + (row - y) ** 2) / sigma ** 2);
        if (Number.isNaN(value)) continue;
        sum += weight * value;
        sumX += weight * value * (column - x);
        sumY += weight * value * (row - y);
      }
    }
    if (!(sum > 0)) return star;
    x += (2 * sumX) / sum;
    y += (2 * sumY) / sum;
    if (!(Math.hypot(x - star.x, y - star.y) < 0.5 * size.fwhmPx)) return star;
  }
  return { x, y };
}

/**
 * Cuts stars out and moves each by the part of a pixel that centres it, by the
 * phase of its transform.
 *
 * @param image The image.
 * @param places Where the stars are, px.
 * @param size Half-width of the stamps, width of the PSF.
 * @returns A stamp a star; undefined where the core is not whole or the stamp leaves the image.
 */
export function cutStars(
  image: PairImage,
  places: readonly { readonly x: number; readonly y: number }[],
  size: StampSize,
): (StarStamp | undefined)[] {
  const side = 2 * size.halfPx + 1;
  const fourier = new Fourier(2 ** Math.ceil(Math.log2(side + 2)));
  return places.map((place) => cutStar(image, place, size, fourier));
}

function cutStar(
  image: PairImage,
  { x, y }: { readonly x: number; readonly y: number },
  size: StampSize,
  fourier: Fourier,
): StarStamp | undefined {
  const { width, height, halfPx } = size;
  const cx = Math.round(x), cy = Math.round(y);
  if (cx < halfPx || cy < halfPx || cx >= width - halfPx || cy >= height - halfPx) return undefined;
  const side = 2 * halfPx + 1;
  const raw = new Float64Array(side * side), weight = new Float64Array(side * side);
  const noise = image.sigmaAt(cx, cy) ** 2;
  for (let i = 0; i < raw.length; i++) {
    const dx = (i % side) - halfPx, dy = Math.floor(i / side) - halfPx;
    const at = (cy + dy) * width + cx + dx;
    const value = image.data[at]!;
    const good = Number.isFinite(value) && (image.mask[at]! & UNUSABLE) === 0;
    const distance = Math.hypot(dx, dy);
    if (!good && distance < 1.5 * size.fwhmPx) return undefined;
    raw[i] = good ? value : NaN;
    weight[i] = good ? 1 / noise : 0;
  }
  const sky = image.skyAt(cx, cy);
  const filled = raw.map((value) => Number.isNaN(value) ? 0 : value - sky);
  const data = shifted(filled, { x: x - cx, y: y - cy }, fourier, halfPx);
  return { x, y, data, weight, gainEAdu: image.gainEAdu };
}

/** Moves what sits at an offset to the middle. */
function shifted(
  stamp: Float64Array,
  offset: { readonly x: number; readonly y: number },
  fourier: Fourier,
  halfPx: number,
): Float64Array {
  const { re, im } = fourier.forward(stamp);
  const n = fourier.size;
  const frequency = (k: number) => (k < n / 2 ? k : k === n / 2 ? 0 : k - n) / n;
  for (let i = 0; i < re.length; i++) {
    const turns = frequency(i % n) * offset.x + frequency(Math.floor(i / n)) * offset.y;
    const c = Math.cos(2 * Math.PI * turns), s = Math.sin(2 * Math.PI * turns);
    [re[i], im[i]] = [re[i]! * c - im[i]! * s, re[i]! * s + im[i]! * c];
  }
  return fourier.inverse({ re, im }, halfPx);
}

/** What {@linkcode stackStars} gives. */
export interface StackedStars {
  /** Coefficients of the polynomials over the field, `[terms, side, side]`. */
  readonly basis: Float64Array;
  /** Variance of a pixel of the PSF, averaged over the stars' places, `[side, side]`. */
  readonly variance: Float64Array;
  /** `[stars]`, ADU; NaN for those left out. */
  readonly fluxes: Float64Array;
  readonly used: number;
}

/** Error of a pixel's model as a part of it, so that the brightest stars do not decide alone. */
const MODEL_ERROR = 0.01;
const ROUNDS = 4;

/**
 * Stacks stars divided by their flux, with polynomials over the field, in
 * rounds: fluxes from the PSF so far, then the PSF from the fluxes; stars that
 * do not fit are left out.
 *
 * @param stamps Stars.
 * @param options Size of the field, order of the polynomials.
 * @returns The coefficients of the PSF.
 * @throws {DataError} If fewer than three stars are usable.
 */
export function stackStars(
  stamps: readonly StarStamp[],
  options: StampSize & { readonly order: number },
): StackedStars {
  const places = stamps.map(({ x, y }) => polynomialValues(x, y, options));
  let kept = stamps.map(() => true);
  let fluxes = stamps.map((stamp) => coreFlux(stamp, options));
  let psfs: Float64Array[] = [];
  let basis = new Float64Array(0), variance = new Float64Array(0);
  for (let round = 0; round < ROUNDS; round++) {
    kept = kept.map((keep, k) => keep && fluxes[k]! > 0);
    requireStars(kept.filter(Boolean).length, stamps.length);
    ({ basis, variance } = solvePixels(stamps, { places, kept, fluxes, psfs, options }));
    psfs = places.map((values) => psfOf(basis, values));
    const fits = stamps.map((stamp, k) => fitFlux(stamp, psfs[k]!, options));
    fluxes = fits.map(({ flux }) => flux);
    const typical = median(fits.filter((_, k) => kept[k]).map(({ chi2 }) => chi2));
    kept = kept.map((keep, k) => keep && fits[k]!.chi2 < 4 * Math.max(typical, 1));
  }
  const used = kept.filter(Boolean).length;
  const known = Float64Array.from(fluxes, (flux, k) => kept[k] ? flux : NaN);
  return { basis, variance, fluxes: known, used };
}

function requireStars(left: number, offered: number): void {
  if (left >= 3) return;
  throw new DataError(
    `Cannot measure the PSF: ${left} of ${offered} stars are usable, and at least 3 must be`,
    { details: { stars: left, offered } },
  );
}

function coreFlux(stamp: StarStamp, options: StampSize): number {
  const side = 2 * options.halfPx + 1;
  let sum = 0;
  stamp.data.forEach((value, i) => {
    const r = Math.hypot((i % side) - options.halfPx, Math.floor(i / side) - options.halfPx);
    if (r < 1.2 * options.fwhmPx) sum += value;
  });
  return sum;
}

/** Sky, photons of the model and its error: weights from the data themselves would follow its noise. */
function weightOf(stamp: StarStamp, i: number, model: number): number {
  const photons = Math.max(model, 0) / stamp.gainEAdu;
  return 1 / (1 / stamp.weight[i]! + photons + (MODEL_ERROR * model) ** 2);
}

function solvePixels(
  stamps: readonly StarStamp[],
  parts: {
    readonly places: readonly Float64Array[];
    readonly kept: readonly boolean[];
    readonly fluxes: readonly number[];
    readonly psfs: readonly Float64Array[];
    readonly options: StampSize & { readonly order: number };
  },
): { readonly basis: Float64Array<ArrayBuffer>; readonly variance: Float64Array<ArrayBuffer> } {
  const { places, kept, fluxes, psfs, options } = parts;
  const terms = polynomialTerms(options.order);
  const pixels = (2 * options.halfPx + 1) ** 2;
  const basis = new Float64Array(terms * pixels), variance = new Float64Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const matrix = new Float64Array(terms * terms), vector = new Float64Array(terms);
    stamps.forEach((stamp, k) => {
      if (!kept[k] || stamp.weight[i] === 0) return;
      const flux = fluxes[k]!, model = flux * (psfs[k]?.[i] ?? 0);
      const weight = weightOf(stamp, i, model);
      // A neighbour in the stamp stands far above the PSF: it has no say.
      if (psfs.length > 0 && Math.abs(stamp.data[i]! - model) * Math.sqrt(weight) > 5) return;
      const w = weight * flux * flux, f = places[k]!;
      for (let a = 0; a < terms; a++) {
        vector[a]! += w * f[a]! * (stamp.data[i]! / flux);
        for (let b = 0; b < terms; b++) matrix[a * terms + b]! += w * f[a]! * f[b]!;
      }
    });
    if (!(matrix[0]! > 0)) continue;
    // Each term of the polynomial takes as much of the noise as the mean does.
    variance[i] = terms / matrix[0]!;
    solveScaled(matrix, vector).forEach((value, t) => basis[t * pixels + i] = value);
  }
  return { basis: normalised(basis, terms), variance };
}

/** The constant term sums to one, the others to zero. */
function normalised(basis: Float64Array, terms: number): Float64Array<ArrayBuffer> {
  const pixels = basis.length / terms;
  const sums = Array.from({ length: terms }, (_, t) => {
    return basis.subarray(t * pixels, (t + 1) * pixels).reduce((a, b) => a + b, 0);
  });
  const first = basis.slice(0, pixels).map((value) => value / sums[0]!);
  return basis.map((value, i) => {
    const t = Math.floor(i / pixels);
    return t === 0 ? first[i]! : (value - sums[t]! * first[i % pixels]!) / sums[0]!;
  });
}

function psfOf(basis: Float64Array, values: Float64Array): Float64Array {
  const pixels = basis.length / values.length;
  return Float64Array.from({ length: pixels }, (_, i) => {
    return values.reduce((sum, value, t) => sum + value * basis[t * pixels + i]!, 0);
  });
}

/** Flux by least squares within two FWHM, and how well it fits. */
function fitFlux(
  stamp: StarStamp,
  psf: Float64Array,
  options: StampSize,
): { readonly flux: number; readonly chi2: number } {
  const side = 2 * options.halfPx + 1;
  const inside = Array.from({ length: psf.length }, (_, i) => i).filter((i) =>
    Math.hypot((i % side) - options.halfPx, Math.floor(i / side) - options.halfPx) <
      2 * options.fwhmPx && stamp.weight[i]! > 0
  );
  const peak = stamp.data[(psf.length - 1) / 2]! / psf[(psf.length - 1) / 2]!;
  const weights = inside.map((i) => weightOf(stamp, i, peak * psf[i]!));
  let cross = 0, square = 0;
  inside.forEach((i, k) => {
    cross += weights[k]! * psf[i]! * stamp.data[i]!;
    square += weights[k]! * psf[i]! ** 2;
  });
  const flux = cross / square;
  const chi2 = inside.reduce((sum, i, k) => {
    return sum + weights[k]! * (stamp.data[i]! - flux * psf[i]!) ** 2;
  }, 0) / inside.length;
  return { flux, chi2 };
}
