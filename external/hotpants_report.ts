/**
 * What HOTPANTS says about its kernel: cards of the difference, the table that
 * `-hki` appends to it, the lists of stamps of `-savexy`.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import type { FitsHeader } from "../fits/header.ts";
import { readTables } from "../fits/table.ts";
import type { KernelGaussian } from "./hotpants_options.ts";

/** One region with a kernel of its own. */
export interface HotpantsRegion {
  /** Columns and rows it covers, px, 0 at the centre of the first pixel, ends included. */
  readonly x: readonly [number, number];
  /** The same along y. */
  readonly y: readonly [number, number];
  /** Which image was convolved there. */
  readonly convolved: "template" | "science";
  /** Sum of the kernel in the middle of the region. */
  readonly kernelSum: number;
  /** Mean of (difference over noise)² over good pixels; null when it is not told. */
  readonly chi2: number | null;
}

/**
 * Reads the cards of each region that was subtracted.
 *
 * @param header Of the difference, as HOTPANTS wrote it.
 * @returns The regions in their order; those without a kernel are left out.
 */
export function readHotpantsRegions(header: FitsHeader): HotpantsRegion[] {
  const count = header.number("NREGION") ?? 100;
  const regions: HotpantsRegion[] = [];
  for (let k = 0; k < count; k++) {
    const of = (card: string) => `${card}${String(k).padStart(2, "0")}`;
    const kernelSum = header.number(of("KSUM"));
    const limits = /^\[(\d+):(\d+),(\d+):(\d+)\]$/.exec(header.text(of("REGION"))?.trim() ?? "");
    if (kernelSum === undefined || limits === null) continue;
    const [left, right, bottom, top] = limits.slice(1).map((value) => Number(value) - 1);
    regions.push({
      x: [left!, right!],
      y: [bottom!, top!],
      convolved: header.text(of("CONVOL"))?.trim() === "IMAGE" ? "science" : "template",
      kernelSum,
      chi2: header.number(of("X2NRM")) ?? null,
    });
  }
  return regions;
}

/** The kernel of one region: Gaussians times polynomials, as Alard & Lupton (1998). */
export interface HotpantsKernel {
  /** Side in px, odd. */
  readonly side: number;
  /** The basis. */
  readonly gaussians: readonly KernelGaussian[];
  /** Order of the variation over the region. */
  readonly order: number;
  /** The sum, then a block of coefficients for each further function. */
  readonly coefficients: Float64Array;
}

/**
 * Reads the kernels that `-hki` makes HOTPANTS append to the difference.
 *
 * @param path The difference, as HOTPANTS wrote it.
 * @returns One kernel a region; none where the file has no such table.
 * @throws {DataError} If the table lacks a card or is too short.
 */
export async function readHotpantsKernels(path: string): Promise<HotpantsKernel[]> {
  const table = (await readTables(path)).findLast(({ header }) => header.has("NGAUSS"));
  if (table === undefined) return [];
  const { header } = table;
  const gaussians = Array.from({ length: header.requireNumber("NGAUSS") }, (_, k) => ({
    degree: header.requireNumber(`DGAUSS${k + 1}`),
    sigmaPx: header.requireNumber(`SGAUSS${k + 1}`),
  }));
  const order = header.requireNumber("CKORDER"), side = header.requireNumber("FWKERN");
  const functions = gaussians.reduce((sum, { degree }) => sum + terms(degree), 0);
  const count = 1 + (functions - 1) * terms(order);
  return table.columns.map(({ name }) => {
    // The program counts its coefficients from one and writes the unused first along.
    const coefficients = table.values(name).slice(1, 1 + count);
    if (coefficients.length === count) return { side, gaussians, order, coefficients };
    throw new DataError(
      `Cannot read the kernel in "${path}": column ${name} holds ${coefficients.length} ` +
        `coefficients, and ${count} belong to it`,
      { details: { file: path, coefficients: coefficients.length, expected: count } },
    );
  });
}

function terms(order: number): number {
  return ((order + 1) * (order + 2)) / 2;
}

/**
 * The kernel at a place of its region.
 *
 * @param kernel The kernel.
 * @param u Place along x, −1 at the left border of the region and 1 at the right.
 * @param v The same along y.
 * @returns `[side, side]`, row-major, to convolve with.
 */
export function hotpantsKernelAt(kernel: HotpantsKernel, u: number, v: number): Float64Array {
  const { side, gaussians, order, coefficients } = kernel;
  const out = new Float64Array(side * side);
  let first: Float64Array | undefined;
  let at = 0;
  for (const { degree, sigmaPx } of gaussians) {
    for (let p = 0; p <= degree; p++) {
      for (let q = 0; q <= degree - p; q++) {
        const image = functionImage(side, sigmaPx, p, q);
        let weight = 0;
        if (first === undefined) weight = coefficients[at++]!;
        else {
          for (let i = 0; i <= order; i++) {
            for (let j = 0; j <= order - i; j++) weight += coefficients[at++]! * u ** i * v ** j;
          }
          if (p % 2 === 0 && q % 2 === 0) {
            for (let k = 0; k < image.length; k++) image[k]! -= first[k]!;
          }
        }
        first ??= image;
        for (let k = 0; k < out.length; k++) out[k]! += weight * image[k]!;
      }
    }
  }
  return out;
}

/** A Gaussian times powers; the even ones sum to one along each axis. */
function functionImage(side: number, sigmaPx: number, p: number, q: number): Float64Array {
  const even = p % 2 === 0 && q % 2 === 0;
  const factor = (power: number) => {
    const values = Float64Array.from({ length: side }, (_, i) => {
      const x = i - Math.floor(side / 2);
      return Math.exp((-x * x) / (2 * sigmaPx ** 2)) * x ** power;
    });
    const sum = values.reduce((a, b) => a + b, 0);
    return even ? values.map((value) => value / sum) : values;
  };
  const fx = factor(p), fy = factor(q);
  return Float64Array.from({ length: side * side }, (_, k) => {
    return fx[k % side]! * fy[Math.floor(k / side)]!;
  });
}

/**
 * Counts the entries of a list of stamps as `-savexy` writes it.
 *
 * @param text The list.
 * @returns Stamps in it.
 */
export function countStamps(text: string): number {
  return text.split("\n").filter((line) => /\d/.test(line) && !/^\s*#/.test(line)).length;
}
