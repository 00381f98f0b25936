/**
 * Where the pixels of an image come from, as a plain FITS image has them.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { readAt } from "./_disk.ts";
import type { Hdu } from "./file.ts";

/** The pixels of an image as stored values, big-endian. Calls must not overlap. */
export interface StoredPixels {
  /** How many bytes the image has in all its planes. */
  readonly bytes: number;
  /**
   * Reads a run of pixels.
   *
   * @param into Takes the bytes; may lie in shared memory.
   * @param offset Of the first byte, from the start of the image.
   * @throws {DataError} If the file is shorter than that, or damaged.
   */
  read(into: Uint8Array, offset: number): Promise<void>;
}

/** Pixels that lie in the file as they are. */
export class PlainPixels implements StoredPixels {
  /** See {@linkcode StoredPixels.bytes}. */
  readonly bytes: number;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #hdu: Hdu;

  /**
   * The pixels of a unit.
   *
   * @param path For messages.
   * @param file Open for reading.
   * @param hdu Where the pixels lie.
   */
  constructor(path: string, file: Deno.FsFile, hdu: Hdu) {
    this.bytes = hdu.dataBytes;
    this.#path = path;
    this.#file = file;
    this.#hdu = hdu;
  }

  /** See {@linkcode StoredPixels.read}. */
  async read(into: Uint8Array, offset: number): Promise<void> {
    const start = this.#hdu.dataOffset + offset;
    const count = await readAt(this.#file, into, start);
    if (count === into.byteLength) return;
    const expectedBytes = start + into.byteLength, actualBytes = start + count;
    throw new DataError(
      `Cannot read '${this.#hdu.header.where}': truncated, ${expectedBytes} bytes expected and ` +
        `${actualBytes} found`,
      { details: { file: this.#path, hdu: this.#hdu.index, expectedBytes, actualBytes } },
    );
  }
}
