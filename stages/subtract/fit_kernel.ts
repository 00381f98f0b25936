/**
 * The kernel that matches one image of a pair to the other, from its stars.
 *
 * @module
 */

import {
  kernelAt,
  type KernelField,
  polynomialTerms,
  polynomialValues,
} from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import { UNUSABLE } from "../../sky/mask.ts";
import { buildBasis, chooseGaussians, type KernelBasis, noiseProducts } from "./basis.ts";
import { varianceIn } from "./noise.ts";
import type { AlignedPair, Box, ConvolvedSide, KernelMetrics, PairImage } from "./pair.ts";
import { type FieldSolution, solveField, type SpatialOrders } from "./solve.ts";
import { type FitImages, type StampEquations, stampEquations } from "./stamps.ts";

/** What the fit can be told. */
export interface KernelFitOptions {
  /** Which image to convolve; the sharper one when left out. */
  readonly convolve?: ConvolvedSide;
  /** Spatial order of the kernel's shape; what the stars carry when left out. */
  readonly kernelOrder?: number;
  readonly scaleOrder?: number;
  readonly backgroundOrder?: number;
  readonly clipSigma?: number;
}

/** A fitted kernel and differential background. */
export interface KernelFit {
  readonly side: ConvolvedSide;
  /** Makes the convolved image match the other, in the other's ADU. */
  readonly field: KernelField;
  /** What the other image has besides the convolved one, each less its `skyAdu`, ADU of the other image. */
  readonly backgroundAt: (x: number, y: number) => number;
  /** Photometric scale at the middle of the field: the sum of the kernel there. */
  readonly scale: number;
  /** How far the kernel carries a bad pixel, px. */
  readonly growPx: number;
  readonly metrics: KernelMetrics;
}

/**
 * Fits the kernel to the stars: Gaussians times polynomials, varying over the
 * field with one photometric scale, and a differential background (Alard & Lupton 1998).
 *
 * @param pair The images on one grid, and the stars.
 * @param options Orders, direction.
 * @returns The kernel.
 * @throws {DataError} If fewer than three stars fit.
 */
export function fitKernel(pair: AlignedPair, options: KernelFitOptions = {}): KernelFit {
  const { science, reference } = pair;
  const side = options.convolve ?? (science.fwhmPx < reference.fwhmPx ? "science" : "reference");
  const [sharp, broad] = side === "reference" ? [reference, science] : [science, reference];
  const basis = buildBasis(chooseGaussians(sharp.fwhmPx, broad.fwhmPx));
  const stamps = cutStamps(pair, { sharp, broad, basis, side });
  const solution = solveField(stamps, {
    width: pair.width,
    height: pair.height,
    orders: chooseOrders(stamps.length, options),
    clipSigma: options.clipSigma ?? 4,
    iterations: 6,
    noiseProducts: noiseProducts(basis, sharp.correlation),
  });
  const field = toField(pair, basis, solution);
  const scale = scaleAt(field);
  return {
    ...{ side, field, scale },
    backgroundAt: backgroundOf(pair, solution),
    growPx: reachOf(field),
    metrics: {
      offered: pair.stars.length,
      used: solution.used.length,
      clipped: solution.clipped,
      conditionNumber: solution.conditionNumber,
      sum: side === "reference" ? scale : 1 / scale,
      orders: [solution.orders[0], solution.orders[1], solution.orders.at(-1)].join(","),
      chi2: solution.chi2,
    },
  };
}

interface Sides {
  readonly sharp: PairImage;
  readonly broad: PairImage;
  readonly basis: KernelBasis;
  readonly side: ConvolvedSide;
}

/** The equations of all stars; each is given a cut-out of the images just large enough. */
function cutStamps(pair: AlignedPair, sides: Sides): StampEquations[] {
  const { sharp, broad, basis } = sides;
  const scale = sides.side === "reference" ? pair.scale : 1 / pair.scale;
  const radiusPx = Math.max(2.5 * broad.fwhmPx, 7);
  const margin = Math.ceil(radiusPx) + basis.halfPx;
  const sharpShare = scale ** 2 * noiseShare(sharp, broad);
  return pair.stars.flatMap((star) => {
    const left = Math.round(star.x) - margin, top = Math.round(star.y) - margin;
    const size = 2 * margin + 1;
    if (left < 0 || top < 0 || left + size > pair.width || top + size > pair.height) return [];
    const images = cutImages(pair, sides, { left, top, width: size, height: size }, sharpShare);
    const place = { x: star.x - left, y: star.y - top };
    const stamp = stampEquations(images, basis, place, { radiusPx, modelError: 0.005, scale });
    return stamp === undefined ? [] : [{ ...stamp, x: star.x, y: star.y }];
  });
}

/** The share of the sharp image's variance that survives a kernel of about the difference of the widths. */
function noiseShare(sharp: PairImage, broad: PairImage): number {
  const variance = Math.max((broad.fwhmPx ** 2 - sharp.fwhmPx ** 2) / 5.545, 0);
  return 1 / (1 + 4 * Math.PI * variance);
}

function cutImages(
  pair: AlignedPair,
  { sharp, broad }: Pick<Sides, "sharp" | "broad">,
  box: Box,
  sharpShare: number,
): FitImages {
  const { width, height } = box;
  const pixels = width * height;
  const usable = new Uint8Array(pixels);
  const sharpData = new Float32Array(pixels), broadData = new Float32Array(pixels);
  const sharpVariance = varianceIn(sharp, pair, box);
  const variance = varianceIn(broad, pair, box);
  for (let k = 0; k < pixels; k++) {
    const i = (box.top + Math.floor(k / width)) * pair.width + box.left + k % width;
    const a = sharp.data[i]!, b = broad.data[i]!;
    const finite = Number.isFinite(a) && Number.isFinite(b);
    usable[k] = finite && !((sharp.mask[i]! | broad.mask[i]!) & UNUSABLE) ? 1 : 0;
    sharpData[k] = Number.isFinite(a) ? a - sharp.skyAdu : 0;
    broadData[k] = Number.isFinite(b) ? b - broad.skyAdu : 0;
    variance[k]! += sharpShare * sharpVariance[k]!;
  }
  return { width, height, sharp: sharpData, broad: broadData, variance, sharpVariance, usable };
}

/** As much variation as the stars carry: three to six stars a coefficient. */
function chooseOrders(stars: number, options: KernelFitOptions): SpatialOrders {
  const affordable = stars >= 60 ? 3 : stars >= 30 ? 2 : stars >= 9 ? 1 : 0;
  return {
    kernel: options.kernelOrder ?? Math.min(affordable, 2),
    scale: options.scaleOrder ?? 0,
    background: Math.min(options.backgroundOrder ?? 2, affordable),
  };
}

function toField(pair: AlignedPair, basis: KernelBasis, solution: FieldSolution): KernelField {
  const orders = solution.orders.slice(0, -1);
  const count = orders.reduce((sum, order) => sum + polynomialTerms(order), 0);
  return {
    halfPx: basis.halfPx,
    basis: basis.images,
    orders,
    coefficients: solution.coefficients.slice(0, count),
    width: pair.width,
    height: pair.height,
  };
}

function backgroundOf(
  pair: AlignedPair,
  solution: FieldSolution,
): (x: number, y: number) => number {
  const { width, height } = pair;
  const order = solution.orders.at(-1)!;
  const coefficients = solution.coefficients.slice(-polynomialTerms(order));
  return (x, y) => {
    const f = polynomialValues(x, y, { width, height, order });
    return coefficients.reduce((sum, c, k) => sum + c * f[k]!, 0);
  };
}

/** The photometric scale at the middle of the field. */
function scaleAt(field: KernelField): number {
  return kernelAt(field, (field.width - 1) / 2, (field.height - 1) / 2).reduce((a, b) => a + b, 0);
}

/**
 * How far a kernel carries a bad pixel.
 *
 * @param field The kernel.
 * @returns Half-width of the box that holds 98 % of its weight at the middle of the field, px.
 */
export function reachOf(field: KernelField): number {
  const kernel = kernelAt(field, (field.width - 1) / 2, (field.height - 1) / 2);
  const size = 2 * field.halfPx + 1;
  const rings = new Float64Array(field.halfPx + 1);
  kernel.forEach((value, i) => {
    const dx = Math.abs((i % size) - field.halfPx),
      dy = Math.abs(Math.floor(i / size) - field.halfPx);
    rings[Math.max(dx, dy)]! += Math.abs(value);
  });
  const total = rings.reduce((a, b) => a + b, 0);
  let inside = 0;
  for (let reach = 0; reach <= field.halfPx; reach++) {
    inside += rings[reach]!;
    if (inside >= 0.98 * total) return reach;
  }
  return field.halfPx;
}
