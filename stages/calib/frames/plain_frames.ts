/**
 * Raw frames whose bytes the kernels take as they lie in the file.
 *
 * @module
 */

import { type ImageReader, openImage } from "../../../fits/image.ts";
import type { StoredLayout } from "../../../gpu/kernels/decode/decode.ts";
import type { RawFrame } from "./frame.ts";

/** Open frames of one size, all stored alike. */
export interface PlainFrames extends Disposable {
  readonly width: number;
  readonly height: number;
  readonly layout: StoredLayout;
  /** Bytes of a stored pixel. */
  readonly pixelBytes: number;
  /** How many frames. */
  readonly count: number;
  /**
   * Reads rows of a frame as they are stored.
   *
   * @param index Which frame.
   * @param firstRow From 0.
   * @param rows How many.
   * @param into Room for them.
   */
  read(index: number, firstRow: number, rows: number, into: Uint8Array): Promise<Uint8Array>;
}

/**
 * Opens frames for the kernels.
 *
 * @param frames At least one.
 * @returns Undefined if one has to be trimmed or put together, or they are not stored alike.
 * @throws {DataError} If one cannot be read.
 */
export async function openPlainFrames(
  frames: readonly RawFrame[],
): Promise<PlainFrames | undefined> {
  if (frames.some(({ layout }) => !layout.plain)) return undefined;
  const readers: ImageReader[] = [];
  const close = () => readers.forEach((reader) => reader.close());
  try {
    for (const { product } of frames) readers.push(await openImage(product.path));
  } catch (error) {
    close();
    throw error;
  }
  const first = readers[0]!;
  const { width, height } = frames[0]!.layout;
  const key = layoutKey(first);
  const alike = readers.every((reader) =>
    reader.width === width && reader.height === height && layoutKey(reader) === key
  );
  if (!alike) {
    close();
    return undefined;
  }
  return {
    width,
    height,
    layout: first.layout,
    pixelBytes: Math.abs(first.bitpix) / 8,
    count: readers.length,
    read: (index, firstRow, rows, into) => readers[index]!.readRowBytes(firstRow, rows, into),
    [Symbol.dispose]: close,
  };
}

function layoutKey({ layout: { bitpix, bscale, bzero, blank } }: ImageReader): string {
  return [bitpix, bscale, bzero, blank].join(" ");
}

/** Room lent by a backend as float32 values. */
export function floatsOf(bytes: Uint8Array, count = bytes.byteLength >> 2): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, count);
}

/** Room lent by a backend as 16-bit words. */
export function shortsOf(bytes: Uint8Array, count = bytes.byteLength >> 1): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, count);
}
