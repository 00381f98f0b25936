/**
 * Resamples frames to one grid and combines them, strip by strip.
 *
 * @module
 */

import { type ImageReader, openImage } from "../../fits/image.ts";
import {
  clipStack,
  type ClipStackOptions,
  type CombineMethod,
} from "../../gpu/kernels/clip_stack/clip_stack.ts";
import { fillGaps } from "../../gpu/kernels/reduce/fill_gaps.ts";
import type { ResampleKernel } from "../../gpu/kernels/resample/kernel_table.ts";
import {
  type CoordinateMesh,
  coordinateMesh,
  sourceRows,
} from "../../gpu/kernels/resample/mesh.ts";
import { kernelReach, resampleStrip } from "../../gpu/kernels/resample/resample.ts";
import { bit } from "../../sky/mask.ts";
import { EXCLUDED, type StackFrame } from "./frames.ts";
import type { Grid } from "./grid.ts";
import { joinStrip } from "./join_strip.ts";

/** How frames are combined. */
export interface CombineOptions {
  readonly method: CombineMethod;
  readonly clipSigma: number;
  readonly clipRelative: number;
  readonly kernel: ResampleKernel;
  /** What is taken off before resampling. */
  readonly background: "mesh" | "constant" | "none";
  /** `[frames]`, shares in a mean. */
  readonly weights: readonly number[];
  readonly signal: AbortSignal;
}

/** Some rows of a stack. */
export interface StackStrip {
  readonly firstRow: number;
  /** `[rows, width]`, ADU; 0 where no frame has a sample. */
  readonly data: Float32Array;
  /** `[rows, width]`, bit planes. */
  readonly mask: Uint16Array;
  /** `[rows, width]`, inverse variance, 1/ADU²; 0 where no frame has a sample. */
  readonly weight: Float32Array;
}

/** A frame resampled to some rows of the grid. */
export interface Layer {
  readonly frame: StackFrame;
  readonly weight: number;
  readonly data: Float32Array;
  readonly mask: Uint16Array;
}

/** Bytes that the layers of a strip may take. */
const LAYER_BYTES = 500_000_000;
const REPAIRED = bit("BAD", "NO_DATA", "CR");
const NO_DATA = bit("NO_DATA");
const SAT = bit("SAT");

/** An open frame and where the grid lies in it. */
interface Source {
  readonly frame: StackFrame;
  readonly weight: number;
  readonly image: ImageReader;
  readonly mask: ImageReader | undefined;
  readonly mesh: CoordinateMesh;
}

/**
 * Combines frames on a grid. Memory does not depend on the size of the frames,
 * but for the rows of one frame that a strip needs, nor on their number.
 *
 * @param frames The frames, at least one.
 * @param grid The grid of the stack.
 * @param options How.
 * @returns Strips of the stack from its first row to its last; their arrays are used again.
 */
export async function* combineFrames(
  frames: readonly StackFrame[],
  grid: Grid,
  options: CombineOptions,
): AsyncGenerator<StackStrip> {
  const sources: Source[] = [];
  try {
    for (const [k, frame] of frames.entries()) {
      sources.push(await openSource(frame, grid, options.weights[k]!));
    }
    const room = LAYER_BYTES / (6 * grid.width * frames.length);
    const step = Math.max(8, Math.min(512, Math.floor(room), grid.height));
    const layers = sources.map(() => ({
      data: new Float32Array(step * grid.width),
      mask: new Uint16Array(step * grid.width),
    }));
    for (let firstRow = 0; firstRow < grid.height; firstRow += step) {
      const rows = Math.min(step, grid.height - firstRow);
      const filled: Layer[] = [];
      for (const [k, source] of sources.entries()) {
        options.signal.throwIfAborted();
        const data = layers[k]!.data.subarray(0, rows * grid.width);
        const mask = layers[k]!.mask.subarray(0, rows * grid.width);
        const target = { width: grid.width, firstRow, rows, data, mask };
        if (!await resampleSource(source, target, options)) continue;
        filled.push({ frame: source.frame, weight: source.weight, data, mask });
      }
      yield { firstRow, ...combineLayers(filled, rows * grid.width, options) };
    }
  } finally {
    for (const source of sources) {
      source.image.close();
      source.mask?.close();
    }
  }
}

async function openSource(frame: StackFrame, grid: Grid, weight: number): Promise<Source> {
  const mesh = coordinateMesh((x, y) => {
    const [raDeg, decDeg] = grid.wcs.pixelToSky(x, y);
    return frame.wcs.skyToPixel(raDeg, decDeg);
  }, grid);
  const image = await openImage(frame.product.path);
  try {
    const mask = frame.maskPath === undefined ? undefined : await openImage(frame.maskPath);
    return { frame, weight, image, mask, mesh };
  } catch (error) {
    image.close();
    throw error;
  }
}

interface Target {
  readonly width: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly data: Float32Array;
  readonly mask: Uint16Array;
}

/** Fills rows of the grid from one frame; false if the frame does not reach them. */
async function resampleSource(
  { frame, image, mask, mesh }: Source,
  target: Target,
  options: CombineOptions,
): Promise<boolean> {
  const { kernel } = options;
  const reach = kernelReach(kernel);
  const { firstRow, rows } = sourceRows(mesh, target, { height: frame.height, reach });
  if (rows === 0) return false;
  const data = await image.readRows(firstRow, rows);
  const planes = await mask?.readRowsUint16(firstRow, rows) ?? new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) if (data[i] !== data[i]) planes[i]! |= NO_DATA;
  if (mask === undefined) markSaturated(data, planes, frame.saturationAdu);
  takeBackground(frame, data, firstRow, options.background);
  fillGaps(data, planes, { width: frame.width, bits: REPAIRED });
  resampleStrip({ width: frame.width, firstRow, rows, data, mask: planes }, mesh, target, {
    kernel,
    scale: frame.scale,
  });
  return true;
}

/** A frame without a mask may be saturated all the same. */
function markSaturated(data: Float32Array, planes: Uint16Array, levelAdu: number): void {
  for (let i = 0; i < data.length; i++) if (data[i]! >= levelAdu) planes[i]! |= SAT;
}

function takeBackground(
  { background }: StackFrame,
  data: Float32Array,
  firstRow: number,
  choice: CombineOptions["background"],
): void {
  if (choice === "mesh") background.subtract(data, firstRow);
  if (choice !== "constant") return;
  const level = background.globalLevel;
  for (let i = 0; i < data.length; i++) data[i] = data[i]! - level;
}

function combineLayers(
  layers: readonly Layer[],
  pixels: number,
  options: CombineOptions,
): Omit<StackStrip, "firstRow"> {
  if (layers.length === 0) {
    const mask = new Uint16Array(pixels).fill(NO_DATA);
    return { data: new Float32Array(pixels), mask, weight: new Float32Array(pixels) };
  }
  const sigmas = layers.map(({ frame }) => frame.skySigmaAdu * frame.scale);
  const clip: ClipStackOptions = {
    method: options.method,
    clipSigma: options.clipSigma,
    sigmaFloor: Math.max(...sigmas),
    sigmaRelative: options.clipRelative,
    weights: layers.map(({ weight }) => weight),
    variances: sigmas.map((sigma) => sigma ** 2),
  };
  return joinStrip(layers, EXCLUDED, (data) => clipStack(data, clip));
}
