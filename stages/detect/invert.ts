/**
 * The inverted difference, in which what has faded shows as a source.
 *
 * @module
 */

import { createImage, openImage } from "../../fits/image.ts";

const STRIP_ROWS = 256;

/**
 * Writes an image with the sign of every pixel changed.
 *
 * @param source The image.
 * @param target Where the inverted image goes.
 * @throws {DataError} If the image cannot be read.
 */
export async function invertImage(source: string, target: string): Promise<void> {
  using reader = await openImage(source);
  const { width, height, header } = reader;
  await using writer = await createImage(target, { width, height, header: header.clone() });
  for (let row = 0; row < height; row += STRIP_ROWS) {
    const data = await reader.readRows(row, Math.min(STRIP_ROWS, height - row));
    for (let i = 0; i < data.length; i++) data[i] = -(data[i] ?? NaN);
    await writer.writeRows(data);
  }
  await writer.finish();
}
