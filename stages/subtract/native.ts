/**
 * The native engine: Alard & Lupton (1998).
 *
 * @module
 */

import type { Compute } from "../../gpu/compute.ts";
import { convolveVarying } from "../../gpu/kernels/convolve_varying/convolve_varying.ts";
import { fitKernel, type KernelFit, type KernelFitOptions } from "./fit_kernel.ts";
import { correlatedGain, varianceIn } from "./noise.ts";
import type { AlignedPair, DifferenceStrip, EngineResult } from "./pair.ts";

/** What the native engine can be told. */
export interface NativeOptions extends KernelFitOptions {
  /** Where the images are convolved. */
  readonly compute: Compute;
  readonly signal?: AbortSignal;
}

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
  const fit = await Promise.resolve(fitKernel(pair, options));
  return {
    engine: "native",
    convolvedSide: fit.side,
    growPx: fit.growPx,
    field: fit.field,
    kernel: fit.metrics,
    strips: () => differenceStrips(pair, fit, options),
  };
}

/** Rows of a strip. */
const STRIP_ROWS = 256;

async function* differenceStrips(
  pair: AlignedPair,
  fit: KernelFit,
  options: NativeOptions,
): AsyncGenerator<DifferenceStrip> {
  const { width, height } = pair;
  const { side, field } = fit;
  const [sharp, broad] = side === "reference"
    ? [pair.reference, pair.science]
    : [pair.science, pair.reference];
  const abort = options.signal === undefined ? {} : { signal: options.signal };
  const flat = sharp.data.map((value) => Number.isFinite(value) ? value - sharp.skyAdu : 0);
  const noise = varianceIn(sharp, pair, { left: 0, top: 0, width, height });
  const gain = correlatedGain(field, sharp.correlation);
  const unit = side === "reference" ? 1 : -1 / fit.scale;
  for (let firstRow = 0; firstRow < height; firstRow += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, height - firstRow);
    const range = { y0: firstRow, y1: firstRow + rows, ...abort };
    const difference = convolveVarying(flat, field, range);
    const variance = convolveVarying(noise, field, { ...range, squared: true });
    const own = varianceIn(broad, pair, { left: 0, top: firstRow, width, height: rows });
    for (let i = 0; i < difference.length; i++) {
      const at = firstRow * width + i, x = i % width, y = firstRow + Math.floor(i / width);
      const known = Number.isFinite(sharp.data[at]!) && Number.isFinite(broad.data[at]!);
      const model = difference[i]! + fit.backgroundAt(x, y);
      difference[i] = known ? (broad.data[at]! - broad.skyAdu - model) * unit : NaN;
      variance[i] = (gain * variance[i]! + own[i]!) * unit * unit;
    }
    yield { firstRow, rows, difference, variance };
  }
}
