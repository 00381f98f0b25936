/**
 * The difference of an image and another one that is convolved with a varying kernel, with its variance.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { f32, type Param, type Pass, rowNumbers, type Slot, table, u32 } from "../../job.ts";
import {
  CONVOLVE,
  convolveParams,
  convolveScratch,
  paddedBytes,
  padPass,
  PIECE_ROWS,
  type RowRange,
  rowsOf,
  tileShift,
  type WholeImage,
  withHalo,
} from "./convolve_varying.ts";
import type { KernelMesh } from "../kernel_mesh/kernel_mesh.ts";

/** Smooth functions of the position, at nodes, bilinear between them. */
export interface Surfaces {
  /** log2 of the distance of the nodes, px; at least that of a tile's width, 4 up to 2048 px and 5 beyond. */
  readonly shift: number;
  /** Nodes along x; two beyond the last cell. */
  readonly columns: number;
  /** Nodes along y; two beyond the last cell. */
  readonly rows: number;
  /** `[7, rows, columns]`, in the order of {@linkcode SURFACE}. */
  readonly nodes: Float32Array;
}

/** What {@linkcode Surfaces} hold at a place; names as in {@linkcode Subtraction}. */
export interface SurfaceValues {
  /** Sky of the image that is convolved, above `level`, ADU. */
  readonly convolvedSky: number;
  /** Noise of that sky, ADU: what stands above it counts as light. */
  readonly convolvedSigma: number;
  /** Sky of the other image, ADU. */
  readonly ownSky: number;
  /** Noise of that sky, ADU. */
  readonly ownSigma: number;
  /** Variance of the difference by the skies, but for what `weight` tells of. */
  readonly skyVariance: number;
  /** The other image where the convolved one has nothing above `level`, ADU. */
  readonly model: number;
  /** Variance of the difference by the image with the weight, times that weight. */
  readonly weighted: number;
}

/** Planes of {@linkcode Surfaces.nodes}. */
export const SURFACE = {
  convolvedSky: 0,
  convolvedSigma: 1,
  ownSky: 2,
  ownSigma: 3,
  skyVariance: 4,
  model: 5,
  weighted: 6,
} as const satisfies Record<keyof SurfaceValues, number>;

/** What is subtracted from what. */
export interface Subtraction {
  /** The image that is convolved. */
  readonly convolved: WholeImage;
  /** Taken off it before, ADU. */
  readonly level: number;
  /** The other image. */
  readonly own: WholeImage;
  /** Inverse variance of one of them in any unit; over it `weighted` is divided. */
  readonly weight?: Float32Array<ArrayBufferLike> | undefined;
  /** The kernel and its square. */
  readonly mesh: KernelMesh;
  readonly surfaces: Surfaces;
  /** Factor on own − convolved. */
  readonly unit: number;
  /** Variance of the difference a unit of light of the convolved image, before K². */
  readonly convolvedPhotons: number;
  /** Variance of the difference a unit of light of the other image. */
  readonly ownPhotons: number;
}

/** Rows of the result. */
export interface SubtractedRows {
  /** `[rows, width]`, filled; NaN where the other image has no value. */
  readonly difference: Float32Array<ArrayBufferLike>;
  /** `[rows, width]`, filled. */
  readonly variance: Float32Array<ArrayBufferLike>;
}

/**
 * Evaluates surfaces at their nodes.
 *
 * @param size Size of the images, px.
 * @param shift log2 of the distance of the nodes, px; at least 4.
 * @param at Gives the values at a place within the images.
 */
export function surfacesOf(
  size: Pick<WholeImage, "width" | "height">,
  shift: number,
  at: (x: number, y: number) => SurfaceValues,
): Surfaces {
  const columns = ((size.width + 15) >> shift) + 2, rows = ((size.height + 15) >> shift) + 2;
  const count = columns * rows;
  const nodes = new Float32Array(7 * count);
  const inside = (v: number, end: number) => Math.max(0, Math.min(end - 1, v));
  const planes = Object.entries(SURFACE) as [keyof SurfaceValues, number][];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = column << shift, y = row << shift;
      const edgeX = inside(x, size.width), edgeY = inside(y, size.height);
      const values = at(edgeX, edgeY);
      // a node beyond the edge goes on as the surface came
      const before = edgeX === x && edgeY === y
        ? values
        : at(inside(2 * edgeX - x, size.width), inside(2 * edgeY - y, size.height));
      const i = row * columns + column;
      for (const [name, k] of planes) nodes[k * count + i] = 2 * values[name] - before[name];
    }
  }
  return { shift, columns, rows, nodes };
}

/**
 * Subtracts rows: `difference = (own − model − K ⊗ (convolved − level)) · unit`, and
 * `variance = skyVariance + K² ⊗ light(convolved) + light(own) + weighted / weight`.
 *
 * Light is what stands above the sky by more than one σ in a pixel and in the mean of 3 × 3 around it.
 * Beyond the border the nearest pixel is repeated; NaN in the convolved image counts as its level.
 *
 * @param compute Where.
 * @param parts What is subtracted from what.
 * @param range Which rows.
 * @param into Filled.
 */
export async function subtractRows(
  compute: Compute,
  parts: Subtraction,
  range: RowRange,
  into: SubtractedRows,
): Promise<void> {
  const { convolved, own, mesh, surfaces, weight } = parts;
  const { width } = own;
  if (surfaces.shift < tileShift(width, own.height)) {
    throw new RangeError(`surfaces with nodes every ${1 << surfaces.shift} px are too fine`);
  }
  // light is smoothed over one more row
  const halo = withHalo(own, range, mesh.halfPx + 1);
  const params = paramsOf(parts);
  const rowBytes = paddedBytes(width, mesh.halfPx);
  const slots: Slot[] = [
    rowsOf("input", convolved.data, width, halo.first, halo.count),
    rowNumbers(halo.first, halo.count),
    { role: "temporary", rowBytes },
    { role: "temporary", rowBytes: rowBytes + ((((width + 15) >> 4) + 31) & ~15) },
    rowsOf("input", own.data, width, halo.first, halo.count),
    table(mesh.nodes),
    table(surfaces.nodes),
    weight === undefined
      ? { role: "temporary", rowBytes: 0 }
      : rowsOf("input", weight, width, halo.first, halo.count),
    rowsOf("output", into.difference, width, 0, range.rows),
    rowsOf("output", into.variance, width, 0, range.rows),
  ];
  const photons: Pass = {
    ...{ kernel: CONVOLVE, entry: "photonRows", slots: [2, 6, 3], params },
    ...{ rows: "all", each: "row", scratchBytes: 64 },
  };
  const subtract: Pass = {
    ...{ kernel: CONVOLVE, entry: "subtractRows", slots: [2, 3, 4, 5, 6, 7, 8, 9], params },
    ...{ pieceRows: PIECE_ROWS, scratchBytes: convolveScratch(mesh) },
  };
  await compute.run({
    ...{ label: "subtract", width, rows: range.rows, top: halo.top, bottom: halo.bottom },
    ...{ halo: mesh.halfPx + 1, slots, passes: [padPass([0, 1, 2], params), photons, subtract] },
  }, range.signal);
}

function paramsOf(parts: Subtraction): Param[] {
  const { own, mesh, surfaces, unit } = parts;
  const nodes = surfaces.columns * surfaces.rows;
  return [
    ...convolveParams(own, mesh, { ...surfaces, nodes }),
    f32(parts.level),
    f32(parts.convolvedPhotons),
    f32(parts.ownPhotons),
    f32(unit),
    u32(parts.weight === undefined ? 0 : 1),
  ];
}
