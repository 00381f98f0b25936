/**
 * The rows of a frame that are worked on, sliding down the frame.
 *
 * @module
 */

import { type ImageReader, openImage } from "../../../fits/image.ts";
import type { HostBuffer } from "../../../gpu/backend.ts";
import type { Compute } from "../../../gpu/compute.ts";
import type { FixedMesh } from "../../../gpu/kernels/resample/fixed_mesh.ts";
import {
  type NodeSurface,
  type PrepareOptions,
  prepareRows,
  type SourceRows,
} from "../../../gpu/kernels/resample/resample_rows.ts";
import { bit } from "../../../sky/mask.ts";
import type { StackFrame } from "./frames.ts";
import { isPlainFloat, isPlainMask } from "./row_sampler.ts";
import type { SpoiltPixels } from "./spoilt_pixels.ts";

/** Rows of a frame. */
export interface RowRange {
  readonly firstRow: number;
  readonly rows: number;
}

/** Filled, so that they do not ring; they stay masked all the same. */
const REPAIRED = bit("BAD", "NO_DATA", "CR", "STREAK");
/** A gap is filled from usable pixels up to this far. */
const REPAIR_REACH_PX = 8;
/** Kernels may read, never write, so far beyond the last row. */
const MARGIN_BYTES = 64;

/** An open frame of which some rows are ready to be resampled; every row is read and prepared once. */
export class FrameWindow implements Disposable {
  readonly #frame: StackFrame;
  readonly #image: ImageReader;
  readonly #mask: ImageReader | undefined;
  readonly #compute: Compute;
  readonly #mesh: FixedMesh;
  readonly #spoilt: SpoiltPixels | undefined;
  readonly #options: PrepareOptions;
  readonly #buffers: HostBuffer[] = [];
  readonly #raw: Uint8Array<ArrayBufferLike>;
  readonly #rawMask: Uint8Array<ArrayBufferLike>;
  readonly #pixels: Uint8Array<ArrayBufferLike>;
  readonly #planes: Uint8Array<ArrayBufferLike>;
  #ready: RowRange = { firstRow: 0, rows: 0 };
  #preparing: Promise<unknown> = Promise.resolve();
  #coming: { readonly rows: RowRange; readonly read: Promise<void> } | undefined;

  private constructor(parts: WindowParts, image: ImageReader, mask: ImageReader | undefined) {
    const { frame, compute, mesh, capacity } = parts;
    this.#frame = frame;
    this.#image = image;
    this.#mask = mask;
    this.#compute = compute;
    this.#mesh = mesh;
    this.#spoilt = parts.spoilt;
    this.#options = {
      background: parts.background,
      repair: REPAIRED,
      noData: bit("NO_DATA"),
      saturated: bit("SAT"),
      saturationAdu: frame.saturationAdu,
      reachPx: REPAIR_REACH_PX,
    };
    const pixels = capacity * frame.width;
    this.#raw = this.#allocate(pixels * 4);
    this.#rawMask = this.#allocate(mask === undefined ? 0 : pixels * 2);
    this.#pixels = this.#allocate(pixels * 4 + MARGIN_BYTES).fill(0);
    this.#planes = this.#allocate(pixels * 2 + MARGIN_BYTES).fill(0);
  }

  /**
   * Opens a frame.
   *
   * @throws {DataError} If a file cannot be read.
   */
  static async open(parts: WindowParts): Promise<FrameWindow> {
    const { product, maskPath } = parts.frame;
    const image = await openImage(product.path);
    let mask: ImageReader | undefined;
    try {
      mask = maskPath === undefined ? undefined : await openImage(maskPath);
      return new FrameWindow(parts, image, mask);
    } catch (error) {
      image.close();
      mask?.close();
      throw error;
    }
  }

  #allocate(bytes: number): Uint8Array<ArrayBufferLike> {
    const buffer = this.#compute.allocate(bytes);
    this.#buffers.push(buffer);
    return buffer.bytes;
  }

  /**
   * Begins to read the rows that {@linkcode FrameWindow.slideTo} will be asked for next, once those of
   * the last call are ready.
   */
  readAhead(wanted: RowRange): void {
    const coming = missingRows(this.#ready, wanted);
    const read = this.#preparing.then(() => coming.rows > 0 ? this.#read(coming) : undefined);
    this.#coming = { rows: coming, read };
    read.catch(() => undefined); // told by arrival()
  }

  /** Waits for the rows that {@linkcode FrameWindow.readAhead} was told of. */
  async arrival(): Promise<void> {
    await this.#coming?.read;
  }

  async #read({ firstRow, rows }: RowRange): Promise<void> {
    const count = rows * this.#frame.width;
    const image = this.#isPlain
      ? this.#image.readRowBytes(firstRow, rows, this.#raw)
      : this.#image.readRows(firstRow, rows, floats(this.#raw, count));
    const mask = this.#isPlainMask
      ? this.#mask?.readRowBytes(firstRow, rows, this.#rawMask)
      : this.#mask?.readRowsUint16(firstRow, rows, shorts(this.#rawMask, count));
    await Promise.all([image, mask]);
    for (const pixels of [this.#spoilt, this.#frame.weightless]) {
      pixels?.erase(this.#raw, firstRow, rows, this.#isPlain);
    }
  }

  get #isPlain(): boolean {
    return isPlainFloat(this.#image);
  }

  get #isPlainMask(): boolean {
    return this.#mask !== undefined && isPlainMask(this.#mask);
  }

  /**
   * Makes rows ready that have arrived; those that were ready before stay. Nothing may work on them
   * any more.
   *
   * @param wanted What {@linkcode FrameWindow.readAhead} was told.
   * @param signal Stops it.
   * @returns The rows, until the next call, and when they are ready: jobs that are begun after this
   * one will find them so.
   */
  slideTo(
    wanted: RowRange,
    signal: AbortSignal,
  ): { readonly rows: SourceRows; readonly ready: Promise<void> } {
    const { width, scale } = this.#frame;
    const coming = this.#coming!.rows;
    this.#keepOverlap(wanted);
    this.#ready = wanted;
    const ready = coming.rows > 0 ? this.#prepare(coming, signal) : Promise.resolve();
    this.#preparing = ready.catch(() => undefined);
    const rows = {
      ...wanted,
      ...{ width, scale, mesh: this.#mesh },
      pixels: this.#pixels.subarray(0, wanted.rows * width * 4),
      mask: this.#planes.subarray(0, wanted.rows * width * 2),
    };
    return { rows, ready };
  }

  #prepare({ firstRow, rows }: RowRange, signal: AbortSignal): Promise<void> {
    const { width } = this.#frame;
    const at = firstRow - this.#ready.firstRow;
    const raw = {
      ...{ width, firstRow, rows, pixels: this.#raw.subarray(0, rows * width * 4) },
      ...{ swapPixels: this.#isPlain, swapMask: this.#isPlainMask },
      ...(this.#mask && { mask: this.#rawMask.subarray(0, rows * width * 2) }),
    };
    const ready = {
      pixels: this.#pixels.subarray(at * width * 4, (at + rows) * width * 4),
      mask: this.#planes.subarray(at * width * 2, (at + rows) * width * 2),
    };
    return prepareRows(this.#compute, raw, ready, this.#options, signal);
  }

  #keepOverlap(wanted: RowRange): void {
    const from = Math.max(wanted.firstRow, this.#ready.firstRow);
    const end = Math.min(endOf(wanted), endOf(this.#ready));
    if (end <= from || this.#ready.firstRow === wanted.firstRow) return;
    const { width } = this.#frame;
    const [start, stop] = [from - this.#ready.firstRow, end - this.#ready.firstRow];
    const to = from - wanted.firstRow;
    this.#pixels.copyWithin(to * width * 4, start * width * 4, stop * width * 4);
    this.#planes.copyWithin(to * width * 2, start * width * 2, stop * width * 2);
  }

  /** Closes the files and gives the memory back. */
  [Symbol.dispose](): void {
    this.#image.close();
    this.#mask?.close();
    for (const buffer of this.#buffers.splice(0)) buffer[Symbol.dispose]();
  }
}

/** What a window is made of. */
export interface WindowParts {
  readonly frame: StackFrame;
  readonly compute: Compute;
  /** Positions of the pixels of the stack in the frame. */
  readonly mesh: FixedMesh;
  /** Taken off. */
  readonly background: NodeSurface;
  /** Rows at most. */
  readonly capacity: number;
  /** Pixels without a value besides those that the mask knows. */
  readonly spoilt?: SpoiltPixels;
}

const endOf = ({ firstRow, rows }: RowRange) => firstRow + rows;

/** The wanted rows that are not ready: those of one side, or all if there are some on both. */
function missingRows(ready: RowRange, wanted: RowRange): RowRange {
  const from = Math.max(wanted.firstRow, ready.firstRow);
  const end = Math.min(endOf(wanted), endOf(ready));
  if (end <= from) return wanted;
  if (from === wanted.firstRow) return { firstRow: end, rows: endOf(wanted) - end };
  if (end === endOf(wanted)) return { firstRow: wanted.firstRow, rows: from - wanted.firstRow };
  return wanted;
}

function floats(bytes: Uint8Array<ArrayBufferLike>, count: number): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, count);
}

function shorts(bytes: Uint8Array<ArrayBufferLike>, count: number): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, count);
}
