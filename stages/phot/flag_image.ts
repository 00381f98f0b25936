/**
 * The images that tell Source Extractor which pixels are bad.
 *
 * @module
 */

import { writeImage } from "../../fits/image.ts";
import { bit, readMask, UNUSABLE } from "../../sky/mask.ts";

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
 * @param unusable Bits that make a pixel bad.
 * @returns Paths of the images.
 * @throws {DataError} If the mask cannot be read.
 */
export async function writeFlagImages(
  mask: string,
  prefix: string,
  unusable: number = UNUSABLE,
): Promise<FlagImages> {
  const { width, height, data } = await readMask(mask);
  const noData = bit("NO_DATA");
  const flags = Float32Array.from(data, (value) => (value & unusable) === 0 ? 0 : 1);
  const flagImage = `${prefix}.flag.fits`;
  await writeImage(flagImage, { width, height, data: flags }, { bitpix: 8 });
  if (!data.some((value) => (value & noData) !== 0)) return { flagImage, weightImage: undefined };
  const weightImage = `${prefix}.coverage.fits`;
  const weights = Float32Array.from(data, (value) => (value & noData) === 0 ? 1 : 0);
  await writeImage(weightImage, { width, height, data: weights }, { bitpix: 8 });
  return { flagImage, weightImage };
}
