/**
 * Resamples an image onto another grid, strip by strip.
 *
 * @module
 */

import { type KernelTable, kernelTable, PHASES, type ResampleKernel } from "./kernel_table.ts";
import { type CoordinateMesh, interpolateRow, type MeshRow } from "./mesh.ts";

/** Some rows of the source image. */
export interface SourceWindow {
  /** Pixels a row of the source image. */
  readonly width: number;
  /** Row of the source image that the window begins with. */
  readonly firstRow: number;
  /** Rows in the window. */
  readonly rows: number;
  /** `[rows, width]`; NaN where there is no sample. */
  readonly data: Float32Array;
  /** `[rows, width]` bit planes. */
  readonly mask: Uint16Array;
}

/** Some rows of the target image, overwritten. */
export interface TargetStrip {
  /** Pixels a row of the target image. */
  readonly width: number;
  /** Row of the target image that the strip begins with. */
  readonly firstRow: number;
  /** Rows in the strip. */
  readonly rows: number;
  /** `[rows, width]`; NaN where the source has no sample. */
  readonly data: Float32Array;
  /** `[rows, width]`: bits of every source pixel that weighs in noticeably. */
  readonly mask: Uint16Array;
}

/** How {@linkcode resampleStrip} works. */
export interface ResampleOptions {
  /** How values between pixels are found. */
  readonly kernel: ResampleKernel;
  /** Factor on every value besides the area of the pixel; 1 if left out. */
  readonly scale?: number;
}

/** A source pixel passes its bits on when its weight is at least this. */
export const MASK_WEIGHT = 0.1;

/** Rows and columns a kernel needs on either side of a position. */
export function kernelReach(kernel: ResampleKernel): number {
  return Math.ceil(kernelTable(kernel).taps / 2) + 1;
}

/**
 * Resamples a strip of target rows.
 *
 * Each value is the kernel's weighted sum of source pixels times the area of the
 * target pixel in source pixels, so that the sum over a star stays the same. A
 * position whose footprint leaves the source image has no value (NaN).
 *
 * @param source The rows that `sourceRows()` names, or more.
 * @param mesh Source coordinates of target pixels.
 * @param target Rows to fill.
 * @param options Kernel and flux scale.
 */
export function resampleStrip(
  source: SourceWindow,
  mesh: CoordinateMesh,
  target: TargetStrip,
  options: ResampleOptions,
): void {
  const table = kernelTable(options.kernel);
  const dirty = touchedBases(source, table.taps);
  const coordinates: MeshRow = {
    x: new Float64Array(target.width),
    y: new Float64Array(target.width),
    area: new Float64Array(target.width),
  };
  for (let row = 0; row < target.rows; row++) {
    interpolateRow(mesh, target.firstRow + row, coordinates);
    const start = row * target.width;
    const end = start + target.width;
    const data = target.data.subarray(start, end);
    const mask = target.mask.subarray(start, end);
    sampleRow(source, dirty, coordinates, table, data, mask);
    const scale = options.scale ?? 1;
    for (let x = 0; x < target.width; x++) data[x] = data[x]! * coordinates.area[x]! * scale;
  }
}

/** Marks each first tap whose footprint holds a masked pixel. */
function touchedBases(source: SourceWindow, taps: number): Uint8Array {
  const { width, rows, mask } = source;
  const touched = new Uint8Array(width * rows);
  for (let y = 0, i = 0; y < rows; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (mask[i] === 0) continue;
      const left = Math.max(0, x - taps + 1);
      for (let base = Math.max(0, y - taps + 1); base <= y; base++) {
        touched.fill(1, base * width + left, base * width + x + 1);
      }
    }
  }
  return touched;
}

function sampleRow(
  source: SourceWindow,
  dirty: Uint8Array,
  coordinates: MeshRow,
  table: KernelTable,
  data: Float32Array,
  mask: Uint16Array,
): void {
  const { width, rows, firstRow, data: pixels } = source;
  const { taps, before, offset, weights } = table;
  const lastX = width - taps;
  const lastY = rows - taps;
  for (let i = 0; i < data.length; i++) {
    const sx = coordinates.x[i]! + offset;
    const sy = coordinates.y[i]! + offset - firstRow;
    const ix = Math.floor(sx);
    const iy = Math.floor(sy);
    const left = ix - before;
    const top = iy - before;
    mask[i] = 0;
    if (!(left >= 0 && left <= lastX && top >= 0 && top <= lastY)) {
      data[i] = NaN;
      continue;
    }
    const phaseX = Math.round((sx - ix) * PHASES) * taps;
    const phaseY = Math.round((sy - iy) * PHASES) * taps;
    const base = top * width + left;
    let sum = 0;
    for (let j = 0, at = base; j < taps; j++, at += width) {
      let line = 0;
      for (let k = 0; k < taps; k++) line += weights[phaseX + k]! * pixels[at + k]!;
      sum += weights[phaseY + j]! * line;
    }
    data[i] = sum;
    if (dirty[base] !== 0) mask[i] = footprintBits(source, base, table, phaseX, phaseY);
  }
}

function footprintBits(
  source: SourceWindow,
  base: number,
  { taps, weights }: KernelTable,
  phaseX: number,
  phaseY: number,
): number {
  let bits = 0;
  for (let j = 0; j < taps; j++) {
    const weightY = weights[phaseY + j]!;
    for (let k = 0; k < taps; k++) {
      const pixel = source.mask[base + j * source.width + k]!;
      if (pixel !== 0 && Math.abs(weightY * weights[phaseX + k]!) >= MASK_WEIGHT) bits |= pixel;
    }
  }
  return bits;
}
