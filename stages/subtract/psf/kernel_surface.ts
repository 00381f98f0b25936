/**
 * Kernels designed at some places of the field, as one kernel that varies smoothly.
 *
 * @module
 */

import {
  type KernelField,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";

/** What a surface of kernels spans. */
export interface SurfaceOptions {
  readonly width: number;
  readonly height: number;
  /** Total degree of the polynomials that carry the kernels from place to place. */
  readonly order: number;
}

/**
 * Designs kernels at the Chebyshev nodes of the field and lays polynomials
 * through them, pixel by pixel: least squares at nodes on which the polynomials
 * are orthogonal. What comes out has no borders where kernels would change.
 *
 * @param options Size of the field and order of the polynomials.
 * @param design Gives the kernels at a place, px, always as many, each `[side, side]`, side odd.
 * @returns A varying kernel for each that was designed.
 */
export function kernelSurfaces(
  options: SurfaceOptions,
  design: (x: number, y: number) => readonly Float64Array[],
): KernelField[] {
  const { width, height, order } = options;
  const nodes = order + 1;
  const at = Array.from({ length: nodes }, (_, k) => Math.cos((Math.PI * (k + 0.5)) / nodes));
  const designs = at.flatMap((v) =>
    at.map((u) => {
      const x = ((u + 1) / 2) * (width - 1), y = ((v + 1) / 2) * (height - 1);
      return { kernels: design(x, y), values: polynomialValues(x, y, { width, height, order }) };
    })
  );
  const norms = chebyshevNorms(order);
  return designs[0]!.kernels.map((_, which) => {
    const pixels = Math.max(...designs.map(({ kernels }) => kernels[which]!.length));
    const sums = norms.map(() => new Float64Array(pixels));
    for (const { kernels, values } of designs) {
      const kernel = enlarged(kernels[which]!, pixels);
      sums.forEach((sum, t) => {
        for (let i = 0; i < pixels; i++) sum[i]! += kernel[i]! * values[t]!;
      });
    }
    return toField(sums, norms, options);
  });
}

/**
 * A kernel in a larger square, with zeros around it.
 *
 * @param kernel `[side, side]`, side odd.
 * @param pixels Of the larger square.
 * @returns The larger square; the kernel itself where it is as large.
 */
export function enlarged(kernel: Float64Array, pixels: number): Float64Array {
  if (kernel.length === pixels) return kernel;
  const side = Math.round(Math.sqrt(kernel.length)), into = Math.round(Math.sqrt(pixels));
  const margin = (into - side) / 2;
  const out = new Float64Array(pixels);
  for (let y = 0; y < side; y++) {
    out.set(kernel.subarray(y * side, (y + 1) * side), (y + margin) * into + margin);
  }
  return out;
}

/** What the squares of each product of Chebyshev polynomials sum to over the nodes. */
function chebyshevNorms(order: number): number[] {
  const nodes = order + 1;
  const norm = (degree: number) => degree === 0 ? nodes : nodes / 2;
  const norms: number[] = [];
  for (let degree = 0; degree <= order; degree++) {
    for (let j = 0; j <= degree; j++) norms.push(norm(degree - j) * norm(j));
  }
  return norms;
}

function toField(
  sums: readonly Float64Array[],
  norms: readonly number[],
  options: SurfaceOptions,
): KernelField {
  const { width, height, order } = options;
  const terms = sums.length, pixels = sums[0]!.length;
  const basis = new Float64Array(terms * pixels);
  sums.forEach((sum, t) => basis.set(sum.map((value) => value / norms[t]!), t * pixels));
  const coefficients = new Float64Array(terms * terms);
  for (let t = 0; t < terms; t++) coefficients[t * terms + t] = 1;
  const halfPx = (Math.round(Math.sqrt(pixels)) - 1) / 2;
  return {
    ...{ halfPx, basis, coefficients, width, height },
    orders: Array.from({ length: terms }, () => order),
  };
}
