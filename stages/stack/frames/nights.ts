/**
 * The nights that a product's light was taken in.
 *
 * @module
 */

import { mjdToIso, nightOf } from "../../../sky/time.ts";
import type { Product } from "../../manifest.ts";

/** Noon at Greenwich is taken for noon at the telescope where its longitude is not known. */
const UNKNOWN_LONGITUDE = 0;

/**
 * Every date that a night of this product may go by: the day in UTC and the evening's date at the
 * telescope, of the product and of all it was made from.
 *
 * @param product A frame or a stack.
 * @param products What it may have been made from.
 * @param lonDeg East longitude of a telescope by its code; undefined where it is not known.
 * @returns Dates `YYYY-MM-DD`, in order.
 */
export function nightsOf(
  product: Product,
  products: ReadonlyMap<string, Product>,
  lonDeg: (unit: string | undefined) => number | undefined,
): string[] {
  const dates = new Set<string>();
  const seen = new Set<string>();
  const waiting: Product[] = [product];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (seen.has(one.id)) continue;
    seen.add(one.id);
    const night: unknown = one["night"];
    if (typeof night === "string" && night !== "none") dates.add(night);
    if (one.kind !== "master" && one.mjd !== undefined) {
      const end = one.mjd + (one.exposureS ?? 0) / 86400;
      dates.add(mjdToIso(one.mjd).slice(0, 10)).add(mjdToIso(end).slice(0, 10));
      dates.add(nightOf(one.mjd, lonDeg(one.unit) ?? UNKNOWN_LONGITUDE));
    }
    for (const id of one.from) {
      const parent = products.get(id);
      if (parent !== undefined && parent.kind !== "master") waiting.push(parent);
    }
  }
  return [...dates].sort();
}
