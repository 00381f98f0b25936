/**
 * The PSF of an image, measured from its stars, as it varies over the field.
 *
 * @module
 */

import {
  kernelAt,
  type KernelField,
  polynomialTerms,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { Fourier, power, type Spectrum } from "./fourier.ts";
import { fitMoffat } from "./moffat_fit.ts";
import { kernelSurfaces } from "./kernel_surface.ts";
import { stackStars, type StarStamp } from "./psf_stack.ts";

/** A PSF that varies over the field. */
export interface PsfModel {
  /** The stack of the stars, each over its flux, as it was measured: with noise, neighbours and a sum of about 1. */
  readonly field: KernelField;
  /** Noise of a pixel of it. */
  readonly pixelSigma: number;
  readonly fwhmPx: number;
  /** Flux of each star on the scale of this PSF, ADU; NaN for stars that were left out. */
  readonly fluxes: Float64Array;
  /** Stars it was measured from. */
  readonly used: number;
}

/** How a PSF is measured. */
export interface PsfOptions {
  readonly width: number;
  readonly height: number;
  readonly halfPx: number;
  readonly fwhmPx: number;
  /** Order of the variation over the field; what the stars carry when left out. */
  readonly order?: number;
}

/**
 * Measures the PSF from stars that were cut out and centred: their weighted mean
 * after division by their flux, pixel by pixel, with polynomials over the field.
 *
 * @param stamps Stars.
 * @param options Size, width of the stars.
 * @returns The PSF.
 * @throws {DataError} If fewer than three stars are usable.
 */
export function measurePsf(stamps: readonly StarStamp[], options: PsfOptions): PsfModel {
  const order = options.order ?? (stamps.length >= 80 ? 2 : stamps.length >= 25 ? 1 : 0);
  const stacked = stackStars(stamps, { ...options, order });
  const terms = polynomialTerms(order);
  const coefficients = new Float64Array(terms * terms);
  for (let t = 0; t < terms; t++) coefficients[t * terms + t] = 1;
  const { width, height, halfPx, fwhmPx } = options;
  const field: KernelField = {
    ...{ halfPx, width, height, coefficients },
    basis: stacked.basis,
    orders: Array.from({ length: terms }, () => order),
  };
  const { pixelSigma, used } = stacked;
  const model = { field, pixelSigma, fluxes: stacked.fluxes, used, fwhmPx };
  return { ...model, fluxes: wholeFluxes(model, stamps, order) };
}

/**
 * Fluxes on the scale of the clean PSF. What its sum lacks at a place the fluxes of the stars there
 * have too much: neighbours under the stars, which the stack cannot tell from their wings.
 */
function wholeFluxes(
  model: PsfModel,
  stars: readonly { readonly x: number; readonly y: number }[],
  order: number,
): Float64Array {
  const { width, height } = model.field;
  const [totals] = kernelSurfaces({ width, height, order }, (x, y) => {
    return [Float64Array.of(cleanPsf(model, x, y).total)];
  });
  return model.fluxes.map((flux, k) => flux * kernelAt(totals!, stars[k]!.x, stars[k]!.y)[0]!);
}

/** Part of the profile's amplitude by which real PSFs are taken to differ from it. */
const UNLIKE_PROFILE = 0.3;

/** A PSF with less noise, and the profile that was fitted to it; the light of the first is 1 within the square and beyond. */
interface CleanPsf {
  readonly psf: Float64Array;
  readonly profile: Float64Array;
  /** The light of the PSF in units of the stack's. */
  readonly total: number;
}

/**
 * Takes noise off the measured PSF: where a Moffat profile fitted to it lies
 * above the noise the measurement stands; far out it is the mean around each
 * ring, then the profile. Each step is the Wiener filter of what the profile lacks.
 */
function cleanPsf(model: PsfModel, x: number, y: number): CleanPsf {
  const stacked = kernelAt(model.field, x, y);
  const { profile, level, beyond } = fitMoffat(stacked, model.fwhmPx);
  // In a crowded field faint neighbours lie under every star; they are no part of it.
  const measured = stacked.map((value) => value - level);
  const side = Math.round(Math.sqrt(measured.length)), half = (side - 1) / 2;
  const ringOf = (i: number) =>
    Math.round(Math.hypot(i % side - half, Math.floor(i / side) - half));
  const sums = new Float64Array(2 * half), counts = new Float64Array(2 * half);
  measured.forEach((value, i) => {
    sums[ringOf(i)]! += value - profile[i]!;
    counts[ringOf(i)]!++;
  });
  // The level of the sky under a star is known no better than as many pixels of sky allow.
  const pedestal = (1.6 * model.pixelSigma) / side;
  const noise = model.pixelSigma ** 2;
  const psf = measured.map((value, i) => {
    const ring = ringOf(i), mean = sums[ring]! / counts[ring]!;
    const signal = (UNLIKE_PROFILE * profile[i]!) ** 2;
    const ringNoise = noise / counts[ring]! + pedestal ** 2;
    const detail = (value - profile[i]! - mean) * (signal / (signal + noise));
    return profile[i]! + mean * (signal / (signal + ringNoise)) + detail;
  });
  const total = psf.reduce((a, b) => a + b, 0) + beyond;
  const faded = (values: Float64Array) =>
    values.map((value, i) => value * fade(ringOf(i) / half) / total);
  return { psf: faded(psf), profile: faded(profile), total };
}

/** From 1 at three quarters of the way out to 0 at the border: a step there would ring through the kernels. */
function fade(out: number): number {
  if (out <= 0.75) return 1;
  return out >= 1 ? 0 : 0.5 * (1 + Math.cos(4 * Math.PI * (out - 0.75)));
}

/**
 * The transfer function of the PSF at a place.
 *
 * Where the noise of the measured PSF drowns its transfer function, that of a
 * Moffat profile fitted to it takes its place: the two are joined as a Wiener
 * filter of their difference would.
 *
 * @param model The PSF.
 * @param fourier The frequencies.
 * @param x Column, px.
 * @param y Row, px.
 * @returns Its transfer function: at zero frequency 1 less the light beyond the square.
 */
export function psfTransfer(model: PsfModel, fourier: Fourier, x: number, y: number): Spectrum {
  const clean = cleanPsf(model, x, y);
  const measured = fourier.forward(clean.psf);
  const profile = fourier.forward(clean.profile);
  const noise = model.pixelSigma ** 2 * clean.psf.length;
  const trust = power(profile).map((value) => {
    const signal = UNLIKE_PROFILE ** 2 * value;
    return signal / (signal + noise);
  });
  const join = (a: Float64Array, b: Float64Array) =>
    a.map((value, i) => value + trust[i]! * (b[i]! - value));
  return { re: join(profile.re, measured.re), im: join(profile.im, measured.im) };
}
