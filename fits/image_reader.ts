/**
 * Reads images of FITS files by strips of rows.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { openForReading } from "./_disk.ts";
import { findUnit, type Hdu } from "./file.ts";
import type { FitsHeader } from "./header.ts";
import { type Bitpix, decodePixels, decodeUint16, pixelBytes, type PixelLayout } from "./pixels.ts";
import { PlainPixels, type StoredPixels } from "./stored_pixels.ts";
import { innerHeader } from "./tiled/inner_header.ts";
import { TiledPixels } from "./tiled/tiled_pixels.ts";

/** Which image of a file. */
export interface OpenOptions {
  /** Unit of the file; left out: the first one with an image. */
  readonly hdu?: number;
  /** Plane of a cube, from 0. */
  readonly plane?: number;
}

/** Rows are decoded in pieces of about this size, which stay in the processor's cache. */
const PIECE_BYTES = 1 << 20;

/**
 * Opens an image for reading by strips.
 *
 * @throws {DataError} If the file is no FITS file, is truncated, or holds no such image.
 * @example Sum of an image, one strip in memory at a time
 * ```ts
 * import assert from "node:assert/strict";
 *
 * import { writeImage } from "./image_writer.ts";
 *
 * const path = await Deno.makeTempFile({ suffix: ".fits" });
 * await writeImage(path, { width: 3, height: 100, data: new Float32Array(300).fill(2) });
 *
 * using image = await openImage(path);
 * const strip = new Float32Array(64 * image.width);
 * let sum = 0;
 * for (let y = 0; y < image.height; y += 64) {
 *   const rows = await image.readRows(y, Math.min(64, image.height - y), strip);
 *   for (const value of rows) sum += value;
 * }
 * assert.equal(sum, 600);
 * await Deno.remove(path);
 * ```
 */
export async function openImage(path: string, options: OpenOptions = {}): Promise<ImageReader> {
  const file = await openForReading(path);
  try {
    return new ImageReader(path, file, await findUnit(file, path, options.hdu), options.plane ?? 0);
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * An open image. Calls may overlap; they are served one after the other.
 *
 * A tile-compressed one is as the plain image that it was made from.
 */
export class ImageReader {
  /** The file that is read. */
  readonly path: string;
  /** Header of the unit that holds the image. */
  readonly header: FitsHeader;
  /** Pixels along a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Planes, 1 but for a cube. */
  readonly planes: number;
  /** Type of the stored pixels. */
  readonly bitpix: Bitpix;
  /** The unit of the file that holds the image. */
  readonly hdu: Hdu;
  readonly #file: Deno.FsFile;
  readonly #layout: PixelLayout;
  readonly #pixels: StoredPixels;
  readonly #start: number;
  #scratch: Uint8Array = new Uint8Array(0);
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Made by {@linkcode openImage}. */
  constructor(path: string, file: Deno.FsFile, hdu: Hdu, plane: number) {
    requireImage(path, hdu);
    const packed = hdu.kind === "compressed-image";
    const header = packed ? innerHeader(hdu.header) : hdu.header;
    const axes = header.requireNumber("NAXIS");
    this.path = path;
    this.hdu = hdu;
    this.header = header;
    this.#file = file;
    this.#layout = layoutOf(header);
    this.bitpix = this.#layout.bitpix;
    this.width = header.requireNumber("NAXIS1");
    this.height = axes > 1 ? header.requireNumber("NAXIS2") : 1;
    const planeBytes = this.width * this.height * pixelBytes(this.bitpix);
    const stored = new PlainPixels(path, file, hdu);
    this.#pixels = packed ? new TiledPixels(path, stored, hdu) : stored;
    this.planes = this.#pixels.bytes / planeBytes;
    if (!(plane >= 0 && plane < this.planes)) {
      throw new DataError(`Cannot read '${header.where}': it has ${this.planes} planes`, {
        details: { file: path, hdu: hdu.index, plane, planes: this.planes },
      });
    }
    this.#start = plane * planeBytes;
  }

  /**
   * Reads rows as physical values.
   *
   * @param y0 First row, from 0.
   * @param count How many rows.
   * @param into Takes the values, `[count, width]`; left out: a new array.
   * @returns The part of `into` that was filled; NaN where the file has BLANK or NaN.
   * @throws {DataError} If the file has become shorter meanwhile.
   */
  readRows(y0: number, count: number, into?: Float32Array): Promise<Float32Array> {
    const out = (into ?? new Float32Array(count * this.width)).subarray(0, count * this.width);
    this.#check(y0, count, out.length);
    return this.#inTurn(async () => {
      if (this.bitpix === -32) {
        const raw = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
        await this.#fill(raw, y0 * this.width);
        decodePixels(raw, this.#layout, out);
      } else {
        await this.#pieces(y0, out, (raw, part) => decodePixels(raw, this.#layout, part));
      }
      return out;
    });
  }

  /**
   * Reads rows of a mask or a raw frame as the unsigned 16-bit counts that the file holds.
   *
   * @param y0 First row, from 0.
   * @param count How many rows.
   * @param into Takes the counts, `[count, width]`; left out: a new array.
   * @throws {DataError} If the file holds neither unsigned 16-bit nor 8-bit integers.
   */
  readRowsUint16(y0: number, count: number, into?: Uint16Array): Promise<Uint16Array> {
    const { bitpix, bscale, bzero } = this.#layout;
    const plain = bscale === 1 && bzero === (bitpix === 16 ? 32768 : 0);
    if (!plain || (bitpix !== 8 && bitpix !== 16)) {
      throw new DataError(
        `Cannot read '${this.header.where}' as unsigned 16-bit integers: BITPIX ${bitpix}, ` +
          `BZERO ${bzero}, BSCALE ${bscale}`,
        { details: { file: this.path, hdu: this.hdu.index, bitpix, bzero, bscale } },
      );
    }
    const out = (into ?? new Uint16Array(count * this.width)).subarray(0, count * this.width);
    this.#check(y0, count, out.length);
    return this.#inTurn(async () => {
      await this.#pieces(y0, out, (raw, part) => decodeUint16(raw, bitpix, part));
      return out;
    });
  }

  /**
   * Reads rows as the file holds them, big-endian, in the form that {@linkcode layout} tells.
   *
   * @param y0 First row, from 0.
   * @param count How many rows.
   * @param into Takes the bytes, `[count, width, bytes of a pixel]`; may lie in shared memory.
   * @returns The part of `into` that was filled.
   * @throws {DataError} If the file has become shorter meanwhile.
   */
  readRowBytes(y0: number, count: number, into: Uint8Array): Promise<Uint8Array> {
    const size = pixelBytes(this.bitpix);
    this.#check(y0, count, Math.floor(into.length / size));
    const raw = into.subarray(0, count * this.width * size);
    return this.#inTurn(async () => {
      await this.#fill(raw, y0 * this.width);
      return raw;
    });
  }

  /** How the file holds its pixels. */
  get layout(): PixelLayout {
    return this.#layout;
  }

  /** Closes the file; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }

  #check(y0: number, count: number, room: number): void {
    if (y0 >= 0 && count >= 0 && y0 + count <= this.height && room >= count * this.width) return;
    throw new RangeError(
      `rows ${y0} to ${y0 + count} of ${this.height}, into ${room} of ${count * this.width} pixels`,
    );
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #pieces<Pixels extends Float32Array | Uint16Array>(
    y0: number,
    out: Pixels,
    decode: (raw: Uint8Array, part: Pixels) => void,
  ): Promise<void> {
    const size = pixelBytes(this.bitpix);
    const step = Math.min(out.length, PIECE_BYTES / size);
    if (this.#scratch.byteLength < step * size) this.#scratch = new Uint8Array(step * size);
    for (let at = 0; at < out.length; at += step) {
      const part = out.subarray(at, at + step) as Pixels;
      const raw = this.#scratch.subarray(0, part.length * size);
      await this.#fill(raw, y0 * this.width + at);
      decode(raw, part);
    }
  }

  async #fill(raw: Uint8Array, pixel: number): Promise<void> {
    await this.#pixels.read(raw, this.#start + pixel * pixelBytes(this.bitpix));
  }
}

function requireImage(path: string, hdu: Hdu): void {
  if (hdu.kind === "image" || hdu.kind === "compressed-image") return;
  const what = hdu.kind === "empty" ? "it holds no pixels" : "it is a table";
  throw new DataError(`Cannot read pixels of '${hdu.header.where}': ${what}`, {
    details: { file: path, hdu: hdu.index, kind: hdu.kind },
  });
}

function layoutOf(header: FitsHeader): PixelLayout {
  const bitpix = header.requireNumber("BITPIX") as Bitpix;
  const bscale = header.number("BSCALE") ?? 1;
  const bzero = header.number("BZERO") ?? 0;
  const blank = header.get("BLANK");
  const integer = typeof blank === "bigint" ||
    (typeof blank === "number" && Number.isInteger(blank));
  return { bitpix, bscale, bzero, ...(bitpix > 0 && integer && { blank }) };
}
