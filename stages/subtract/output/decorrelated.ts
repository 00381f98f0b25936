/**
 * The decorrelated difference (DMTN-021, Reiss & Lupton 2016).
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import type { Compute } from "../../../gpu/compute.ts";
import {
  convolveVarying,
  type WholeImage,
} from "../../../gpu/kernels/convolve_varying/convolve_varying.ts";
import { kernelAt, type KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { type KernelMesh, kernelMesh } from "../../../gpu/kernels/kernel_mesh/kernel_mesh.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { differenceKernels } from "../psf/difference_noise.ts";
import type { ExtraImage, ExtraRecipe, ExtraSource } from "./extra_images.ts";
import type { FinishedDifference } from "./finish.ts";
import { Fourier } from "../psf/fourier.ts";
import { fwhmOf, noiseArea } from "../psf/psf_shape.ts";

/** Points a side of the grid of frequencies. */
export const GRID = 128;

/**
 * The difference after a kernel that makes its noise white and keeps fluxes:
 * pixels are independent again, as a detection that knows no correlation takes
 * them to be. Pixels that may not be used count as 0.
 */
export const DECORRELATED: ExtraRecipe = {
  role: "decorrelated",
  ending: "decorr",
  make: (source) => Promise.resolve(decorrelated(source)),
};

function decorrelated(source: ExtraSource): ExtraImage {
  const { pair, finished, compute, signal } = source;
  const { width, height } = pair;
  if (finished.result.preconvolution !== undefined) {
    throw new DataError(
      "Cannot decorrelate a preconvolved difference: its high frequencies are gone; its score image has all it tells",
    );
  }
  const kernels = differenceKernels(pair, finished, new Fourier(GRID));
  const image = { data: usable(finished), width, height };
  const mesh = kernelMesh(kernels.whitening);
  const middle = [(width - 1) / 2, (height - 1) / 2] as const;
  const psf = kernelAt(kernels.whitePsf, ...middle);
  const gain = kernelAt(kernels.gain, ...middle)[0]!;
  const measured = {
    halfPx: kernels.whitening.halfPx,
    varianceGain: gain,
    psfFwhmPx: fwhmOf(psf),
    noiseAreaPx: noiseArea(psf),
    correlationFrom: kernels.from,
  };
  return {
    fill: (firstRow, rows, into) =>
      filter({ compute, image, mesh, signal }, firstRow, rows, into, finished),
    fillWeight: (firstRow, rows, into) =>
      weightAfter(finished, kernels.gain, firstRow, into.subarray(0, rows * width)),
    measured,
    describe(header) {
      header.set("DECORR", true, "noise made white, DMTN-021");
      header.set("DCHALF", measured.halfPx, "[pix] half-width of the decorrelation kernel");
      header.set("DCGAIN", toCard(gain), "variance over that before, mid-field");
      header.set("DCFROM", kernels.from, "what the correlation was found from");
      header.set("PSFFWHM", toCard(measured.psfFwhmPx), "[pix] FWHM of the PSF, mid-field");
      header.set("PSFNEA", toCard(measured.noiseAreaPx), "[pix2] noise-equivalent area of the PSF");
      header.addHistory("gppy subtract: decorrelated after DMTN-021 (Reiss & Lupton 2016)");
    },
  };
}

/** A number as a card holds it. */
export function toCard(value: number): number {
  return Number(value.toPrecision(7));
}

/**
 * The difference with 0 wherever a pixel may not be used.
 *
 * @param finished The difference.
 * @returns A copy, `[height, width]`, ADU.
 */
export function usable({ difference, mask }: FinishedDifference): Float32Array {
  return difference.map((value, i) => mask[i]! & UNUSABLE ? 0 : value);
}

async function filter(
  how: {
    readonly compute: Compute;
    readonly image: WholeImage;
    readonly mesh: KernelMesh;
    readonly signal: AbortSignal;
  },
  firstRow: number,
  rows: number,
  into: Float32Array,
  { mask }: FinishedDifference,
): Promise<void> {
  const { compute, image, mesh, signal } = how;
  await convolveVarying(compute, image, mesh, { firstRow, rows, signal }, into);
  const from = firstRow * image.width;
  for (let i = 0; i < rows * image.width; i++) if (mask[from + i]! & UNUSABLE) into[i] = 0;
}

/** Side of the squares over which the gain is held constant, px. */
const BLOCK_PX = 32;

/** Inverse variance after whitening. */
export function weightAfter(
  { weight }: FinishedDifference,
  gain: KernelField,
  firstRow: number,
  into: Float32Array,
): void {
  const { width } = gain;
  for (let at = 0; at < into.length; at += width) {
    const y = firstRow + at / width;
    const middle = (Math.floor(y / BLOCK_PX) + 0.5) * BLOCK_PX;
    for (let left = 0; left < width; left += BLOCK_PX) {
      const factor = kernelAt(gain, left + BLOCK_PX / 2, middle)[0]!;
      const end = Math.min(width, left + BLOCK_PX);
      for (let x = left; x < end; x++) into[at + x] = weight[y * width + x]! / factor;
    }
  }
}
