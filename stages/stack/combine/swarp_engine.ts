/**
 * Stacks with SWarp: the same inputs and outputs as the native engine.
 *
 * @module
 */

import { join } from "node:path";
import { makeScratchFolder } from "../../../config/scratch_folder.ts";
import { runSwarp, type SwarpInput } from "../../../external/swarp.ts";
import { FitsHeader } from "../../../fits/header.ts";
import { createImage, openImage } from "../../../fits/image.ts";
import type { CombineMethod } from "../../../gpu/kernels/clip_stack/clip_stack.ts";
import { bit } from "../../../sky/mask.ts";
import type { StageContext } from "../../stage.ts";
import { combineFrames, type CombineOptions, gridMesh, type StackStrip } from "./combine.ts";
import { EXCLUDED, type StackFrame } from "../frames/frames.ts";
import type { Grid } from "../frames/grid.ts";
import { interpolationNoise } from "../noise/interpolation_noise.ts";

/** SWarp's names for the ways to combine. */
const COMBINE_TYPES: Readonly<Record<CombineMethod, string>> = {
  median: "MEDIAN",
  mean: "WEIGHTED",
  "clipped-mean": "CLIPPED",
  "clipped-median": "MEDIAN", // SWarp cannot clip a median, which hardly needs it
};

const RESAMPLING_TYPES = {
  lanczos2: "LANCZOS2",
  lanczos3: "LANCZOS3",
  lanczos4: "LANCZOS4",
  bilinear: "BILINEAR",
  nearest: "NEAREST",
} as const;

/** What the SWarp engine needs besides the native options. */
export interface SwarpOptions extends CombineOptions {
  readonly meshPx: number;
  /** Folder for temporary files; they are removed. */
  readonly folder: string;
  readonly context: StageContext;
}

/**
 * Combines frames with SWarp.
 *
 * Masked pixels get weight 0 and flux scales go in as FLXSCALE. The mask of the
 * stack, which SWarp does not make, comes from the native engine's masks.
 *
 * @param frames The frames.
 * @param grid The grid of the stack.
 * @param options How.
 * @returns Strips of the stack.
 */
export async function* combineWithSwarp(
  frames: readonly StackFrame[],
  grid: Grid,
  options: SwarpOptions,
): AsyncGenerator<StackStrip> {
  const scratch = makeScratchFolder(".swarp-", options.folder);
  try {
    const inputs: SwarpInput[] = [];
    for (const [index, frame] of frames.entries()) {
      options.signal.throwIfAborted();
      const weight = join(scratch, `${index}.weight.fits`);
      await writeWeight(frame, weight, options.signal);
      inputs.push({ image: frame.product.path, weight, head: headText(frame) });
    }
    const output = join(scratch, "stack.fits");
    const outputWeight = join(scratch, "stack.weight.fits");
    await runSwarp(options.context.tools, {
      inputs,
      output,
      outputWeight,
      outputHead: gridText(grid),
      config: options.context.site.file("7dt.swarp"),
      settings: swarpSettings(options),
    });
    const native = combineFrames(frames, grid, options);
    yield* joinOutputs(output, outputWeight, native, 1 / meanNoise(frames, grid, options));
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function swarpSettings(options: SwarpOptions): Readonly<Record<string, string | number>> {
  return {
    COMBINE_TYPE: options.method === "mean" && isEqual(options.weights)
      ? "AVERAGE"
      : COMBINE_TYPES[options.method],
    CLIP_SIGMA: options.clipSigma,
    CLIP_AMPFRAC: options.clipSigma * options.clipRelative,
    RESAMPLING_TYPE: RESAMPLING_TYPES[options.kernel],
    SUBTRACT_BACK: options.background === "none" ? "N" : "Y",
    BACK_TYPE: "AUTO",
    BACK_SIZE: options.background === "constant" ? 100_000 : options.meshPx,
    WEIGHT_TYPE: "MAP_WEIGHT",
    RESCALE_WEIGHTS: "N",
    BLANK_BADPIXELS: "Y",
  };
}

function isEqual(weights: readonly number[]): boolean {
  return weights.every((weight) => weight === weights[0]);
}

/** Inverse variance of each pixel of a frame, 0 where it is masked. */
async function writeWeight(frame: StackFrame, path: string, signal: AbortSignal): Promise<void> {
  const { width, height } = frame;
  using image = await openImage(frame.product.path);
  using mask = frame.maskPath === undefined ? undefined : await openImage(frame.maskPath);
  await using writer = await createImage(path, { width, height });
  const good = 1 / frame.skySigmaAdu ** 2;
  const step = Math.min(512, height);
  for (let y = 0; y < height; y += step) {
    signal.throwIfAborted();
    const rows = Math.min(step, height - y);
    const data = await image.readRows(y, rows);
    const planes = await mask?.readRowsUint16(y, rows);
    frame.weightless?.erase(new Uint8Array(data.buffer, data.byteOffset), y, rows, false);
    for (let i = 0; i < data.length; i++) {
      const usable = data[i] === data[i] && ((planes?.[i] ?? 0) & EXCLUDED) === 0;
      data[i] = usable ? good : 0;
    }
    await writer.writeRows(data);
  }
  await writer.finish();
}

function headText(frame: StackFrame): string {
  return frame.wcs.cards().set("FLXSCALE", frame.scale).toText();
}

function gridText({ wcs, width, height }: Grid): string {
  const header = FitsHeader.from({ NAXIS: 2, NAXIS1: width, NAXIS2: height });
  return header.append(wcs.cards().cards).toText();
}

/** Share of the variance that interpolation, which SWarp's weights know nothing of, leaves in a pixel. */
function meanNoise(frames: readonly StackFrame[], grid: Grid, options: SwarpOptions): number {
  let [sum, total] = [0, 0];
  for (const [k, frame] of frames.entries()) {
    const weight = options.weights[k]!;
    sum += weight * interpolationNoise(gridMesh(frame, grid), frame, options.kernel);
    total += weight;
  }
  return sum / total;
}

/** Puts SWarp's values and weights, by a factor, in the place of the native ones, whose masks stay. */
async function* joinOutputs(
  output: string,
  outputWeight: string,
  native: AsyncIterable<StackStrip>,
  factor: number,
): AsyncGenerator<StackStrip> {
  using image = await openImage(output);
  using weights = await openImage(outputWeight);
  const noData = bit("NO_DATA");
  for await (const { firstRow, mask } of native) {
    const rows = mask.length / image.width;
    const data = await image.readRows(firstRow, rows);
    const weight = await weights.readRows(firstRow, rows);
    for (let i = 0; i < data.length; i++) {
      if (weight[i]! > 0 && data[i] === data[i]) {
        weight[i]! *= factor;
        mask[i]! &= ~noData;
        continue;
      }
      data[i] = 0;
      weight[i] = 0;
      mask[i]! |= noData;
    }
    yield { firstRow, data, mask, weight };
  }
}
