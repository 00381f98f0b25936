/**
 * Kernels of proper image subtraction (Zackay, Ofek & Gal-Yam 2016).
 *
 * @module
 */

import { type Fourier, multiply, power, scaleBy, type Spectrum } from "../psf/fourier.ts";
import { halfWidth } from "../psf/whiten.ts";

/** One image at a place, as frequencies know it. */
export interface ImageAtPlace {
  /** Transfer function of its PSF. */
  readonly psf: Spectrum;
  /** Power spectrum of its noise, ADU². */
  readonly noise: Float64Array;
}

/** The kernels at a place. */
export interface ZogyKernels {
  /** Applied to the science frame; its sum is 1. */
  readonly science: Float64Array;
  /** Applied to the reference; its sum is the flux ratio, but for the noise of the PSFs. */
  readonly reference: Float64Array;
  /** PSF of the difference; its sum is 1 less the light beyond it. */
  readonly psf: Float64Array;
}

/** Half-width of the PSF of the difference that is kept, px. */
const PSF_HALF_PX = 20;

/**
 * The kernels with which `science ⊗ k_s − reference ⊗ k_r` is free of constant
 * stars and its noise is white, equation 13 of the paper:
 * `D̂ = (P̂_r N̂ − β P̂_n R̂) / √(σ_n² |P̂_r|² + β² σ_r² |P̂_n|²)`, here with noise that
 * may be correlated, and scaled so that the flux of a new source is that in the
 * science frame.
 *
 * @param science The new image at the place.
 * @param reference The reference there.
 * @param fluxRatio β: a star's flux in the science frame over that in the reference.
 * @param fourier The frequencies.
 * @returns The kernels.
 */
export function zogyKernels(
  science: ImageAtPlace,
  reference: ImageAtPlace,
  fluxRatio: number,
  fourier: Fourier,
): ZogyKernels {
  const [n, r] = steadied(science.psf, reference.psf);
  const wide = power(n), narrow = power(r);
  const square = fluxRatio ** 2;
  const noise = wide.map((value, i) => {
    return science.noise[i]! * narrow[i]! + square * reference.noise[i]! * value;
  });
  const whole = Math.sqrt(noise[0]!);
  const whitened = noise.map((value) => whole / Math.sqrt(value));
  const onScience = scaleBy(r, whitened);
  const onReference = scaleBy(n, whitened.map((value) => fluxRatio * value));
  const [scienceKernel, referenceKernel] = fadedKernels([onScience, onReference], fourier);
  // One factor for both: where the sums of the PSFs are off, by their noise, stars vanish all the same.
  const unit = 1 / sumOf(scienceKernel);
  scienceKernel.forEach((value, i) => scienceKernel[i] = value * unit);
  referenceKernel.forEach((value, i) => referenceKernel[i] = value * unit);
  const psf = multiply(fourier.forward(scienceKernel), science.psf);
  return {
    science: scienceKernel,
    reference: referenceKernel,
    psf: fourier.inverse(psf, PSF_HALF_PX),
  };
}

/** Largest half-width of a kernel, px, and the part of it over which it falls to nothing. */
const MOST_HALF_PX = 24;
const FADING = 0.4;
/** Part of the squares of a kernel that may be cut off: a bright star is thousands of times the noise. */
const CUT_OFF = 1e-8;

/**
 * Both kernels as far as the wider one reaches, faded out alike: where one ended sooner or with a
 * step, bright stars would leave its border.
 */
function fadedKernels(
  spectra: readonly [Spectrum, Spectrum],
  fourier: Fourier,
): [Float64Array, Float64Array] {
  const whole = spectra.map((spectrum) => fourier.inverse(spectrum, fourier.size / 2 - 1));
  const half = Math.min(
    MOST_HALF_PX,
    Math.max(...whole.map((kernel) => halfWidth(kernel, CUT_OFF))),
  );
  const side = 2 * half + 1;
  const fade = Float64Array.from({ length: side * side }, (_, i) => {
    const out = Math.hypot(i % side - half, Math.floor(i / side) - half) / (half + 1);
    if (out >= 1) return 0;
    return out <= 1 - FADING ? 1 : 0.5 * (1 + Math.cos(Math.PI * (out - 1 + FADING) / FADING));
  });
  const [a, b] = spectra;
  const faded = (spectrum: Spectrum) =>
    fourier.inverse(spectrum, half).map((value, i) => value * fade[i]!);
  return [faded(a), faded(b)];
}

/** Below this part of the flux nothing is known of a PSF's transfer function. */
const UNKNOWN = 1e-3;

/**
 * Where both transfer functions have fallen to nothing their ratio would be that
 * of rounding and of the borders of the stamps, and spread the kernels over all
 * the grid: they are led to one small constant there. No source has light there,
 * and noise is white with any ratio.
 */
function steadied(a: Spectrum, b: Spectrum): readonly [Spectrum, Spectrum] {
  const [pa, pb] = [power(a), power(b)];
  const known = pa.map((value, i) => {
    const most = Math.max(value, pb[i]!);
    return most / (most + UNKNOWN ** 2);
  });
  const lead = ({ re, im }: Spectrum) => ({
    re: re.map((value, i) => value * known[i]! + UNKNOWN * (1 - known[i]!)),
    im: im.map((value, i) => value * known[i]!),
  });
  return [lead(a), lead(b)];
}

function sumOf(kernel: Float64Array): number {
  return kernel.reduce((a, b) => a + b, 0);
}
