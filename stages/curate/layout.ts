/**
 * Where each product belongs in the processed tree.
 *
 * @module
 */

import { basename, join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { isFitsName } from "../../fits/names.ts";
import type { Product } from "../manifest.ts";

/** What decides a product's place when the product itself does not say it. */
export interface LayoutOptions {
  /** The processed tree. */
  readonly processed: string;
  /** Unit of the night. */
  readonly unit: string;
  /** Finds the image that a companion belongs to. */
  readonly imageOf: (product: Product) => Product | undefined;
}

/**
 * The folder of an object, unit and filter: `<processed>/<OBJECT>/<UNIT>/<FILTER>`.
 *
 * @param product The product.
 * @param options The tree, and how to find the image that a companion belongs to.
 * @returns The folder.
 * @throws {DataError} If neither the product nor its image knows object and filter.
 */
export function homeOf(product: Product, options: LayoutOptions): string {
  const image = options.imageOf(product);
  const object = product.object ?? image?.object;
  const filter = product.filter ?? image?.filter;
  if (object === undefined || filter === undefined) {
    throw new DataError(
      `Cannot curate "${product.id}": its ${object === undefined ? "object" : "filter"} is unknown`,
      { details: { id: product.id, file: product.path } },
    );
  }
  const unit = product.unit ?? image?.unit ?? options.unit;
  return join(options.processed, folderName(object), folderName(unit), folderName(filter));
}

/**
 * Makes a name fit to be one folder: separators become `_`, and no name starts
 * with a dot.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(folderName("NGC 253/A"), "NGC 253_A");
 * assert.equal(folderName(".."), "_.");
 * ```
 *
 * @param text An object, unit or filter.
 * @returns The name.
 */
export function folderName(text: string): string {
  // deno-lint-ignore no-control-regex
  const safe = text.trim().replace(/[/\\\u0000-\u001f]/g, "_").replace(/^\./, "_");
  return safe === "" ? "_" : safe;
}

/**
 * The folder within an object's folder that a product goes to: images and their
 * masks and weights at the top, photometry in `phot`, what was found in
 * `transient`, its stamps below that.
 *
 * @param product The product.
 * @returns A path relative to {@linkcode homeOf}; "" is the top.
 */
export function shelfOf(product: Product): string {
  const { kind } = product;
  if (kind === "stamp") {
    return join("transient", isFitsName(product.path) ? "fits_image" : "png_image");
  }
  if (kind === "transients" || kind === "regions" || kind === "table") return "transient";
  if (kind === "catalogue") return "phot";
  if (kind === "header") return "header";
  if (kind !== "picture") return "";
  return product.stage === "subtract" || product.stage === "detect" ? "transient" : "phot";
}

/** The folders that an object's folder always has. */
export const SHELVES = [
  "phot",
  join("transient", "png_image"),
  join("transient", "fits_image"),
  "header",
] as const;

/**
 * The full path of a product in the processed tree.
 *
 * @param product The product.
 * @param options The tree.
 * @returns The path under the product's own file name.
 */
export function placeOf(product: Product, options: LayoutOptions): string {
  return join(homeOf(product, options), shelfOf(product), basename(product.path));
}
