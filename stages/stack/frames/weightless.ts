/**
 * Pixels that an input's weight image takes out although its mask does not.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { type ImageReader, openImage } from "../../../fits/image.ts";
import type { Product } from "../../manifest.ts";
import { SpoiltPixels } from "./spoilt_pixels.ts";

const STRIP_ROWS = 256;

/** What belongs to an image. */
export interface WeightedImage {
  readonly product: Product;
  readonly image: ImageReader;
  /** Its mask, if it has one. */
  readonly mask: ImageReader | undefined;
  /** Its inverse variance, if it has some. */
  readonly weight: Product | undefined;
}

/**
 * Finds the pixels of weight 0, or without a number for it, that the mask does not exclude.
 *
 * @param parts An image with its companions.
 * @param excluded Planes of the mask whose pixels take no part anyway.
 * @returns The pixels; undefined where there are none.
 * @throws {DataError} If the weight is of another size, or 0 everywhere.
 */
export async function findWeightless(
  { product, image, mask, weight }: WeightedImage,
  excluded: number,
): Promise<SpoiltPixels | undefined> {
  if (weight === undefined) return undefined;
  const { width, height } = image;
  using reader = await openImage(weight.path);
  if (reader.width !== width || reader.height !== height) {
    throw new DataError(
      `Cannot stack "${product.id}": it is ${width}×${height} px, its weight ` +
        `${reader.width}×${reader.height} px`,
      { details: { file: product.path, weight: weight.path } },
    );
  }
  const found = new SpoiltPixels(image);
  let weighty = 0;
  for (let y = 0; y < height; y += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, height - y);
    const values = await reader.readRows(y, rows);
    const planes = await mask?.readRowsUint16(y, rows);
    for (let i = 0; i < values.length; i++) {
      if (values[i]! > 0) weighty++;
      else if (((planes?.[i] ?? 0) & excluded) === 0) {
        found.add(i % width, y + Math.floor(i / width));
      }
    }
  }
  if (weighty === 0) {
    throw new DataError(`Cannot stack "${product.id}": its weight is 0 everywhere`, {
      details: { file: product.path, weight: weight.path },
    });
  }
  return found.count > 0 ? found : undefined;
}
