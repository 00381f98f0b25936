/**
 * The native engine: Alard & Lupton (1998).
 *
 * @module
 */

import { tileShift } from "../../../gpu/kernels/convolve_varying/convolve_varying.ts";
import { kernelMesh } from "../../../gpu/kernels/kernel_mesh/kernel_mesh.ts";
import {
  type Subtraction,
  subtractRows,
  type Surfaces,
  surfacesOf,
} from "../../../gpu/kernels/convolve_varying/subtract_rows.ts";
import { fitKernel, type KernelFit, type KernelFitOptions } from "../fit/fit_kernel.ts";
import { correlatedGain, varianceFactor } from "../noise.ts";
import { joinWeights, type WeightPart } from "./joint_weight.ts";
import { noiseShare, quieterSurfaces, sampleRows } from "./noise_share.ts";
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
 * @param fit The kernel, and which image it convolves.
 * @param options Device.
 * @returns The difference in ADU of the science frame, with its variance.
 */
export async function subtractFitted(
  pair: AlignedPair,
  fit: KernelFit,
  options: NativeOptions,
): Promise<EngineResult> {
  const parts = partsOf(pair, fit);
  const share = await measureShare(pair, parts, options);
  const quieter = { ...parts, surfaces: quieterSurfaces(parts.surfaces, share) };
  return {
    engine: "native",
    convolvedSide: fit.side,
    growPx: fit.growPx,
    kernelHalfPx: fit.field.halfPx,
    field: fit.field,
    kernel: fit.metrics,
    noiseShare: share,
    strips: () => differenceStrips(pair, quieter, options),
  };
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
  return await measureShare(pair, partsOf(pair, await fitKernel(pair, options)), options);
}

/** Looks at some strips of the difference before all is made. */
async function measureShare(
  pair: AlignedPair,
  parts: UnweightedParts,
  { compute, signal }: NativeOptions,
): Promise<number> {
  const { width, height, quiet, science, reference } = pair;
  if (quiet === undefined) return 1;
  using arrays = new SharedArrays(compute);
  const samples = sampleRows(height);
  const weight = weightOf(pair, parts, samples, arrays);
  const pixels = samples.reduce((sum, { rows }) => sum + rows * width, 0);
  const all = { difference: arrays.floats(pixels), variance: arrays.floats(pixels) };
  let at = 0;
  await together(samples.map(({ firstRow, rows }) => {
    const part = (array: typeof all.difference) => array.subarray(at, at + rows * width);
    const into = { difference: part(all.difference), variance: part(all.variance) };
    at += rows * width;
    return subtractRows(compute, { ...parts, weight }, { firstRow, rows, signal }, into);
  }));
  const sky = { width, quiet, masks: [science.mask, reference.mask] } as const;
  return await noiseShare(compute, sky, samples, all);
}

/** Rows of a strip: whole tiles of the kernel. */
const STRIP_ROWS = 512;

async function* differenceStrips(
  pair: AlignedPair,
  unweighted: UnweightedParts,
  { compute, signal }: NativeOptions,
): AsyncGenerator<DifferenceStrip> {
  const { width, height } = pair;
  using arrays = new SharedArrays(compute);
  const weight = weightOf(pair, unweighted, [{ firstRow: 0, rows: height }], arrays);
  const parts = { ...unweighted, weight };
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

/** What is subtracted from what, but for weight maps, which are joined for the rows that are wanted. */
interface UnweightedParts extends Omit<Subtraction, "weight"> {
  /** The image that is convolved; the other one. */
  readonly sides: readonly [sharp: PairImage, broad: PairImage];
  /** On the variance of the sky of the first, at the middle of the field: the kernel's. */
  readonly factor: number;
}

/** The weight map of the image that has one, or of both in the rows that are wanted. */
function weightOf(
  { width, height }: AlignedPair,
  { sides: [sharp, broad], factor }: UnweightedParts,
  wanted: readonly Pick<DifferenceStrip, "firstRow" | "rows">[],
  arrays: SharedArrays,
): Float32Array<ArrayBufferLike> | undefined {
  if (!sharp.coverage || !broad.coverage) return (sharp.coverage ?? broad.coverage)?.weight;
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

function partsOf(pair: AlignedPair, fit: KernelFit): UnweightedParts {
  const { width, height } = pair;
  const [sharp, broad] = sidesOf(pair, fit);
  // A convolved science frame is brought back to its own ADU.
  const unit = fit.side === "reference" ? 1 : -1 / fit.scale;
  const factorAt = varianceFactor(fit.field, sharp.correlation);
  return {
    convolved: { width, height, data: sharp.data },
    level: sharp.skyAdu,
    own: { width, height, data: broad.data },
    mesh: kernelMesh(fit.field, { of: "both" }),
    surfaces: surfacesFor(pair, fit, unit, factorAt),
    unit,
    convolvedPhotons: correlatedGain(fit.field, factorAt) * unit ** 2 / sharp.gainEAdu,
    ownPhotons: unit ** 2 / broad.gainEAdu,
    sides: [sharp, broad],
    factor: factorAt((width - 1) / 2, (height - 1) / 2),
  };
}

/** Nodes along the longer side of the surfaces at least, where they lie closer than a square of the sky. */
const SURFACE_NODES = 32;

function surfacesFor(
  pair: AlignedPair,
  fit: KernelFit,
  unit: number,
  factorAt: (x: number, y: number) => number,
): Surfaces {
  const [sharp, broad] = sidesOf(pair, fit);
  const shift = Math.floor(Math.log2(Math.max(pair.width, pair.height) / SURFACE_NODES));
  return surfacesOf(
    pair,
    Math.max(tileShift(pair.width, pair.height), Math.min(6, shift)),
    (x, y) => {
      const convolvedSigma = sharp.sigmaAt(x, y), ownSigma = broad.sigmaAt(x, y);
      const moved = unit ** 2 * factorAt(x, y), still = unit ** 2;
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
