/**
 * The images that tell Source Extractor which pixels are bad.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import { createImage } from "../../fits/image.ts";
import { bit, readMask, UNUSABLE, withoutClippedStreak } from "../../sky/mask.ts";

const STRIP_ROWS = 256;

/** What {@linkcode writeFlagImages} made. */
export interface FlagImages {
  /** 8-bit image: 0 good, 1 spoiled. */
  readonly flagImage: string;
  /** 8-bit image: 0 where there is no data, else 1; undefined if there is data everywhere. */
  readonly weightImage: string | undefined;
}

/**
 * Writes a flag image, and a weight image where the mask says NO_DATA.
 *
 * @param mask Path of a mask with bit planes.
 * @param prefix Beginning of the paths to write.
 * @param size Size of the image, px.
 * @param unusable Bits that make a pixel bad.
 * @returns Paths of the images.
 * @throws {DataError} If the mask cannot be read or has another size.
 */
export async function writeFlagImages(
  mask: string,
  prefix: string,
  size: { readonly width: number; readonly height: number },
  unusable: number = UNUSABLE,
): Promise<FlagImages> {
  const { width, height, data } = await readMask(mask);
  if (width !== size.width || height !== size.height) {
    throw new DataError(
      `Cannot use mask "${mask}": it has ${width} x ${height} pixels, the image ` +
        `${size.width} x ${size.height}`,
      { details: { file: mask, width, height } },
    );
  }
  const flagImage = `${prefix}.flag.fits`;
  await writeBytes(
    flagImage,
    size,
    data,
    (value) => (withoutClippedStreak(value) & unusable) === 0 ? 0 : 1,
  );
  const noData = bit("NO_DATA");
  if (!data.some((value) => (value & noData) !== 0)) return { flagImage, weightImage: undefined };
  const weightImage = `${prefix}.coverage.fits`;
  await writeBytes(weightImage, size, data, (value) => (value & noData) === 0 ? 1 : 0);
  return { flagImage, weightImage };
}

/** Writes an 8-bit image made of a mask, by strips of rows. */
async function writeBytes(
  path: string,
  { width, height }: { readonly width: number; readonly height: number },
  mask: Uint16Array,
  convert: (value: number) => number,
): Promise<void> {
  await using writer = await createImage(path, { width, height, bitpix: 8 });
  const bytes = new Uint8Array(width * STRIP_ROWS);
  for (let row = 0; row < height; row += STRIP_ROWS) {
    const start = row * width;
    const count = Math.min(STRIP_ROWS, height - row) * width;
    for (let i = 0; i < count; i++) bytes[i] = convert(mask[start + i] ?? 0);
    await writer.writeRows(bytes.subarray(0, count));
  }
  await writer.finish();
}
