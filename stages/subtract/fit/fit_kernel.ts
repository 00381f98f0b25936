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
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { buildBasis, chooseGaussians, type KernelBasis, noiseProducts } from "./basis.ts";
import { varianceIn } from "../noise.ts";
import type { AlignedPair, Box, ConvolvedSide, KernelMetrics, PairImage } from "../pair.ts";
import { chooseOrders } from "./choose_orders.ts";
import { deltaBasis, deltaHalf, roughness } from "./delta_basis.ts";
import { congruence, principalModes, rotateImages, rotateStamp } from "./kernel_modes.ts";
import { type FieldSolution, solveField } from "./solve.ts";
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
  /** Gaussians times polynomials, or a function a pixel; Gaussians when left out. */
  readonly basis?: "gaussians" | "delta";
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
  const basis = options.basis === "delta"
    ? deltaBasis(deltaHalf(sharp.fwhmPx, broad.fwhmPx))
    : buildBasis(chooseGaussians(sharp.fwhmPx, broad.fwhmPx));
  const stamps = cutStamps(pair, { sharp, broad, basis, side });
  const { field, solution } = solveKernel(pair, { stamps, basis, sharp, options });
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
      orders: describeOrders(solution.orders),
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
    const box = { left, top, width: 2 * margin + 1, height: 2 * margin + 1 };
    const images = cutImages(pair, sides, box, sharpShare);
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

/** A cut-out of both images; what lies beyond them is not usable, nor what the kernel would take from there. */
function cutImages(
  pair: AlignedPair,
  { sharp, broad, basis }: Pick<Sides, "sharp" | "broad" | "basis">,
  box: Box,
  sharpShare: number,
): FitImages {
  const { width, height } = box;
  const pixels = width * height;
  const images = {
    ...{ width, height, usable: new Uint8Array(pixels) },
    ...{ sharp: new Float32Array(pixels), broad: new Float32Array(pixels) },
    ...{ variance: new Float32Array(pixels), sharpVariance: new Float32Array(pixels) },
  };
  const left = Math.max(box.left, 0), top = Math.max(box.top, 0);
  const right = Math.min(box.left + width, pair.width);
  const bottom = Math.min(box.top + height, pair.height);
  if (left >= right || top >= bottom) return images;
  const inside = { left, top, width: right - left, height: bottom - top };
  const sharpVariance = varianceIn(sharp, pair, inside);
  const broadVariance = varianceIn(broad, pair, inside);
  const reach = basis.halfPx;
  for (let y = top, from = 0; y < bottom; y++) {
    for (let x = left; x < right; x++, from++) {
      const i = y * pair.width + x, k = (y - box.top) * width + x - box.left;
      const a = sharp.data[i]!, b = broad.data[i]!;
      const whole = x >= reach && y >= reach && x < pair.width - reach && y < pair.height - reach;
      const good = Number.isFinite(a) && Number.isFinite(b) &&
        !((sharp.mask[i]! | broad.mask[i]!) & UNUSABLE);
      images.usable[k] = whole && good ? 1 : 0;
      images.sharp[k] = Number.isFinite(a) ? a - sharp.skyAdu : 0;
      images.broad[k] = Number.isFinite(b) ? b - broad.skyAdu : 0;
      images.sharpVariance[k] = sharpVariance[from]!;
      images.variance[k] = broadVariance[from]! + sharpShare * sharpVariance[from]!;
    }
  }
  return images;
}

/** Most variation of the kernel that is tried. */
const HIGHEST_ORDER = 6;
const ITERATIONS = 6;

interface KernelParts {
  readonly stamps: readonly StampEquations[];
  readonly basis: KernelBasis;
  readonly sharp: PairImage;
  readonly options: KernelFitOptions;
}

/**
 * Solves twice: first with every term of the kernel varying alike, to see in which few ways it does
 * vary, then with these alone, as far as they foretell stars that were not fitted.
 */
function solveKernel(
  pair: AlignedPair,
  parts: KernelParts,
): { readonly field: KernelField; readonly solution: FieldSolution } {
  const { stamps, basis, sharp, options } = parts;
  const { width, height } = pair;
  const terms = basis.terms.length;
  const products = productsOf(basis, sharp, options);
  const { clipSigma = 4, scaleOrder = 0 } = options;
  const how = { width, height, clipSigma, iterations: ITERATIONS };
  const order = Math.min(affordable(stamps.length, terms), options.kernelOrder ?? Infinity);
  const background = options.backgroundOrder ?? Math.min(order, 2);
  const alike = [scaleOrder, ...new Array<number>(terms - 1).fill(order), background];
  const solution = solveField(stamps, { ...how, orders: alike, noiseProducts: products });
  if (order === 0) return { field: toField(pair, basis, basis.images, solution), solution };
  const modes = principalModes(solution, { width, height, orders: alike });
  const turned = stamps.map((stamp) => rotateStamp(stamp, modes.rotation));
  const turnedProducts = congruence(products, modes.rotation, terms);
  const candidates = ordersOf(options).map((kernel) => [
    scaleOrder,
    ...Array.from({ length: terms - 1 }, (_, i) => i < modes.varying ? kernel : 0),
    options.backgroundOrder ?? Math.min(kernel, 2),
  ]);
  const kept = turned.filter((stamp) =>
    solution.used.some(({ x, y }) => x === stamp.x && y === stamp.y)
  );
  const choice = { width, height, noiseProducts: turnedProducts, candidates };
  const orders = chooseOrders(kept, choice);
  const final = solveField(turned, { ...how, orders, noiseProducts: turnedProducts });
  const images = rotateImages(basis.images, modes.rotation);
  return { field: toField(pair, basis, images, final), solution: final };
}

/** How rough a kernel of single pixels may be, against what noise makes it. */
const SMOOTHNESS = 0.3;

/** What is taken off the equations for the noise, and given to them for smoothness. */
function productsOf(
  basis: KernelBasis,
  sharp: PairImage,
  options: KernelFitOptions,
): Float64Array {
  const products = noiseProducts(basis, sharp.correlation);
  if (options.basis !== "delta") return products;
  const rough = roughness(basis);
  return products.map((value, k) => value - SMOOTHNESS * rough[k]!);
}

/** Unknowns of the first solution at most; more would cost seconds. */
const MOST_UNKNOWNS = 800;

/** The order that all terms of a kernel may have alike. */
function affordable(stars: number, terms: number): number {
  const order = stars >= 60 ? 3 : stars >= 25 ? 2 : stars >= 9 ? 1 : 0;
  return order > 1 && terms * polynomialTerms(order) > MOST_UNKNOWNS ? order - 1 : order;
}

function ordersOf(options: KernelFitOptions): number[] {
  if (options.kernelOrder !== undefined) return [options.kernelOrder];
  return Array.from({ length: HIGHEST_ORDER + 1 }, (_, order) => order);
}

/** Orders of scale, shape and background, and how many terms of the shape vary. */
function describeOrders(orders: readonly number[]): string {
  const shape = orders.slice(1, -1);
  const order = Math.max(...shape);
  const varying = shape.filter((one) => one === order).length;
  return `${orders[0]},${order},${orders.at(-1)} (${order === 0 ? 0 : varying} modes)`;
}

function toField(
  pair: AlignedPair,
  basis: KernelBasis,
  images: Float64Array,
  solution: FieldSolution,
): KernelField {
  const { width, height } = pair;
  const orders = solution.orders.slice(0, -1);
  const count = orders.reduce((sum, order) => sum + polynomialTerms(order), 0);
  const coefficients = solution.coefficients.slice(0, count);
  return { halfPx: basis.halfPx, basis: images, orders, coefficients, width, height };
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
 * @param share Of its absolute weight.
 * @returns Half-width of the box that holds that share at the middle of the field, px.
 */
export function reachOf(field: KernelField, share = 0.98): number {
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
    if (inside >= share * total) return reach;
  }
  return field.halfPx;
}
