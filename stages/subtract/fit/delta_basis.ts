/**
 * The basis of the kernel: one function a pixel, kept smooth (Becker et al. 2012).
 *
 * @module
 */

import type { KernelBasis } from "./basis.ts";

const FWHM_TO_SIGMA = 1 / (2 * Math.sqrt(2 * Math.LN2));

/**
 * How far a kernel of single pixels reaches: three σ of the Gaussian that
 * broadens one PSF to the other, within what stars can tell.
 *
 * @param sharpFwhmPx Full width at half maximum of the image to be convolved, px.
 * @param broadFwhmPx That of the other image, px.
 * @returns Half side, px.
 */
export function deltaHalf(sharpFwhmPx: number, broadFwhmPx: number): number {
  const sigma = FWHM_TO_SIGMA * Math.sqrt(Math.max(broadFwhmPx ** 2 - sharpFwhmPx ** 2, 0));
  return Math.min(7, Math.max(4, Math.ceil(3 * sigma)));
}

/**
 * Builds the basis: the pixel in the middle, which sums to one, and every other
 * pixel less that one.
 *
 * @param halfPx Half side of the kernel, px.
 * @returns The basis.
 */
export function deltaBasis(halfPx: number): KernelBasis {
  const size = 2 * halfPx + 1, pixels = size * size;
  const factors = Array.from({ length: size }, (_, k) => {
    return Float64Array.from({ length: size }, (_, i) => i === k ? 1 : 0);
  });
  const middle = (pixels - 1) / 2;
  const order = [
    middle,
    ...Array.from({ length: pixels }, (_, k) => k).filter((k) => k !== middle),
  ];
  const images = new Float64Array(pixels * pixels);
  order.forEach((k, n) => {
    images[n * pixels + k] = 1;
    if (n > 0) images[n * pixels + middle] = -1;
  });
  return {
    halfPx,
    factors,
    terms: order.map((k) => ({ x: k % size, y: Math.floor(k / size) })),
    sums: new Float64Array(pixels).fill(1),
    images,
  };
}

/**
 * How rough kernels are: products of the second differences of the basis
 * functions along rows and columns, the surroundings of a kernel being zero.
 *
 * @param basis The basis.
 * @returns `[terms, terms]`.
 */
export function roughness(basis: KernelBasis): Float64Array {
  const terms = basis.terms.length;
  const size = 2 * basis.halfPx + 1, pixels = size * size;
  const bends = Array.from({ length: terms }, (_, n) => {
    return secondDifferences(basis.images.subarray(n * pixels, (n + 1) * pixels), size);
  });
  return Float64Array.from({ length: terms * terms }, (_, k) => {
    const a = bends[Math.floor(k / terms)]!, b = bends[k % terms]!;
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum;
  });
}

function secondDifferences(image: Float64Array, size: number): Float64Array {
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= size || y >= size ? 0 : image[y * size + x]!;
  return Float64Array.from({ length: 2 * size * size }, (_, k) => {
    const i = k % (size * size), x = i % size, y = Math.floor(i / size);
    const [dx, dy] = k < size * size ? [1, 0] : [0, 1];
    return at(x - dx, y - dy) - 2 * at(x, y) + at(x + dx, y + dy);
  });
}
