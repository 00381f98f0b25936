/**
 * Writes images strip by strip, encoded and checksummed by all threads.
 *
 * @module
 */

import type { FitsHeader } from "../../../fits/header.ts";
import { createImage, type ImageWriter } from "../../../fits/image.ts";
import type { Compute } from "../../../gpu/compute.ts";
import {
  encodeFloats,
  encodeMask,
  foldMaskSums,
  foldSums,
  MASK_PLANES,
} from "../../../gpu/kernels/encode/encode.ts";
import { setPlaneCards } from "../../../sky/mask.ts";
import { SharedArrays } from "../shared_arrays.ts";

/** Where and what. */
export interface WriteImageOptions {
  readonly width: number;
  readonly height: number;
  readonly header: FitsHeader;
  readonly compute: Compute;
  readonly signal?: AbortSignal | undefined;
}

/** Rows of a strip; even, so that a mask's strips end with whole words. */
const STRIP_ROWS = 512;

/** An image of floats or a mask that is written while it is made, from the first row to the last. */
export class StripFile implements AsyncDisposable {
  readonly #writer: ImageWriter;
  readonly #options: WriteImageOptions;
  /** The rows that are on their way to the disk. */
  #writing: Promise<void> | undefined;

  private constructor(writer: ImageWriter, options: WriteImageOptions) {
    this.#writer = writer;
    this.#options = options;
  }

  /** Begins an image of float32. */
  static async floats(path: string, options: WriteImageOptions): Promise<StripFile> {
    return new StripFile(await createImage(path, { ...options, bitpix: -32 }), options);
  }

  /** Begins a mask with its `MP_<NAME>` cards. */
  static async mask(path: string, options: WriteImageOptions): Promise<StripFile> {
    const header = setPlaneCards(options.header.clone());
    for (const card of ["BUNIT", "BLANK", "DATAMIN", "DATAMAX"]) header.delete(card);
    const spec = { ...options, header, bitpix: 16, bscale: 1, bzero: 32768 } as const;
    return new StripFile(await createImage(path, spec), options);
  }

  /**
   * Takes the next rows, which go to the disk while the ones after them are made ready. Wait for it
   * before the next call.
   *
   * @param rows `[rows, width]`, of the kind of the file; an even number unless they are the last.
   *   Of no use to the file once this has returned.
   */
  async write(rows: Float32Array<ArrayBufferLike> | Uint16Array<ArrayBufferLike>): Promise<void> {
    const { width, compute, signal } = this.#options;
    const count = rows.length / width;
    using room = new DisposableStack();
    const raw = room.use(new SharedArrays(compute)).bytes(rows.byteLength);
    const sums = new Uint32Array(count * 2);
    let folded: number | undefined;
    if (rows instanceof Float32Array) {
      await encodeFloats(compute, rows, { raw, sums }, { width, signal });
      folded = foldSums(sums);
    } else {
      const counts = new Uint32Array(count * MASK_PLANES);
      await encodeMask(compute, rows, { raw, sums, counts }, { width, signal });
      folded = foldMaskSums(sums, width);
    }
    await this.#writing;
    const held = room.move();
    this.#writing = this.#writer.writeRowBytes(raw, folded).finally(() => held.dispose());
    this.#writing.catch(() => undefined); // told where it is waited for
  }

  /** Completes the file and gives it its name. */
  async finish(): Promise<void> {
    await this.#writing;
    await this.#writer.finish();
  }

  /** Removes the file unless it was finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing?.catch(() => undefined);
    await this.#writer.abort();
  }
}

/**
 * Writes the rows of a whole image, and leaves the file open.
 *
 * @param file Where to, just begun.
 * @param data `[height, width]`.
 * @param options Size.
 */
export async function writeRows(
  file: StripFile,
  data: Float32Array<ArrayBufferLike> | Uint16Array<ArrayBufferLike>,
  { width, height }: Pick<WriteImageOptions, "width" | "height">,
): Promise<void> {
  for (let row = 0; row < height; row += STRIP_ROWS) {
    await file.write(data.subarray(row * width, Math.min(height, row + STRIP_ROWS) * width));
  }
}

/** As {@linkcode writeRows}, and completes the file. */
export async function writeWhole(...given: Parameters<typeof writeRows>): Promise<void> {
  await writeRows(...given);
  await given[0].finish();
}
