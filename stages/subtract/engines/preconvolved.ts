/**
 * The native engine after preconvolution: the science frame is smoothed with its own PSF first.
 *
 * @module
 */

import { convolveVarying } from "../../../gpu/kernels/convolve_varying/convolve_varying.ts";
import {
  constantField,
  type KernelField,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { kernelMesh } from "../../../gpu/kernels/kernel_mesh/kernel_mesh.ts";
import { joinMasks } from "../../../gpu/kernels/finish_difference/finish_difference.ts";
import { bit } from "../../../sky/mask.ts";
import { fitKernel, reachOf } from "../fit/fit_kernel.ts";
import { varianceFactor, varianceIn } from "../noise.ts";
import { CARRIED } from "../output/finish.ts";
import type {
  AlignedPair,
  ConvolvedSide,
  DifferenceStrip,
  EngineResult,
  PairImage,
} from "../pair.ts";
import { noiseAlone } from "../psf/common_light.ts";
import { Fourier, multiply } from "../psf/fourier.ts";
import { kernelSurfaces } from "../psf/kernel_surface.ts";
import { psfTransfer } from "../psf/psf_model.ts";
import { measurePsfOf } from "../psf/psf_pair.ts";
import { type NativeOptions, skyShare, subtractFitted } from "./native.ts";
import { withNoiseShare } from "./noise_share.ts";

/**
 * Subtracts the reference from the science frame that was smoothed with a Gaussian
 * of the width of its own PSF, so that a reference as sharp or blurrier is matched
 * to it without deconvolution (preconvolution, DMTN-179). What comes out is close
 * to a matched filter of the difference: its sources have the PSF of the science
 * frame twice, its noise is correlated over it.
 *
 * @param pair The images on one grid, with masks, and the stars.
 * @param options Orders and device; `convolve` is not looked at.
 * @returns The difference in ADU of the science frame, with its variance and its PSF.
 * @throws {DataError} If fewer than three stars fit.
 */
export async function subtractPreconvolved(
  pair: AlignedPair,
  options: NativeOptions,
): Promise<EngineResult> {
  // Smoothed noise hangs together over squares of the sky: what of it is noise is seen before.
  const noiseShare = await skyShare(pair, { ...options, convolve: sharper(pair) });
  const result = await subtractQuieter(withNoiseShare(withoutStars(pair), noiseShare), options);
  return { ...result, noiseShare };
}

/** Wide filters gather what faint stars add to the correlation of the noise. */
function withoutStars(pair: AlignedPair): AlignedPair {
  const { science, reference } = noiseAlone(pair);
  return {
    ...pair,
    science: { ...pair.science, correlation: science },
    reference: { ...pair.reference, correlation: reference },
  };
}

function sharper({ science, reference }: AlignedPair): ConvolvedSide {
  return science.fwhmPx < reference.fwhmPx ? "science" : "reference";
}

async function subtractQuieter(pair: AlignedPair, options: NativeOptions): Promise<EngineResult> {
  const filter = gaussian(pair);
  const smooth = await smoothed(pair, filter, options);
  const { science } = pair;
  // For the fit light is as noisy as in the mean; the difference has it pixel by pixel.
  const gain = science.gainEAdu / sumOfSquares(filter);
  const fitted = { ...pair, science: { ...smooth, gainEAdu: gain } };
  const fit = await fitKernel(fitted, { ...options, convolve: "reference" });
  const { quiet: _quiet, ...rest } = pair;
  const dark = { ...rest, science: { ...smooth, gainEAdu: Infinity } };
  const result = await subtractFitted(dark, fit, options);
  return {
    ...result,
    convolvedSide: "both",
    growPx: Math.max(result.growPx, reachOf(filter)),
    kernelHalfPx: Math.max(fit.field.halfPx, filter.halfPx),
    preconvolution: filter,
    psf: psfAfter(pair, filter),
    strips: () => withLight(result.strips(), pair, filter, options),
  };
}

/** How far out the Gaussian goes, σ. */
const REACH_SIGMA = 3.5;

/** A Gaussian of the width of the science frame's PSF; its sum is 1. */
function gaussian({ width, height, science }: AlignedPair): KernelField {
  const sigma = science.fwhmPx / 2.3548, half = Math.ceil(REACH_SIGMA * sigma);
  const side = 2 * half + 1;
  const kernel = Float64Array.from({ length: side * side }, (_, i) => {
    const r2 = (i % side - half) ** 2 + (Math.floor(i / side) - half) ** 2;
    return Math.exp(-0.5 * r2 / sigma ** 2);
  });
  const sum = kernel.reduce((a, b) => a + b, 0);
  return constantField(kernel.map((value) => value / sum), width, height);
}

function sumOfSquares({ basis }: KernelField): number {
  return basis.reduce((sum, value) => sum + value * value, 0);
}

/** The science frame under the filter, with the noise that its sky has then and a mask that has grown. */
async function smoothed(
  pair: AlignedPair,
  filter: KernelField,
  { compute, signal }: NativeOptions,
): Promise<PairImage> {
  const { width, height, science } = pair;
  const flat = science.data.map((value) => value - science.skyAdu);
  const data = new Float32Array(width * height), mask = new Uint16Array(width * height);
  const whole = { firstRow: 0, rows: height, signal };
  await convolveVarying(compute, { data: flat, width, height }, kernelMesh(filter), whole, data);
  data.forEach((value, i) =>
    data[i] = Number.isNaN(science.data[i]!) ? NaN : value + science.skyAdu
  );
  const grow = { reachPx: reachOf(filter), carried: CARRIED, edge: bit("EDGE"), signal };
  const masks = { width, height, moved: science.mask, still: science.mask };
  await joinMasks(compute, masks, 0, mask, grow);
  const factor = varianceFactor(filter, science.correlation)((width - 1) / 2, (height - 1) / 2);
  const share = Math.sqrt(factor), { coverage } = science;
  return {
    ...science,
    ...{ data, mask, fwhmPx: Math.SQRT2 * science.fwhmPx },
    sigmaAt: (x, y) => share * science.sigmaAt(x, y),
    skySigmaAdu: share * science.skySigmaAdu,
    ...(coverage ? { coverage: { ...coverage, unit: share * coverage.unit } } : {}),
  };
}

/** Adds the noise of the science frame's own light, under the square of the filter. */
async function* withLight(
  strips: AsyncIterable<DifferenceStrip>,
  pair: AlignedPair,
  filter: KernelField,
  { compute, signal }: NativeOptions,
): AsyncGenerator<DifferenceStrip> {
  const { width, height, science } = pair;
  const box = { left: 0, top: 0, width, height };
  const light = varianceIn(science, pair, box);
  const sky = varianceIn({ ...science, gainEAdu: Infinity }, pair, box);
  light.forEach((value, i) => light[i] = value - sky[i]!);
  const image = { data: light, width, height }, mesh = kernelMesh(filter, { of: "square" });
  for await (const strip of strips) {
    const { firstRow, rows, variance } = strip;
    const more = new Float32Array(rows * width);
    await convolveVarying(compute, image, mesh, { firstRow, rows, signal }, more);
    more.forEach((value, i) => variance[i]! += value);
    yield strip;
  }
}

/** Points a side of the grid of frequencies, half the side of the PSF, and the order of its variation. */
const GRID = 128;
const PSF_HALF_PX = 20;
const ORDER = 3;

/** The PSF of the science frame under the filter. */
function psfAfter(pair: AlignedPair, filter: KernelField): KernelField {
  const { width, height } = pair;
  const fourier = new Fourier(GRID);
  const model = measurePsfOf(pair, "science"), through = fourier.forward(filter.basis);
  const [psf] = kernelSurfaces({ width, height, order: ORDER }, (x, y) => {
    const star = multiply(psfTransfer(model, fourier, x, y), through);
    return [fourier.inverse(star, PSF_HALF_PX)];
  });
  return psf!;
}
