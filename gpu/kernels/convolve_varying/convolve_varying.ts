/**
 * Convolution with a kernel that varies over the image.
 *
 * The kernel is interpolated to the middle of each tile of 32 × 16 px, or of 16 × 8 px in images of up
 * to 2048 px, and held constant within it.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import {
  f32,
  type Kernel,
  type Param,
  type Pass,
  rowNumbers,
  type Slot,
  table,
  u32,
} from "../../job.ts";
import type { KernelField } from "./kernel_field.ts";
import { type KernelMesh, kernelMesh } from "../kernel_mesh/kernel_mesh.ts";
import wgsl from "./convolve_varying.wgsl" with { type: "text" };
import wasm from "./convolve_varying.wasm.b64" with { type: "text" };

/** The kernel. */
export const CONVOLVE: Kernel = { name: "convolve_varying", wgsl, wasm };

/** An image that is held whole. */
export interface WholeImage {
  /** `[height, width]`, row-major. */
  readonly data: Float32Array<ArrayBufferLike>;
  readonly width: number;
  readonly height: number;
}

/** Rows of an image, and what stops the work. */
export interface RowRange {
  readonly firstRow: number;
  readonly rows: number;
  readonly signal?: AbortSignal | undefined;
}

/** log2 of the width of a tile. */
export function tileShift(width: number, height: number): number {
  return Math.max(width, height) <= 2048 ? 4 : 5;
}

/** Bytes of a padded row. */
export function paddedBytes(width: number, halfPx: number): number {
  return 16 + (2 * halfPx + ((width + 15) & ~15) + 4) * 4;
}

/** Parameters that all entry points have. */
export function convolveParams(
  image: Pick<WholeImage, "width" | "height">,
  mesh: KernelMesh,
  surfaces: { readonly shift: number; readonly columns: number; readonly nodes: number },
): Param[] {
  return [
    u32(mesh.halfPx),
    u32(mesh.innerHalfPx ?? 0),
    u32(tileShift(image.width, image.height)),
    u32(mesh.shift),
    u32(mesh.columns),
    u32(surfaces.shift),
    u32(surfaces.columns),
    u32(surfaces.nodes),
  ];
}

/** Rows that a thread takes: those of one tile of the larger kind. */
export const PIECE_ROWS = 16;

/** Bytes of working memory: four blocks of 16 px, surfaces and the taps. */
export function convolveScratch(mesh: KernelMesh): number {
  const taps = (half: number) => ((2 * half + 1) ** 2 + 3) & ~3;
  return 384 + 4 * (taps(mesh.halfPx) + taps(mesh.innerHalfPx ?? 0));
}

/** Rows of an image around a range, as far as a kernel reaches. */
export function withHalo(
  image: Pick<WholeImage, "height">,
  range: RowRange,
  halo: number,
): {
  readonly first: number;
  readonly top: number;
  readonly bottom: number;
  readonly count: number;
} {
  const first = Math.max(0, range.firstRow - halo);
  const end = Math.min(image.height, range.firstRow + range.rows + halo);
  const top = range.firstRow - first;
  return { first, top, bottom: end - first - top - range.rows, count: end - first };
}

/** Rows of an array as a slot. */
export function rowsOf(
  role: "input" | "output",
  data: Float32Array<ArrayBufferLike>,
  width: number,
  first: number,
  count: number,
): Slot {
  const bytes = new Uint8Array(data.buffer, data.byteOffset + first * width * 4, count * width * 4);
  return { role, rowBytes: width * 4, bytes };
}

/** The pass that makes an image ready: its level taken off, gaps 0, edges repeated. */
export function padPass(slots: readonly [number, number, number], params: readonly Param[]): Pass {
  return { kernel: CONVOLVE, entry: "padRows", slots, params, rows: "all", each: "row" };
}

/**
 * Convolves rows of an image with a kernel that varies over it.
 *
 * `out(x, y) = Σ K(x, y; dx, dy) · image(x − dx, y − dy)`. Beyond the border the nearest pixel is
 * repeated; NaN counts as 0. Float32 sums: right to about 2⁻²⁴ · Σ |K| |image| times the root of
 * the number of taps.
 *
 * @param compute Where.
 * @param image The image.
 * @param mesh The kernel, from {@linkcode kernelMesh}; for variances its square.
 * @param range Which rows.
 * @param into `[rows, width]`, filled.
 */
export async function convolveVarying(
  compute: Compute,
  image: WholeImage,
  mesh: KernelMesh,
  range: RowRange,
  into: Float32Array<ArrayBufferLike>,
): Promise<void> {
  const { width } = image;
  const halo = withHalo(image, range, mesh.halfPx);
  const params = [
    ...convolveParams(image, mesh, { shift: 4, columns: 0, nodes: 0 }),
    f32(0),
  ];
  const slots: Slot[] = [
    rowsOf("input", image.data, width, halo.first, halo.count),
    rowNumbers(halo.first, halo.count),
    { role: "temporary", rowBytes: paddedBytes(width, mesh.halfPx) },
    table(mesh.nodes),
    rowsOf("output", into, width, 0, range.rows),
  ];
  const convolve: Pass = {
    ...{ kernel: CONVOLVE, entry: "convolveRows", slots: [2, 3, 4], params },
    ...{ pieceRows: PIECE_ROWS, scratchBytes: convolveScratch(mesh) },
  };
  await compute.run({
    ...{ label: "convolve", width, rows: range.rows, top: halo.top, bottom: halo.bottom },
    ...{ halo: mesh.halfPx, slots, passes: [padPass([0, 1, 2], params), convolve] },
  }, range.signal);
}

/**
 * Convolves a whole image.
 *
 * @param compute Where.
 * @param image The image.
 * @param field The kernel; its width and height are those of the image.
 * @param options `squared` convolves with the square of the kernel, as variances are.
 * @returns `[height, width]`.
 */
export async function convolveWhole(
  compute: Compute,
  image: WholeImage,
  field: KernelField,
  options: { readonly squared?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Float32Array> {
  const { width, height } = image;
  const out = new Float32Array(width * height);
  const mesh = kernelMesh(field, { of: options.squared ? "square" : "kernel" });
  const range = { firstRow: 0, rows: height, signal: options.signal };
  await convolveVarying(compute, image, mesh, range, out);
  return out;
}
