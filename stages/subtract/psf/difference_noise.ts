/**
 * How the noise of a difference is correlated, and what its PSF is.
 *
 * @module
 */

import { kernelAt, type KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import type { FinishedDifference } from "../output/finish.ts";
import { type Fourier, multiply, type Spectrum } from "./fourier.ts";
import { noiseAlone } from "./common_light.ts";
import { kernelSurfaces } from "./kernel_surface.ts";
import type { AlignedPair, NoiseCorrelation } from "../pair.ts";
import { measurePsfOf } from "./psf_pair.ts";
import { psfTransfer } from "./psf_model.ts";
import {
  compactKernel,
  differencePower,
  type LocalNoise,
  noiseGain,
  noisePower,
  whiteningKernel,
} from "./whiten.ts";

/** Order of the polynomials that carry kernels over the field. */
const ORDER = 3;

/** The kernels that belong to a difference; each varies over the field. */
export interface DifferenceKernels {
  /** Makes the noise white; its sum is 1. */
  readonly whitening: KernelField;
  /** Variance of a pixel after whitening over that before: one value, `1 × 1`. */
  readonly gain: KernelField;
  /** PSF of the difference, and after whitening; their sums are 1 less the light beyond them. */
  readonly psf: KernelField;
  readonly whitePsf: KernelField;
  /** The matched filter, of the difference as it is: whitens it and sums it with the white PSF as weight. */
  readonly matched: KernelField;
  /** Variance of what the matched filter gives over that of a pixel before, over Σ whitePsf²: `1 × 1`. */
  readonly matchedGain: KernelField;
  /** How the correlation of the noise was found. */
  readonly from: "kernel" | "engine" | "difference";
}

/**
 * Designs whitening kernel, PSFs and matched filter over the field.
 *
 * Where the engine tells its kernel the noise follows from it and the noise of
 * both images (DMTN-021); where it does not, from the difference's own
 * correlation on bare sky, one for the whole field.
 *
 * @param pair The pair.
 * @param finished Its difference.
 * @param fourier The frequencies.
 * @returns The kernels.
 * @throws {DataError} If the PSF cannot be measured.
 */
export function differenceKernels(
  pair: AlignedPair,
  finished: FinishedDifference,
  fourier: Fourier,
): DifferenceKernels {
  const { width, height } = pair;
  const { result } = finished;
  const powerAt = noiseOf(pair, finished, fourier);
  const psfAt = differencePsf(pair, finished, fourier);
  const fields = kernelSurfaces({ width, height, order: ORDER }, (x, y) => {
    const noise = powerAt(x, y);
    const { kernel, gain } = whiteningKernel(noise, fourier);
    const whitening = fourier.forward(kernel);
    const psf = psfAt(x, y), white = multiply(psf, whitening);
    // Conjugate: the filter sums the difference with the PSF as weight, it does not convolve it.
    const flipped = { re: white.re, im: white.im.map((value) => -value) };
    const whitePsf = compactKernel(white, fourier);
    const matched = compactKernel(multiply(flipped, whitening), fourier);
    const squares = whitePsf.reduce((sum, value) => sum + value * value, 0);
    const matchedGain = noiseGain(matched, noise, fourier) / squares;
    return [
      kernel,
      Float64Array.of(gain),
      compactKernel(psf, fourier),
      ...[whitePsf, matched, Float64Array.of(matchedGain)],
    ];
  });
  const [whitening, gain, psf, whitePsf, matched, matchedGain] = fields;
  return {
    ...{ whitening: whitening!, gain: gain!, psf: psf!, whitePsf: whitePsf! },
    ...{ matched: matched!, matchedGain: matchedGain! },
    from: result.white ? "engine" : result.field === undefined ? "difference" : "kernel",
  };
}

function noiseOf(
  pair: AlignedPair,
  finished: FinishedDifference,
  fourier: Fourier,
): (x: number, y: number) => Float64Array {
  const { field, white, convolvedSide, preconvolution } = finished.result;
  if (white) return () => new Float64Array(fourier.size ** 2).fill(1);
  if (field === undefined || (convolvedSide === "both" && preconvolution === undefined)) {
    const correlation = correlationOf(pair, finished);
    const power = noisePower({ variance: 1, correlation }, fourier);
    return () => power;
  }
  const [moved, still] = convolvedSide === "science"
    ? ["science", "reference"] as const
    : ["reference", "science"] as const;
  const before = preconvolution && kernelAt(preconvolution, 0, 0);
  const correlation = noiseAlone(pair);
  const noise = (side: "science" | "reference", x: number, y: number): LocalNoise => {
    return { variance: pair[side].sigmaAt(x, y) ** 2, correlation: correlation[side] };
  };
  return (x, y) => {
    const kernel = kernelAt(field, x, y);
    return differencePower(noise(moved, x, y), noise(still, x, y), kernel, fourier, before);
  };
}

/**
 * The PSF of a difference: the engine's own, or that of the science frame, convolved where it was.
 *
 * @param pair The pair.
 * @param finished Its difference.
 * @param fourier The frequencies.
 * @returns Gives its transfer function at a place, px; 1 at zero frequency less the light beyond the PSF.
 * @throws {DataError} If it must be measured and cannot.
 */
export function differencePsf(
  pair: AlignedPair,
  finished: Pick<FinishedDifference, "result">,
  fourier: Fourier,
): (x: number, y: number) => Spectrum {
  const { field, psf, convolvedSide } = finished.result;
  if (psf !== undefined) return (x, y) => fourier.forward(kernelAt(psf, x, y));
  const known = convolvedSide === "reference" || field !== undefined;
  const model = measurePsfOf(pair, known ? "science" : "reference");
  return (x, y) => {
    const star = psfTransfer(model, fourier, x, y);
    if (convolvedSide === "reference" || field === undefined) return star;
    const kernel = kernelAt(field, x, y);
    const sum = kernel.reduce((a, b) => a + b, 0);
    return multiply(star, fourier.forward(kernel.map((value) => value / sum)));
  };
}

/** Pixels farther from zero belong to sources, not to noise. */
const SOURCE_SIGMA = 3;
/** Rows that are looked at are so far apart that at most so many pixels are. */
const SAMPLES = 500_000;

/**
 * Measures how the noise of a difference is correlated on bare sky.
 *
 * @param pair The pair, for the widths.
 * @param finished The difference.
 * @returns The correlation as far as two FWHM reach.
 */
export function correlationOf(pair: AlignedPair, finished: FinishedDifference): NoiseCorrelation {
  const { width, height } = pair;
  const { difference, weight, mask } = finished;
  const reachPx = Math.min(12, Math.ceil(2 * Math.max(pair.science.fwhmPx, pair.reference.fwhmPx)));
  const side = 2 * reachPx + 1, middle = (side * side - 1) / 2;
  const pull = (i: number) => {
    const value = mask[i]! & UNUSABLE ? NaN : difference[i]! * Math.sqrt(weight[i]!);
    return Math.abs(value) < SOURCE_SIGMA ? value : NaN;
  };
  const values = new Float64Array(side * side);
  const every = Math.max(1, Math.floor((width * height) / SAMPLES));
  const sums = new Float64Array(middle + 1), counts = new Float64Array(middle + 1);
  for (let y = reachPx; y < height - reachPx; y += every) {
    for (let x = reachPx; x < width - reachPx; x++) {
      const here = pull(y * width + x);
      if (Number.isNaN(here)) continue;
      for (let k = 0; k <= middle; k++) {
        const other = pull((y + Math.floor(k / side) - reachPx) * width + x + (k % side) - reachPx);
        if (Number.isNaN(other)) continue;
        sums[k]! += here * other;
        counts[k]!++;
      }
    }
  }
  const variance = sums[middle]! / counts[middle]!;
  for (let k = 0; k <= middle; k++) {
    const value = counts[k]! > 1000 ? sums[k]! / counts[k]! / variance : 0;
    values[k] = values[side * side - 1 - k] = k === middle ? 1 : value;
  }
  return { reachPx, values };
}
