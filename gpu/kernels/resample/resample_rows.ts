/**
 * Makes rows of a frame ready and resamples them, on the chosen backend.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { f32, type Kernel, type Pass, rowNumbers, type Slot, table, u32 } from "../../job.ts";
import { type FixedMesh, meshRows } from "./fixed_mesh.ts";
import { kernelTable, PHASES, type ResampleKernel, weightsAt } from "./kernel_table.ts";
import { MASK_WEIGHT } from "./resample.ts";
import wgsl from "./resample.wgsl" with { type: "text" };
import wasm from "./resample.wasm.b64" with { type: "text" };

/** The kernel. */
export const RESAMPLE: Kernel = { name: "resample", wgsl, wasm };

/** A surface through nodes every 2^shift px, bilinear between them. */
export interface NodeSurface {
  /** log2 of the distance of the nodes, px; at least 2. */
  readonly shift: number;
  /** Nodes along x: one beyond the last column at least. */
  readonly columns: number;
  /** `[rows, columns]`; one row beyond the last row of the frame at least. */
  readonly nodes: Float32Array<ArrayBufferLike>;
}

/** Rows of a frame as they were read. */
export interface RawRows {
  /** Pixels a row. */
  readonly width: number;
  /** Number of the first row in the frame. */
  readonly firstRow: number;
  /** How many. */
  readonly rows: number;
  /** `[rows, width]` float32. */
  readonly pixels: Uint8Array<ArrayBufferLike>;
  /** Whether the pixels are big-endian, as in a FITS file. */
  readonly swapPixels: boolean;
  /** `[rows, width]` uint16 planes, if the frame has a mask. */
  readonly mask?: Uint8Array<ArrayBufferLike>;
  /** Whether the planes are big-endian with an offset of 32768, as in a FITS file. */
  readonly swapMask: boolean;
}

/** What {@linkcode prepareRows} does to the rows. */
export interface PrepareOptions {
  /** Taken off. */
  readonly background: NodeSurface;
  /** Planes whose pixels are filled from their neighbours in the row. */
  readonly repair: number;
  /** Plane of pixels without a value. */
  readonly noData: number;
  /** Plane of pixels at or above `saturationAdu`, where the frame has no mask. */
  readonly saturated: number;
  /** Infinity for none. */
  readonly saturationAdu: number;
  /** A usable neighbour is looked for up to this far, px. */
  readonly reachPx: number;
}

/** Rows that can be resampled. */
export interface ReadyRows {
  /** `[rows, width]` float32 without background, gaps filled; no NaN. */
  readonly pixels: Uint8Array<ArrayBufferLike>;
  /** `[rows, width]` uint16; 0x8000 where there is no value. */
  readonly mask: Uint8Array<ArrayBufferLike>;
}

/**
 * Decodes rows, takes the background off, notes what has no value and fills what can be filled.
 *
 * @param compute Where.
 * @param raw The rows.
 * @param ready Filled.
 * @param options Background and planes.
 * @param signal Stops it.
 */
export async function prepareRows(
  compute: Compute,
  raw: RawRows,
  ready: ReadyRows,
  options: PrepareOptions,
  signal?: AbortSignal,
): Promise<void> {
  const { width, rows } = raw;
  const { background } = options;
  const flags = (raw.swapPixels ? 1 : 0) | (raw.mask ? 2 : 0) | (raw.swapMask ? 4 : 0);
  const mask: Slot = raw.mask
    ? { role: "input", rowBytes: width * 2, bytes: raw.mask }
    : { role: "temporary", rowBytes: 0 };
  const pass: Pass = {
    kernel: RESAMPLE,
    entry: "prepareRows",
    slots: [0, 1, 2, 3, 4, 5],
    params: [
      u32(flags),
      u32(background.shift),
      u32(background.columns),
      u32(options.repair),
      u32(options.noData),
      u32(options.saturated),
      f32(options.saturationAdu),
      u32(options.reachPx),
    ],
    each: 2,
    scratchBytes: background.columns * 4 + 64,
  };
  await compute.run({
    label: "prepare rows",
    width,
    rows,
    slots: [
      { role: "input", rowBytes: width * 4, bytes: raw.pixels },
      mask,
      rowNumbers(raw.firstRow, rows),
      table(background.nodes),
      { role: "output", rowBytes: width * 4, bytes: ready.pixels },
      { role: "output", rowBytes: width * 2, bytes: ready.mask },
    ],
    passes: [pass],
  }, signal);
}

/** Source rows of one frame, and where target pixels lie in it. */
export interface SourceRows extends ReadyRows {
  /** Pixels a row. */
  readonly width: number;
  /** Number of the first row in the frame. */
  readonly firstRow: number;
  /** How many. */
  readonly rows: number;
  /** Positions of target pixels in the frame. */
  readonly mesh: FixedMesh;
  /** Factor on every value besides the area of the pixel. */
  readonly scale: number;
}

/** Rows of the target. */
export interface TargetRows {
  /** Number of the first one. */
  readonly firstRow: number;
  /** How many. */
  readonly rows: number;
}

const tables = new Map<ResampleKernel, Float32Array>();

/** Numbers of a phase in {@linkcode kernelWeights}. */
const PHASE_WORDS = 24;
/** Derivatives are differences over so many phases on either side. */
const DIFFERENCE = 8;

/**
 * Weights of a kernel, `[PHASES + 1, 24]`: eight weights, their first derivatives by the position and
 * halves of the second ones. Taps that it does not have are 0.
 */
export function kernelWeights(kernel: ResampleKernel): Float32Array {
  const known = tables.get(kernel);
  if (known !== undefined) return known;
  const wide = new Float32Array((PHASES + 1) * PHASE_WORDS);
  const rows = Array.from(
    { length: PHASES + 1 + 2 * DIFFERENCE },
    (_, i) => weightsAt(kernel, (i - DIFFERENCE) / PHASES),
  );
  const px = DIFFERENCE / PHASES;
  for (let phase = 0; phase <= PHASES; phase++) {
    const [before, weights, after] = [0, DIFFERENCE, 2 * DIFFERENCE].map((i) => rows[phase + i]!);
    weights!.forEach((weight, tap) => {
      const at = phase * PHASE_WORDS + tap;
      wide[at] = weight;
      wide[at + 8] = (after![tap]! - before![tap]!) / (2 * px);
      wide[at + 16] = (after![tap]! - 2 * weight + before![tap]!) / (2 * px ** 2);
    });
  }
  tables.set(kernel, wide);
  return wide;
}

/** The slots of a frame's pixels, mask and mesh, in this order. */
export function sourceSlots(source: SourceRows, target: TargetRows): [Slot, Slot, Slot] {
  const { nodes } = meshRows(source.mesh, target.firstRow, target.rows);
  return [table(source.pixels), table(source.mask), table(nodes)];
}

/** Indices of the slots of {@linkcode resamplePass}. */
export interface ResampleSlots {
  /** From {@linkcode sourceSlots}; mask and mesh follow. */
  readonly source: number;
  /** From {@linkcode rowNumbers}. */
  readonly rows: number;
  /** {@linkcode kernelWeights} as a table. */
  readonly kernel: number;
  /** Planes of float32; NaN where the frame has no sample. */
  readonly values: number;
  /** Planes of uint16: bits of every source pixel that weighs in noticeably. */
  readonly masks: number;
}

/** What {@linkcode resamplePass} does. */
export interface ResampleOptions {
  readonly kernel: ResampleKernel;
  /** Index of the plane of values and masks that is written. */
  readonly plane: number;
  /**
   * Planes of the mask, such as that of saturated pixels, beside which the lobes of a kernel ring:
   * a value there is kept within the range of the four pixels around it. None if left out.
   */
  readonly ringing?: number;
  readonly at: ResampleSlots;
}

/** Rows that a thread of the processor takes at once: enough to share the samples of a column. */
export const PIECE_ROWS = 16;
/** Of separable.as.ts. */
const BLOCK_BYTES = 4096;

/**
 * A pass that resamples one frame into one plane.
 *
 * Values are the kernel's weighted sums times the area of the target pixel in source pixels, so
 * that the flux of a star stays; float32 sums. Positions are right to 1/8192 px.
 *
 * @param source The frame.
 * @param target Rows to fill.
 * @param options Kernel, planes and slots.
 */
export function resamplePass(
  source: SourceRows,
  target: TargetRows,
  options: ResampleOptions,
): Pass {
  const { taps, before, offset } = kernelTable(options.kernel);
  const { at } = options;
  const half = 65536 / PHASES / 2; // phases are rounded
  return {
    kernel: RESAMPLE,
    entry: "resampleRows",
    slots: [at.source, at.source + 1, at.rows, at.source + 2, at.kernel, at.values, at.masks],
    params: [
      u32(options.plane),
      u32(source.width),
      u32(source.rows),
      u32(source.firstRow),
      u32(source.mesh.shift),
      u32(source.mesh.columns),
      u32(meshRows(source.mesh, target.firstRow, target.rows).firstRow),
      u32(taps),
      u32(before),
      u32(offset > 0 ? offset * 65536 : half),
      f32(source.scale),
      f32(MASK_WEIGHT),
      u32(options.kernel === "lanczos3" && source.mesh.separable ? 1 : 0),
      u32(options.kernel.startsWith("lanczos") ? options.ringing ?? 0 : 0),
    ],
    each: 2,
    pieceRows: PIECE_ROWS,
    scratchBytes: BLOCK_BYTES,
  };
}
