/**
 * The picture that goes with the finish notice: the first transient's stamps, else a
 * quick look at the deepest stack.
 *
 * @module
 */

import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import { openImage } from "../fits/image.ts";
import { grayPng } from "../sky/pictures.ts";
import type { Manifest, Product } from "../stages/manifest.ts";

/** Longest side of a quick look, pixels. */
const SIDE_PX = 600;

/**
 * Finds or makes the picture of a night. A night without one is as good as one with it, so
 * what goes wrong is told and nothing else.
 *
 * @param manifest Where the night stands at the end.
 * @param log Told why there is no picture.
 * @returns A PNG file; none if the night has nothing to show.
 */
export async function nightPictures(manifest: Manifest, log: Logger): Promise<string[]> {
  try {
    const picture = await nightPicture(manifest);
    return picture === undefined ? [] : [picture];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn("Cannot make the picture of the night: {reason}", { reason });
    return [];
  }
}

async function nightPicture(manifest: Manifest): Promise<string | undefined> {
  const stamp = manifest.products.find((product) =>
    product.kind === "stamp" && product.measured.transient === true && /\.png$/i.test(product.path)
  );
  if (stamp !== undefined) return stamp.path;
  const stack = deepest(manifest.products);
  if (stack === undefined) return undefined;
  const path = join(manifest.night.work, "quicklook.png");
  await Deno.writeFile(path, await quickLook(stack.path));
  return path;
}

function deepest(products: readonly Product[]): Product | undefined {
  const depth = ({ measured }: Product) =>
    typeof measured.depth5 === "number" ? measured.depth5 : -Infinity;
  return products.filter(({ kind }) => kind === "stack")
    .reduce<Product | undefined>(
      (best, next) => best === undefined || depth(next) > depth(best) ? next : best,
      undefined,
    );
}

/**
 * A small picture of an image: means of squares of pixels, zscale, north side as in the file.
 *
 * @param path FITS image.
 * @returns The PNG file's bytes, at most 600 pixels wide and high.
 */
export async function quickLook(path: string): Promise<Uint8Array> {
  using image = await openImage(path);
  const step = Math.max(1, Math.ceil(Math.max(image.width, image.height) / SIDE_PX));
  const [width, height] = [Math.ceil(image.width / step), Math.ceil(image.height / step)];
  const small = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    const count = Math.min(step, image.height - row * step);
    const rows = await image.readRows(row * step, count);
    meanOfColumns(rows, image.width, step, small.subarray(row * width, (row + 1) * width));
  }
  return grayPng(small, width, height);
}

/** Means over `step` columns and all rows; NaN where no pixel has a value. */
function meanOfColumns(rows: Float32Array, width: number, step: number, into: Float32Array): void {
  const sums = new Float64Array(into.length);
  const counts = new Float64Array(into.length);
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]!;
    if (Number.isNaN(value)) continue;
    const cell = Math.floor((i % width) / step);
    sums[cell]! += value;
    counts[cell]! += 1;
  }
  for (let cell = 0; cell < into.length; cell++) into[cell] = sums[cell]! / counts[cell]!;
}
