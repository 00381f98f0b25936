/**
 * Pictures of images: grey PNG, and labelled stamps beside each other.
 *
 * @module
 */

import { type GrayOptions, grayPicture } from "./_gray.ts";
import { encodePng } from "./png.ts";

export type { GrayOptions } from "./_gray.ts";
export { type Stamp, type StampsOptions, stampsPng } from "./stamps.ts";
export { svgToPng } from "./svg_png.ts";
export { zscale } from "./zscale.ts";

/**
 * Encodes an image as PNG: 8-bit grey, or RGB with NaN in slate blue when there is any.
 *
 * @param data `[height, width]` row-major.
 * @param width Columns.
 * @param height Rows.
 * @param options Limits, size, orientation.
 * @returns The PNG file's bytes.
 */
export function grayPng(
  data: ArrayLike<number>,
  width: number,
  height: number,
  options: GrayOptions = {},
): Uint8Array {
  return encodePng(grayPicture(data, width, height, options));
}
