/**
 * The engine of proper image subtraction (Zackay, Ofek & Gal-Yam 2016).
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { convolveVarying } from "../../../gpu/kernels/convolve_varying/convolve_varying.ts";
import { type KernelMesh, kernelMesh } from "../../../gpu/kernels/kernel_mesh/kernel_mesh.ts";
import {
  type KernelField,
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { reachOf } from "../fit/fit_kernel.ts";
import { noiseAlone } from "../psf/common_light.ts";
import { Fourier } from "../psf/fourier.ts";
import { kernelSurfaces } from "../psf/kernel_surface.ts";
import { solveScaled } from "../fit/linear_system.ts";
import { noiseShare, type SampleRows, sampleRows, withNoiseShare } from "./noise_share.ts";
import { correlatedGain, varianceFactor, varianceIn } from "../noise.ts";
import type { AlignedPair, DifferenceStrip, EngineResult, PairImage } from "../pair.ts";
import { psfTransfer } from "../psf/psf_model.ts";
import { measurePsfs, type PsfPair } from "../psf/psf_pair.ts";
import { noisePower } from "../psf/whiten.ts";
import { zogyKernels } from "./zogy_kernels.ts";

/** Points a side of the grid of frequencies: kernels and PSFs fit into it without meeting themselves. */
const GRID = 128;
/** Order of the polynomials that carry the kernels over the field where the PSFs vary. */
const ORDER = 3;

/** The share of the kernels' weight that masks grow by; the rest lies in long, faint wings. */
const CARRIED = 0.9;

/** The kernels of a pair. */
export interface ZogyFields {
  readonly psfs: PsfPair;
  /** Applied to the science frame, sum 1, and to the reference, sum the flux ratio. */
  readonly science: KernelField;
  readonly reference: KernelField;
  /** PSF of the difference, sum 1. */
  readonly psf: KernelField;
}

/**
 * Measures the PSFs and designs the kernels over the field.
 *
 * @param pair The images and stars.
 * @returns The kernels.
 * @throws {DataError} If fewer than three stars are usable.
 */
export function zogyFields(pair: AlignedPair): ZogyFields {
  const { width, height } = pair;
  const psfs = measurePsfs(pair);
  const fourier = new Fourier(GRID);
  const correlation = noiseAlone(pair);
  const at = (side: "science" | "reference", x: number, y: number) => ({
    psf: psfTransfer(psfs[side], fourier, x, y),
    noise: noisePower(
      { variance: pair[side].sigmaAt(x, y) ** 2, correlation: correlation[side] },
      fourier,
    ),
  });
  const [science, reference, psf] = kernelSurfaces({ width, height, order: ORDER }, (x, y) => {
    const made = zogyKernels(at("science", x, y), at("reference", x, y), psfs.fluxRatio, fourier);
    return [made.science, made.reference, made.psf];
  });
  return { psfs, science: science!, reference: reference!, psf: psf! };
}

/** What the engine can be told. */
export interface ZogyOptions {
  /** Where the images are filtered. */
  readonly compute: Compute;
  readonly signal?: AbortSignal;
}

/**
 * Subtracts by proper image subtraction: each image is filtered with the other's
 * PSF and the sum whitened, so that no direction of convolution is chosen and the
 * noise of the difference is white.
 *
 * @param pair The images on one grid, with masks, and the stars the PSFs are measured from.
 * @param options Device, and when to stop.
 * @returns The difference in ADU of the science frame, with its variance.
 * @throws {DataError} If fewer than three stars are usable.
 */
export async function subtractZogy(
  pair: AlignedPair,
  options: ZogyOptions,
): Promise<EngineResult> {
  const fields = zogyFields(pair);
  const { psfs } = fields;
  const share = await measureShare(pair, fields, options);
  const quieter = withNoiseShare(pair, share);
  return {
    engine: "zogy",
    convolvedSide: "both",
    growPx: Math.max(reachOf(fields.science, CARRIED), reachOf(fields.reference, CARRIED)),
    kernelHalfPx: Math.max(fields.science.halfPx, fields.reference.halfPx),
    psf: fields.psf,
    white: true,
    kernel: {
      offered: psfs.offered,
      used: psfs.used,
      clipped: psfs.offered - psfs.used,
      conditionNumber: null,
      sum: psfs.fluxRatio,
      orders: [psfs.science, psfs.reference].map(({ field }) => field.orders[0]).join(","),
      chi2: null,
    },
    noiseShare: share,
    strips: () => differenceStrips(quieter, fields, options, stripsTo(pair.height)),
  };
}

/** Looks at some strips of the difference before all is made. */
async function measureShare(
  pair: AlignedPair,
  fields: ZogyFields,
  options: ZogyOptions,
): Promise<number> {
  const { width, height, quiet, science, reference } = pair;
  if (quiet === undefined) return 1;
  const samples = sampleRows(height);
  const pixels = samples.reduce((sum, { rows }) => sum + rows * width, 0);
  const difference = new Float32Array(pixels), variance = new Float32Array(pixels);
  let at = 0;
  for await (const strip of differenceStrips(pair, fields, options, samples)) {
    difference.set(strip.difference, at);
    variance.set(strip.variance, at);
    at += strip.difference.length;
  }
  const sky = { width, quiet, masks: [science.mask, reference.mask] } as const;
  return await noiseShare(options.compute, sky, samples, { difference, variance });
}

/** Strips that cover all rows. */
function stripsTo(height: number): SampleRows[] {
  return Array.from({ length: Math.ceil(height / STRIP_ROWS) }, (_, k) => {
    const firstRow = k * STRIP_ROWS;
    return { firstRow, rows: Math.min(STRIP_ROWS, height - firstRow) };
  });
}

/** Rows of a strip. */
const STRIP_ROWS = 256;

async function* differenceStrips(
  pair: AlignedPair,
  fields: ZogyFields,
  options: ZogyOptions,
  ranges: readonly SampleRows[],
): AsyncGenerator<DifferenceStrip> {
  const { width, height, science, reference } = pair;
  const background = backgroundOf(pair, fields.psfs.fluxRatio);
  const sides = [
    filtered(science, pair, fields.science),
    filtered(reference, pair, fields.reference),
  ] as const;
  const strip = () => new Float32Array(Math.min(STRIP_ROWS, height) * width);
  const buffers = { a: strip(), b: strip(), va: strip(), vb: strip() };
  for (const { firstRow, rows } of ranges) {
    const part = (data: Float32Array) => data.subarray(0, rows * width);
    const [a, b, va, vb] = [buffers.a, buffers.b, buffers.va, buffers.vb].map(part);
    const filter = { ...options, firstRow, rows, width, height };
    await filterRows(sides[0], filter, a!, va!);
    await filterRows(sides[1], filter, b!, vb!);
    for (let i = 0; i < a!.length; i++) {
      const at = firstRow * width + i, x = i % width, y = firstRow + Math.floor(i / width);
      const known = Number.isFinite(science.data[at]!) && Number.isFinite(reference.data[at]!);
      a![i] = known ? a![i]! - b![i]! - background(x, y) : NaN;
      va![i] = sides[0].gain * va![i]! + sides[1].gain * vb![i]!;
    }
    yield { firstRow, rows, difference: a!, variance: va! };
  }
}

interface Filtered {
  /** ADU, the sky as a whole taken off, 0 where there is no data. */
  readonly flat: Float32Array;
  readonly noise: Float32Array;
  readonly mesh: KernelMesh;
  readonly squared: KernelMesh;
  /** What the correlation of the noise makes of its variance under the kernel. */
  readonly gain: number;
}

function filtered(image: PairImage, pair: AlignedPair, field: KernelField): Filtered {
  const { width, height } = pair;
  return {
    flat: image.data.map((value) => Number.isFinite(value) ? value - image.skyAdu : 0),
    noise: varianceIn(image, pair, { left: 0, top: 0, width, height }),
    mesh: kernelMesh(field),
    squared: kernelMesh(field, { of: "square" }),
    gain: correlatedGain(field, varianceFactor(field, image.correlation)),
  };
}

async function filterRows(
  side: Filtered,
  how: ZogyOptions & { firstRow: number; rows: number; width: number; height: number },
  signal: Float32Array,
  variance: Float32Array,
): Promise<void> {
  const { compute, firstRow, rows, width, height } = how;
  const range = { firstRow, rows, signal: how.signal };
  await convolveVarying(compute, { data: side.flat, width, height }, side.mesh, range, signal);
  await convolveVarying(
    compute,
    { data: side.noise, width, height },
    side.squared,
    range,
    variance,
  );
}

/** The skies differ by a surface of second order at most; what is left is for the mesh of the stage. */
const BACKGROUND_ORDER = 2;
const BACKGROUND_GRID = 12;

function backgroundOf(pair: AlignedPair, fluxRatio: number): (x: number, y: number) => number {
  const { width, height, science, reference } = pair;
  const order = BACKGROUND_ORDER, terms = polynomialTerms(order);
  const values = (x: number, y: number) => polynomialValues(x, y, { width, height, order });
  const matrix = new Float64Array(terms * terms), vector = new Float64Array(terms);
  for (let k = 0; k < BACKGROUND_GRID ** 2; k++) {
    const x = (((k % BACKGROUND_GRID) + 0.5) / BACKGROUND_GRID) * (width - 1);
    const y = ((Math.floor(k / BACKGROUND_GRID) + 0.5) / BACKGROUND_GRID) * (height - 1);
    const left = science.skyAt(x, y) - science.skyAdu -
      fluxRatio * (reference.skyAt(x, y) - reference.skyAdu);
    const f = values(x, y);
    for (let a = 0; a < terms; a++) {
      vector[a]! += f[a]! * left;
      for (let b = 0; b < terms; b++) matrix[a * terms + b]! += f[a]! * f[b]!;
    }
  }
  const coefficients = solveScaled(matrix, vector);
  return (x, y) => {
    const f = values(x, y);
    return coefficients.reduce((sum, c, t) => sum + c * f[t]!, 0);
  };
}
