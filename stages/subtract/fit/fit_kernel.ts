/**
 * The kernel that matches one image of a pair to the other, from its stars.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import {
  kernelAt,
  type KernelField,
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { buildBasis, chooseGaussians, type KernelBasis, noiseProducts } from "./basis.ts";
import type { AlignedPair, ConvolvedSide, KernelMetrics, PairImage } from "../pair.ts";
import { chooseOrders } from "./choose_orders.ts";
import { deltaBasis, deltaHalf, roughness } from "./delta_basis.ts";
import { congruence, principalModes, rotateImages, rotateStamps } from "./kernel_modes.ts";
import { type FieldSolution, solveField } from "./solve.ts";
import { type StampEquations, stampEquations } from "./stamps.ts";

/** What the fit can be told. */
export interface KernelFitOptions {
  /** Where the stars' equations are summed. */
  readonly compute: Compute;
  readonly signal?: AbortSignal;
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
export async function fitKernel(
  pair: AlignedPair,
  options: KernelFitOptions,
): Promise<KernelFit> {
  const { science, reference } = pair;
  const side = options.convolve ?? (science.fwhmPx < reference.fwhmPx ? "science" : "reference");
  const [sharp, broad] = side === "reference" ? [reference, science] : [science, reference];
  const basis = options.basis === "delta"
    ? deltaBasis(deltaHalf(sharp.fwhmPx, broad.fwhmPx))
    : buildBasis(chooseGaussians(sharp.fwhmPx, broad.fwhmPx));
  const { compute, signal } = options;
  const stamps = await stampEquations(pair, { sharp, broad, basis, side }, compute, signal);
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
      conditionNumber: solution.conditionNumber(),
      sum: side === "reference" ? scale : 1 / scale,
      orders: describeOrders(solution.orders),
      chi2: solution.chi2,
    },
  };
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
  const turned = rotateStamps(stamps, modes.rotation);
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
    let sum = 0;
    for (let k = 0; k < f.length; k++) sum += coefficients[k]! * f[k]!;
    return sum;
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
