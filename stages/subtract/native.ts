/**
 * The native engine: Alard & Lupton (1998).
 *
 * @module
 */

import { convolveVarying } from "../../gpu/kernels/convolve_varying/convolve_varying.ts";
import {
  kernelAt,
  type KernelField,
  polynomialTerms,
  polynomialValues,
} from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import { UNUSABLE } from "../../sky/mask.ts";
import { buildBasis, chooseGaussians, type KernelBasis, noiseProducts } from "./basis.ts";
import { correlatedGain } from "./noise.ts";
import type { AlignedPair, ConvolvedSide, EngineResult, PairImage } from "./pair.ts";
import { type FieldSolution, solveField, type SpatialOrders } from "./solve.ts";
import { type FitImages, stampEquations } from "./stamps.ts";

/** What the native engine can be told. */
export interface NativeOptions {
  /** Which image to convolve; the sharper one when left out. */
  readonly convolve?: ConvolvedSide;
  /** Spatial order of the kernel's shape; what the stars carry when left out. */
  readonly kernelOrder?: number;
  readonly scaleOrder?: number;
  readonly backgroundOrder?: number;
  readonly clipSigma?: number;
  readonly signal?: AbortSignal;
}

/**
 * Subtracts one image of a pair from the other with a kernel fitted to the
 * stars: Gaussians times polynomials, varying over the field with one
 * photometric scale, and a differential background.
 *
 * @param pair The images on one grid, with masks and variances, and the stars.
 * @param options Orders, direction.
 * @returns The difference in ADU of the science frame, with its variance.
 * @throws {DataError} If fewer than three stars fit.
 */
export function subtractNative(pair: AlignedPair, options: NativeOptions = {}): EngineResult {
  const { science, reference } = pair;
  const side = options.convolve ?? (science.fwhmPx < reference.fwhmPx ? "science" : "reference");
  const [sharp, broad] = side === "reference" ? [reference, science] : [science, reference];
  const scale = side === "reference" ? pair.scale : 1 / pair.scale;
  const basis = buildBasis(chooseGaussians(sharp.fwhmPx, broad.fwhmPx));
  const images = fitImages(pair, sharp, broad, scale ** 2 * noiseShare(sharp, broad));
  const radiusPx = Math.max(2.5 * broad.fwhmPx, 7);
  const stamps = pair.stars
    .map((star) => stampEquations(images, basis, star, { radiusPx, modelError: 0.005, scale }))
    .filter((stamp) => stamp !== undefined);
  const solution = solveField(stamps, {
    width: pair.width,
    height: pair.height,
    orders: chooseOrders(stamps.length, options),
    clipSigma: options.clipSigma ?? 4,
    iterations: 6,
    noiseProducts: noiseProducts(basis, sharp.correlation),
  });
  const field = toField(pair, basis, solution);
  const made = difference(pair, { side, sharp, broad, images, field, solution, options });
  return {
    engine: "native",
    convolvedSide: side,
    growPx: reachOf(field),
    field,
    ...made,
    kernel: {
      offered: pair.stars.length,
      used: solution.used.length,
      clipped: solution.clipped,
      conditionNumber: solution.conditionNumber,
      sum: side === "reference" ? scaleAt(field) : 1 / scaleAt(field),
      orders: [solution.orders[0], solution.orders[1], solution.orders.at(-1)].join(","),
      chi2: solution.chi2,
    },
  };
}

/** The share of the sharp image's variance that survives a kernel of about the difference of the widths. */
function noiseShare(sharp: PairImage, broad: PairImage): number {
  const variance = Math.max((broad.fwhmPx ** 2 - sharp.fwhmPx ** 2) / 5.545, 0);
  return 1 / (1 + 4 * Math.PI * variance);
}

function fitImages(
  pair: AlignedPair,
  sharp: PairImage,
  broad: PairImage,
  sharpShare: number,
): FitImages {
  const pixels = pair.width * pair.height;
  const usable = new Uint8Array(pixels);
  const sharpData = new Float32Array(pixels), broadData = new Float32Array(pixels);
  const variance = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const a = sharp.data[i]!, b = broad.data[i]!;
    const finite = Number.isFinite(a) && Number.isFinite(b);
    usable[i] = finite && !((sharp.mask[i]! | broad.mask[i]!) & UNUSABLE) ? 1 : 0;
    sharpData[i] = Number.isFinite(a) ? a - sharp.skyAdu : 0;
    broadData[i] = Number.isFinite(b) ? b - broad.skyAdu : 0;
    variance[i] = broad.variance[i]! + sharpShare * sharp.variance[i]!;
  }
  const { width, height } = pair;
  return {
    width,
    height,
    sharp: sharpData,
    broad: broadData,
    variance,
    sharpVariance: sharp.variance,
    usable,
  };
}

/** As much variation as the stars carry: three to six stars a coefficient. */
function chooseOrders(stars: number, options: NativeOptions): SpatialOrders {
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

/** The photometric scale at the middle of the field. */
function scaleAt(field: KernelField): number {
  return kernelAt(field, (field.width - 1) / 2, (field.height - 1) / 2).reduce((a, b) => a + b, 0);
}

/** The radius of the box that holds 98 % of the kernel's weight. */
function reachOf(field: KernelField): number {
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

interface Fitted {
  readonly side: ConvolvedSide;
  readonly sharp: PairImage;
  readonly broad: PairImage;
  readonly images: FitImages;
  readonly field: KernelField;
  readonly solution: FieldSolution;
  readonly options: NativeOptions;
}

function difference(
  pair: AlignedPair,
  fitted: Fitted,
): Pick<EngineResult, "difference" | "variance" | "convolved"> {
  const { side, sharp, broad, images, field, options } = fitted;
  const abort = options.signal === undefined ? {} : { signal: options.signal };
  const convolved = convolveVarying(images.sharp, field, abort);
  const variance = convolveVarying(sharp.variance, field, { squared: true, ...abort });
  const gain = correlatedGain(field, sharp.correlation);
  // A convolved science frame is brought back to its own ADU.
  const unit = side === "reference" ? 1 : -1 / scaleAt(field);
  const out = new Float32Array(convolved.length);
  addBackground(convolved, pair, fitted.solution);
  for (let i = 0; i < out.length; i++) {
    const known = Number.isFinite(sharp.data[i]!) && Number.isFinite(broad.data[i]!);
    out[i] = known ? (images.broad[i]! - convolved[i]!) * unit : NaN;
    variance[i] = (gain * variance[i]! + broad.variance[i]!) * unit * unit;
    convolved[i] = convolved[i]! + broad.skyAdu;
  }
  return { difference: out, variance, convolved };
}

/** Adds the differential background, evaluated every 16 px along a row. */
function addBackground(convolved: Float32Array, pair: AlignedPair, solution: FieldSolution): void {
  const order = solution.orders.at(-1)!;
  const count = polynomialTerms(order);
  const coefficients = solution.coefficients.slice(-count);
  const { width, height } = pair;
  const at = (x: number, y: number) => {
    const f = polynomialValues(x, y, { width, height, order });
    return coefficients.reduce((sum, c, k) => sum + c * f[k]!, 0);
  };
  const step = 16;
  for (let y = 0; y < height; y++) {
    for (let left = 0; left < width; left += step) {
      const from = at(left, y), slope = (at(left + step, y) - from) / step;
      const end = Math.min(step, width - left);
      for (let dx = 0; dx < end; dx++) convolved[y * width + left + dx]! += from + slope * dx;
    }
  }
}
