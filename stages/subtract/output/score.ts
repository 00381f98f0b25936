/**
 * The score image: how significant a point source would be at each pixel.
 *
 * @module
 */

import { convolveVarying } from "../../../gpu/kernels/convolve_varying/convolve_varying.ts";
import { kernelAt, type KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { kernelMesh } from "../../../gpu/kernels/kernel_mesh/kernel_mesh.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { GRID, toCard, usable, weightAfter } from "./decorrelated.ts";
import { differenceKernels } from "../psf/difference_noise.ts";
import type { ExtraImage, ExtraRecipe, ExtraSource } from "./extra_images.ts";
import { Fourier } from "../psf/fourier.ts";
import { fwhmOf, noiseArea } from "../psf/psf_shape.ts";

/**
 * The difference after its matched filter, over the noise of that sum: a pixel
 * of 5 is a point source of 5 σ there. The filter whitens the noise first, so
 * that the sum is the best there is and its noise counts correlated pixels once.
 * Pixels that may not be used have no part in it, and hold 0.
 */
export const SCORE: ExtraRecipe = {
  role: "score",
  ending: "score",
  make: (source) => Promise.resolve(score(source)),
};

function score(source: ExtraSource): ExtraImage {
  const { pair, finished, compute, signal } = source;
  const { width, height } = pair;
  const kernels = differenceKernels(pair, finished, new Fourier(GRID));
  const signalImage = { data: usable(finished), width, height };
  const noiseImage = { data: whiteVariance(source, kernels.matchedGain), width, height };
  const matched = kernelMesh(kernels.matched);
  const squared = kernelMesh(flipped(kernels.whitePsf), { of: "square" });
  const { mask } = finished;
  const psf = kernelAt(kernels.whitePsf, (width - 1) / 2, (height - 1) / 2);
  const measured = {
    psfFwhmPx: fwhmOf(psf),
    noiseAreaPx: noiseArea(psf),
    correlationFrom: kernels.from,
  };
  return {
    async fill(firstRow, rows, into) {
      const range = { firstRow, rows, signal };
      const noise = new Float32Array(rows * width);
      await convolveVarying(compute, signalImage, matched, range, into);
      await convolveVarying(compute, noiseImage, squared, range, noise);
      const from = firstRow * width;
      for (let i = 0; i < rows * width; i++) {
        const known = noise[i]! > 0 && (mask[from + i]! & UNUSABLE) === 0;
        into[i] = known ? into[i]! / Math.sqrt(noise[i]!) : 0;
      }
    },
    measured,
    describe(header) {
      header.set("BUNIT", "sigma", "point source flux over its noise");
      header.set("SCORE", true, "matched filter of the difference");
      header.set("DCFROM", kernels.from, "what the correlation was found from");
      header.set("PSFFWHM", toCard(measured.psfFwhmPx), "[pix] FWHM of the filter, mid-field");
      header.set("PSFNEA", toCard(measured.noiseAreaPx), "[pix2] noise-equivalent area of it");
      header.addHistory("gppy subtract: matched filter over its noise, correlation counted");
    },
  };
}

/** Variance after whitening, ADU²; 0 where a pixel may not be used. */
function whiteVariance({ finished, pair }: ExtraSource, gain: KernelField): Float32Array {
  const out = new Float32Array(pair.width * pair.height);
  weightAfter(finished, gain, 0, out);
  out.forEach((weight, i) => out[i] = weight > 0 ? 1 / weight : 0);
  return out;
}

/** A field whose kernels are turned by half a turn: to sum with them as weights. */
function flipped(field: KernelField): KernelField {
  const pixels = (2 * field.halfPx + 1) ** 2;
  const basis = new Float64Array(field.basis.length);
  for (let from = 0; from < basis.length; from += pixels) {
    basis.set(field.basis.slice(from, from + pixels).reverse(), from);
  }
  return { ...field, basis };
}
