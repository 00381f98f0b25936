/**
 * Images of FITS files, by strips of rows or whole.
 *
 * @module
 */

import type { FitsHeader } from "./header.ts";
import { openImage, type OpenOptions } from "./image_reader.ts";

export { ImageReader, openImage } from "./image_reader.ts";
export type { OpenOptions } from "./image_reader.ts";
export {
  createImage,
  type ImageSpec,
  ImageWriter,
  resumeImage,
  writeImage,
} from "./image_writer.ts";
export type { WriteOptions } from "./image_writer.ts";
export { unpackImage, updateHeader } from "./update_header.ts";
export type { Bitpix, PixelLayout } from "./pixels.ts";
export type { PixelArray } from "./pixel_encoding.ts";

/** A whole image in memory. */
export interface Image {
  /** Pixels along a row (NAXIS1). */
  readonly width: number;
  /** Rows (NAXIS2). */
  readonly height: number;
  /** Physical values, `data[y * width + x]`; NaN where the file has BLANK or NaN. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Header of the unit that holds the image. */
  readonly header: FitsHeader;
}

/**
 * Reads a whole image.
 *
 * @throws {DataError} As {@linkcode openImage}.
 */
export async function readImage(path: string, options: OpenOptions = {}): Promise<Image> {
  using reader = await openImage(path, options);
  const { width, height, header } = reader;
  const data = new Float32Array(width * height);
  await reader.readRows(0, height, data);
  return { width, height, header, data };
}
