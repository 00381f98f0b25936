/**
 * The native engine: Alard & Lupton (1998).
 *
 * @module
 */

import { tileShift } from "../../../gpu/kernels/convolve_varying/convolve_varying.ts";
import { type KernelMesh, kernelMesh } from "../../../gpu/kernels/convolve_varying/kernel_mesh.ts";
import {
  type Subtraction,
  subtractRows,
  type Surfaces,
  surfacesOf,
} from "../../../gpu/kernels/convolve_varying/subtract_rows.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { fitKernel, type KernelFit, type KernelFitOptions } from "../fit/fit_kernel.ts";
import { correlatedGain, varianceFactor } from "../noise.ts";
import { joinWeights, type WeightPart } from "./joint_weight.ts";
import { noiseShare, SAMPLE_ROWS, sampleRows, withNoiseShare } from "./noise_share.ts";
import type { AlignedPair, DifferenceStrip, EngineResult, PairImage } from "../pair.ts";
import { SharedArrays } from "../shared_arrays.ts";
import { together } from "../../../config/together.ts";

/** What the native engine can be told. */
export type NativeOptions = KernelFitOptions;

/**
 * Subtracts one image of a pair from the other with a kernel fitted to the stars.
 *
 * @param pair The images on one grid, with masks, and the stars.
 * @param options Orders, direction, device.
 * @returns The difference in ADU of the science frame, with its variance.
 * @throws {DataError} If fewer than three stars fit.
 */
export async function subtractNative(
  pair: AlignedPair,
  options: NativeOptions,
): Promise<EngineResult> {
  return await subtractFitted(pair, await fitKernel(pair, options), options);
}

/**
 * Subtracts with a kernel that was fitted.
 *
 * @param pair The images on one grid, with masks.
 * @param fitted The kernel, and which image it convolves.
 * @param options Device.
 * @returns The difference in ADU of the science frame, with its variance.
 */
export async function subtractFitted(
  pair: AlignedPair,
  fitted: KernelFit,
  options: NativeOptions,
): Promise<EngineResult> {
  const fit = meshed(fitted);
  const share = pair.quiet ? await measureShare(pair, fit, pair.quiet, options) : 1;
  const quieter = withNoiseShare(pair, share);
  return {
    engine: "native",
    convolvedSide: fit.side,
    growPx: fit.growPx,
    kernelHalfPx: fit.field.halfPx,
    field: fit.field,
    kernel: fit.metrics,
    noiseShare: share,
    strips: () => differenceStrips(quieter, fit, options),
  };
}

/** A kernel, and itself as the images are convolved with it. */
interface MeshedFit extends KernelFit {
  readonly mesh: KernelMesh;
}

function meshed(fitted: KernelFit): MeshedFit {
  return { ...fitted, mesh: kernelMesh(fitted.field, { of: "both" }) };
}

/**
 * Measures how much of the variance of the skies is noise, by a difference that is not kept.
 *
 * @param pair The images on one grid, with masks, and the stars.
 * @param options Orders, direction, device.
 * @returns At most 1; 1 where no bare sky is known.
 * @throws {DataError} If fewer than three stars fit.
 */
export async function skyShare(pair: AlignedPair, options: NativeOptions): Promise<number> {
  if (pair.quiet === undefined) return 1;
  return await measureShare(pair, meshed(await fitKernel(pair, options)), pair.quiet, options);
}

/** Looks at some strips of the difference before all is made. */
async function measureShare(
  pair: AlignedPair,
  fit: MeshedFit,
  quiet: Uint8Array,
  options: NativeOptions,
): Promise<number> {
  const { width, height, science, reference } = pair;
  const { compute, signal } = options;
  using arrays = new SharedArrays(compute);
  const samples = sampleRows(height).map((firstRow) => ({ firstRow, rows: SAMPLE_ROWS }));
  const parts = partsOf(pair, fit, weightOf(pair, fit, samples, arrays));
  const strips = await together(samples.map(async ({ firstRow, rows }) => {
    const into = { difference: arrays.floats(rows * width), variance: arrays.floats(rows * width) };
    await subtractRows(compute, parts, { firstRow, rows, signal }, into);
    return { firstRow, rows, ...into };
  }));
  const isQuiet = (i: number) =>
    quiet[i] === 1 && ((science.mask[i]! | reference.mask[i]!) & UNUSABLE) === 0;
  return noiseShare(strips, isQuiet, width);
}

/** Rows of a strip: whole tiles of the kernel. */
const STRIP_ROWS = 512;

async function* differenceStrips(
  pair: AlignedPair,
  fit: MeshedFit,
  options: NativeOptions,
): AsyncGenerator<DifferenceStrip> {
  const { width, height } = pair;
  const { compute, signal } = options;
  using arrays = new SharedArrays(compute);
  const all = [{ firstRow: 0, rows: height }];
  const parts = partsOf(pair, fit, weightOf(pair, fit, all, arrays));
  const pixels = Math.min(STRIP_ROWS, height) * width;
  const room = () => ({ difference: arrays.floats(pixels), variance: arrays.floats(pixels) });
  const rooms = [room(), room()];
  const begin = async (firstRow: number): Promise<DifferenceStrip> => {
    const rows = Math.min(STRIP_ROWS, height - firstRow);
    const { difference, variance } = rooms[(firstRow / STRIP_ROWS) % 2]!;
    const part = (array: typeof difference) => array.subarray(0, rows * width);
    const into = { difference: part(difference), variance: part(variance) };
    await subtractRows(compute, parts, { firstRow, rows, signal }, into);
    return { firstRow, rows, ...into };
  };
  // the next strip is made while one is taken
  let next: Promise<DifferenceStrip> | undefined = begin(0);
  try {
    for (let firstRow = STRIP_ROWS; next !== undefined; firstRow += STRIP_ROWS) {
      const strip: DifferenceStrip = await next;
      next = firstRow < height ? begin(firstRow) : undefined;
      next?.catch(() => undefined); // told where it is waited for
      yield strip;
    }
  } finally {
    await next?.catch(() => undefined); // it uses memory that is freed now
  }
}

/** Which image is convolved and which is not. */
function sidesOf(pair: AlignedPair, fit: KernelFit): readonly [sharp: PairImage, broad: PairImage] {
  const { science, reference } = pair;
  return fit.side === "reference" ? [reference, science] : [science, reference];
}

/** The weight map of the image that has one, or of both in the rows that are wanted. */
function weightOf(
  pair: AlignedPair,
  fit: KernelFit,
  wanted: readonly Pick<DifferenceStrip, "firstRow" | "rows">[],
  arrays: SharedArrays,
): Float32Array<ArrayBufferLike> | undefined {
  const { width, height } = pair;
  const [sharp, broad] = sidesOf(pair, fit);
  if (!sharp.coverage || !broad.coverage) return (sharp.coverage ?? broad.coverage)?.weight;
  const factor = varianceFactor(fit.field, sharp.correlation)((width - 1) / 2, (height - 1) / 2);
  const part = ({ weight, unit }: typeof sharp.coverage, moved: number): WeightPart => {
    return { weight, weighted: moved * unit ** 2 };
  };
  const joint = arrays.floats(width * height);
  const [convolved, own] = [part(sharp.coverage, factor), part(broad.coverage, 1)];
  for (const { firstRow, rows } of wanted) {
    joinWeights(convolved, own, [firstRow * width, (firstRow + rows) * width], joint);
  }
  return joint;
}

function partsOf(
  pair: AlignedPair,
  fit: MeshedFit,
  weight: Float32Array<ArrayBufferLike> | undefined,
): Subtraction {
  const { width, height } = pair;
  const [sharp, broad] = sidesOf(pair, fit);
  // A convolved science frame is brought back to its own ADU.
  const unit = fit.side === "reference" ? 1 : -1 / fit.scale;
  const gain = correlatedGain(fit.field, sharp.correlation);
  return {
    convolved: { width, height, data: sharp.data },
    level: sharp.skyAdu,
    own: { width, height, data: broad.data },
    weight,
    mesh: fit.mesh,
    surfaces: surfacesFor(pair, fit, unit),
    unit,
    convolvedPhotons: gain * unit ** 2 / sharp.gainEAdu,
    ownPhotons: unit ** 2 / broad.gainEAdu,
  };
}

/** Nodes along the longer side of the surfaces at least, where they lie closer than a square of the sky. */
const SURFACE_NODES = 32;

function surfacesFor(pair: AlignedPair, fit: KernelFit, unit: number): Surfaces {
  const [sharp, broad] = sidesOf(pair, fit);
  const factor = varianceFactor(fit.field, sharp.correlation);
  const shift = Math.floor(Math.log2(Math.max(pair.width, pair.height) / SURFACE_NODES));
  return surfacesOf(
    pair,
    Math.max(tileShift(pair.width, pair.height), Math.min(6, shift)),
    (x, y) => {
      const kernel = factor(x, y);
      const convolvedSigma = sharp.sigmaAt(x, y), ownSigma = broad.sigmaAt(x, y);
      const moved = unit ** 2 * kernel, still = unit ** 2;
      return {
        convolvedSky: sharp.skyAt(x, y) - sharp.skyAdu,
        convolvedSigma,
        ownSky: broad.skyAt(x, y),
        ownSigma,
        skyVariance: (sharp.coverage ? 0 : moved * convolvedSigma ** 2) +
          (broad.coverage ? 0 : still * ownSigma ** 2),
        model: broad.skyAdu + fit.backgroundAt(x, y),
        weighted: (sharp.coverage ? moved * sharp.coverage.unit ** 2 : 0) +
          (broad.coverage ? still * broad.coverage.unit ** 2 : 0),
      };
    },
  );
}
