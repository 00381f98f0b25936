/**
 * The sky of a frame, from a sample of its pixels.
 *
 * @module
 */

import type { ImageReader } from "../../../fits/image.ts";
import type { Compute } from "../../../gpu/compute.ts";
import type { NodeSurface } from "../../../gpu/kernels/resample/resample_rows.ts";
import { type Background, BackgroundStrips } from "../../../sky/background.ts";
import { RowSampler } from "./row_sampler.ts";
import type { SpoiltPixels } from "./spoilt_pixels.ts";

/** Level and noise of the sky, and its level everywhere. */
export interface SkyModel extends NodeSurface {
  /** Median of the mesh, ADU. */
  readonly globalLevel: number;
  /** Median of the noise of the mesh, ADU. */
  readonly globalSigma: number;
}

/** A cell keeps at least this many samples along each side. */
const CELL_SAMPLES = 64;
/** Frames smaller than this are not sampled, px. */
const SMALL_FRAME = 4_000_000;

/** How the sky is measured. */
export interface SkyOptions {
  /** Side of a cell. */
  readonly meshPx: number;
  /** Planes whose pixels take no part. */
  readonly excluded: number;
  /** Pixels besides that take no part. */
  readonly weightless?: SpoiltPixels | undefined;
  /** Where it is measured. */
  readonly compute: Compute;
}

/**
 * Measures the sky of a frame on a mesh.
 *
 * Of large frames every 2nd or 4th pixel of every 2nd or 4th row is taken, so that a cell keeps
 * 64×64 of them: its level is then right to 0.02 of the noise of a pixel before the mesh is smoothed.
 *
 * @param image The frame.
 * @param mask Its mask, if it has one.
 * @param options Side of a cell and the pixels that take no part.
 * @returns The sky; its nodes lie on the spline of the mesh at a sixteenth of a cell.
 */
export async function measureSky(
  image: ImageReader,
  mask: ImageReader | undefined,
  options: SkyOptions,
): Promise<SkyModel> {
  const { width, height } = image;
  const step = sampleStep(width * height, options.meshPx);
  const columns = Math.ceil(width / step);
  const meshPx = options.meshPx / step;
  using strips = new BackgroundStrips(options.compute, columns, { meshPx });
  using sampler = new RowSampler(image, mask, step, options);
  for (let first = 0; first < height; first += options.meshPx) {
    const rows = Math.min(meshPx, Math.ceil((height - first) / step));
    const values = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      await sampler.take(first + row * step, values.subarray(row * columns, (row + 1) * columns));
    }
    await strips.push({ values });
  }
  const background = await strips.finish();
  const { globalLevel, globalSigma } = background;
  return { globalLevel, globalSigma, ...nodesOf(background, image, options.meshPx, step) };
}

function sampleStep(pixels: number, meshPx: number): number {
  if (pixels < SMALL_FRAME) return 1;
  return [4, 2].find((step) => meshPx % step === 0 && meshPx / step >= CELL_SAMPLES) ?? 1;
}

function nodesOf(
  background: Background,
  { width, height }: { readonly width: number; readonly height: number },
  meshPx: number,
  step: number,
): NodeSurface {
  const shift = Math.max(2, Math.floor(Math.log2(meshPx / 16)));
  const columns = ((width - 1) >> shift) + 2;
  const rows = ((height - 1) >> shift) + 2;
  const nodes = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      nodes[row * columns + column] = background.level(
        (column << shift) / step,
        (row << shift) / step,
      );
    }
  }
  return { shift, columns, nodes };
}

/** Sides of frames are smaller. */
const HUGE_SHIFT = 15;

/**
 * A sky that is the same everywhere.
 *
 * @param level ADU.
 * @returns A surface for every frame.
 */
export function flatSky(level: number): NodeSurface {
  return { shift: HUGE_SHIFT, columns: 3, nodes: new Float32Array(9).fill(level) };
}
