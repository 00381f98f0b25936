/**
 * The basis of the kernel: Gaussians times polynomials.
 *
 * @module
 */

import type { NoiseCorrelation } from "../pair.ts";

/** One Gaussian and the degree of the polynomials it is multiplied with. */
export interface GaussianSpec {
  readonly sigmaPx: number;
  readonly degree: number;
}

/** One raw basis function: the outer product of two one-dimensional factors. */
export interface SeparableTerm {
  /** Index into {@linkcode KernelBasis.factors} along x and along y. */
  readonly x: number;
  readonly y: number;
}

/**
 * Gaussians times polynomials. The first function sums to one, every other sums
 * to zero, so the first coefficient is the photometric scale.
 */
export interface KernelBasis {
  readonly halfPx: number;
  /** The one-dimensional factors, each `[size]`. */
  readonly factors: readonly Float64Array[];
  readonly terms: readonly SeparableTerm[];
  /** Sum of each raw function: that multiple of the first one is taken off. */
  readonly sums: Float64Array;
  /** The functions as images, `[terms, size, size]`, after that. */
  readonly images: Float64Array;
}

const FWHM_TO_SIGMA = 1 / (2 * Math.sqrt(2 * Math.LN2));
/** The narrowest Gaussian that whole pixels sample. */
const NARROWEST_PX = 0.7;

/**
 * Chooses the Gaussians from the two PSFs: around the width by which one must
 * be broadened to give the other, a narrower and a wider one.
 *
 * @param sharpFwhmPx Full width at half maximum of the image to be convolved, px.
 * @param broadFwhmPx That of the other image, px.
 * @returns Three Gaussians, narrowest first.
 */
export function chooseGaussians(sharpFwhmPx: number, broadFwhmPx: number): GaussianSpec[] {
  const sharp = sharpFwhmPx * FWHM_TO_SIGMA;
  const broad = broadFwhmPx * FWHM_TO_SIGMA;
  const kernel = Math.sqrt(Math.max(broad ** 2 - sharp ** 2, 0));
  const middle = Math.max(kernel, 2 * NARROWEST_PX, 0.5 * sharp);
  return [
    { sigmaPx: Math.max(middle / 2, NARROWEST_PX), degree: 4 },
    { sigmaPx: middle, degree: 3 },
    { sigmaPx: middle * 2, degree: 2 },
  ];
}

/**
 * Builds the basis images and their one-dimensional factors.
 *
 * @param gaussians Widths and degrees.
 * @param halfPx Half-width of the kernel, px; three and a half of the widest σ, bounded, when left out.
 * @returns The basis.
 */
export function buildBasis(gaussians: readonly GaussianSpec[], halfPx?: number): KernelBasis {
  const widest = Math.max(...gaussians.map((gaussian) => gaussian.sigmaPx));
  const half = halfPx ?? Math.min(25, Math.max(5, Math.round(3.5 * widest)));
  const size = 2 * half + 1;
  const factors: Float64Array[] = [];
  const terms: SeparableTerm[] = [];
  const sums: number[] = [];
  for (const { sigmaPx, degree } of gaussians) {
    const first = factors.length;
    for (let power = 0; power <= degree; power++) factors.push(factor(sigmaPx, power, half));
    for (let total = 0; total <= degree; total++) {
      for (let q = 0; q <= total; q++) {
        const p = total - q;
        terms.push({ x: first + p, y: first + q });
        sums.push(p % 2 === 0 && q % 2 === 0 ? 1 : 0);
      }
    }
  }
  const basis = { halfPx: half, factors, terms, sums: Float64Array.from(sums) };
  return { ...basis, images: basisImages(basis, size) };
}

/** A Gaussian times a power: an even one sums to one, an odd one has unit absolute sum. */
function factor(sigmaPx: number, power: number, half: number): Float64Array {
  const values = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const u = (i - half) / sigmaPx;
    return Math.exp(-0.5 * u * u) * u ** power;
  });
  const norm = values.reduce((sum, value) => sum + Math.abs(value), 0);
  return values.map((value) => value / norm);
}

function basisImages(basis: Omit<KernelBasis, "images">, size: number): Float64Array {
  const pixels = size * size;
  const images = new Float64Array(basis.terms.length * pixels);
  basis.terms.forEach((term, n) => {
    const fx = basis.factors[term.x]!, fy = basis.factors[term.y]!;
    for (let i = 0; i < pixels; i++) {
      images[n * pixels + i] = fy[Math.floor(i / size)]! * fx[i % size]!;
    }
    if (n === 0 || basis.sums[n] === 0) return;
    for (let i = 0; i < pixels; i++) images[n * pixels + i]! -= images[i]!;
  });
  return images;
}

/**
 * Products of the basis functions with each other under noise of a given
 * correlation: the covariance of two of them applied to noise of unit variance.
 *
 * @param basis The basis.
 * @param correlation Of the noise.
 * @returns `[terms, terms]`.
 */
export function noiseProducts(basis: KernelBasis, correlation: NoiseCorrelation): Float64Array {
  const terms = basis.terms.length;
  const size = 2 * basis.halfPx + 1;
  const pixels = size * size;
  const products = new Float64Array(terms * terms);
  const images = Array.from(
    { length: terms },
    (_, n) => basis.images.subarray(n * pixels, (n + 1) * pixels),
  );
  images.forEach((a, i) => {
    const spread = correlate(a, size, correlation);
    images.forEach((b, j) => {
      let sum = 0;
      for (let k = 0; k < pixels; k++) sum += spread[k]! * b[k]!;
      products[i * terms + j] = sum;
    });
  });
  return products;
}

/**
 * A kernel convolved with the correlation of noise.
 *
 * @param image `[size, size]`.
 * @param size Its side, px.
 * @param correlation Of the noise.
 * @returns `[size, size]`; what reaches beyond is lost.
 */
export function correlate(
  image: Float64Array,
  size: number,
  correlation: NoiseCorrelation,
): Float64Array {
  const { reachPx, values } = correlation;
  const side = 2 * reachPx + 1;
  const out = new Float64Array(image.length);
  values.forEach((value, k) => {
    if (value === 0) return;
    const dx = (k % side) - reachPx, dy = Math.floor(k / side) - reachPx;
    for (let y = Math.max(0, dy); y < Math.min(size, size + dy); y++) {
      for (let x = Math.max(0, dx); x < Math.min(size, size + dx); x++) {
        out[y * size + x]! += value * image[(y - dy) * size + x - dx]!;
      }
    }
  });
  return out;
}
