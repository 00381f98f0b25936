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
import { enlarged, kernelSurfaces } from "./kernel_surface.ts";
import { Rings } from "./rings.ts";
import { stackStars, type StarStamp } from "./psf_stack.ts";

/** A PSF that varies over the field. */
export interface PsfModel {
  /** The stack of the stars, each over its flux, as it was measured: with noise, neighbours and a sum of about 1. */
  readonly field: KernelField;
  /** Variance of a pixel of it, `[side, side]`. */
  readonly variance: Float64Array;
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
  const { variance, used } = stacked;
  const model = { field, variance, fluxes: stacked.fluxes, used, fwhmPx };
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

/** The wings follow the profile to so many half-widths of what was measured, and so many px at most. */
const WINGS = 2.5;
const MOST_REACH_PX = 45;
/** Part of the profile by which the mean around a ring is taken to differ from it. */
const UNLIKE_PROFILE = 0.3;

/** Of all rings, those over which trust falls at least. */
const SMOOTH = 1 / 8;

/** A PSF with less noise, and the profile that was fitted to it; the light of the first is 1 within the square and beyond. */
interface CleanPsf {
  readonly psf: Float64Array;
  readonly profile: Float64Array;
  /** The noise that is left: the sum of the variances of the pixels. */
  readonly noise: number;
  /** The light of the PSF in units of the stack's. */
  readonly total: number;
}

/**
 * Takes noise off the measured PSF. A Moffat profile is fitted to it; of what the
 * profile lacks the mean around each ring stands where the profile lies above its noise,
 * and single pixels as far as those of their ring scatter more than noise makes
 * them: Wiener filters both.
 */
function cleanPsf(model: PsfModel, x: number, y: number): CleanPsf {
  const stacked = kernelAt(model.field, x, y);
  const { halfPx } = model.field, reachPx = Math.min(Math.round(WINGS * halfPx), MOST_REACH_PX);
  const { profile, level, beyond } = fitMoffat(stacked, model.fwhmPx, reachPx);
  const wide = new Rings(2 * reachPx + 1, "middle");
  const core = cropped(profile, halfPx);
  // In a crowded field faint neighbours lie under every star; they are no part of it.
  const lacking = stacked.map((value, i) => value - level - core[i]!);
  const rings = new Rings(2 * halfPx + 1, "middle");
  const means = rings.means(lacking), noise = rings.means(model.variance);
  const details = lacking.map((value, i) => value - means[rings.of[i]!]!);
  const trust = trustIn(rings.smoothMeans(details.map((value) => value * value)), noise);
  // The level of the sky under a star is known no better than as many pixels of sky allow.
  const pedestal = 2.5 * noise[halfPx]! / lacking.length;
  let left = 0;
  const own = core.map((value, i) => {
    const ring = rings.of[i]!, signal = (UNLIKE_PROFILE * value) ** 2;
    const ringTrust = signal / (signal + noise[ring]! / rings.counts[ring]! + pedestal);
    left += trust[ring]! ** 2 * model.variance[i]!;
    return (means[ring]! * ringTrust + details[i]! * trust[ring]!) * fade(ring / halfPx);
  });
  const whole = enlarged(own, profile.length).map((value, i) => value + profile[i]!);
  const total = whole.reduce((a, b) => a + b, 0) + beyond;
  const faded = (values: Float64Array) =>
    values.map((value, i) => value * fade(wide.of[i]! / reachPx) / total);
  return { psf: faded(whole), profile: faded(profile), noise: left / total ** 2, total };
}

/** The middle of a square. */
function cropped(image: Float64Array, halfPx: number): Float64Array {
  const from = Math.round(Math.sqrt(image.length)),
    side = 2 * halfPx + 1,
    margin = (from - side) / 2;
  return Float64Array.from({ length: side * side }, (_, i) => {
    return image[(Math.floor(i / side) + margin) * from + margin + i % side]!;
  });
}

/**
 * The part of each ring's power that is no noise: it never rises outwards and has no steps, which
 * would ring through the kernels.
 */
function trustIn(power: Float64Array, noise: Float64Array): Float64Array {
  let least = 1;
  const falling = power.map((value, ring) => {
    return least = Math.min(least, value > 0 ? Math.max(0, 1 - noise[ring]! / value) : least);
  });
  const last = falling.length - 1, over = Math.round(SMOOTH * last);
  return falling.map((_, ring) => {
    let sum = 0;
    for (let k = -over; k <= over; k++) {
      sum += (over + 1 - Math.abs(k)) * falling[Math.min(Math.max(ring + k, 0), last)]!;
    }
    return sum / (over + 1) ** 2;
  });
}

/** From 1 at three quarters of the way out to 0 at the border: a step there would ring through the kernels. */
function fade(out: number): number {
  if (out <= 0.75) return 1;
  return out >= 1 ? 0 : 0.5 * (1 + Math.cos(4 * Math.PI * (out - 0.75)));
}

/**
 * The transfer function of the PSF at a place.
 *
 * Where the noise of the measured PSF drowns what sets it apart from a Moffat profile
 * fitted to it, the profile takes its place: the two are joined as a Wiener filter
 * of their difference would, ring by ring.
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
  const rings = new Rings(fourier.size, "first");
  const away = power({
    re: measured.re.map((value, i) => value - profile.re[i]!),
    im: measured.im.map((value, i) => value - profile.im[i]!),
  });
  const noise = new Float64Array(rings.counts.length).fill(clean.noise);
  const trust = trustIn(rings.smoothMeans(away), noise);
  const join = (a: Float64Array, b: Float64Array) =>
    a.map((value, i) => value + trust[rings.of[i]!]! * (b[i]! - value));
  return { re: join(profile.re, measured.re), im: join(profile.im, measured.im) };
}
