/**
 * Region files for ds9.
 *
 * @module
 */

import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** A circle on the sky or on the pixels. */
export type Region =
  & {
    /** Text beside the circle. */
    readonly label?: string;
    /** A colour that ds9 knows: green, red, cyan, #ff8800… */
    readonly color?: string;
    readonly dashed?: boolean;
  }
  & (
    | { readonly raDeg: number; readonly decDeg: number; readonly radiusArcsec: number }
    /** Pixels counted from 0; the file counts from 1. */
    | { readonly x: number; readonly y: number; readonly radiusPx: number }
  );

/**
 * Writes circles as a ds9 region file; those with a NaN are left out.
 *
 * @param path Where to; written beside and renamed.
 * @param regions Circles, on the sky in ICRS.
 */
export async function writeRegions(path: string, regions: readonly Region[]): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.part`);
  try {
    await writeFile(part, regionText(regions));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/**
 * Gives the text of a ds9 region file.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const text = regionText([{ x: 0, y: 4, radiusPx: 3, label: "a" }]);
 * assert.ok(text.endsWith("image;circle(1.00,5.00,3.00) # text={a}\n"));
 * ```
 *
 * @param regions Circles.
 * @returns One line a circle after the header.
 */
export function regionText(regions: readonly Region[]): string {
  const head = [
    "# Region file format: DS9 version 4.1",
    'global color=green width=1 font="helvetica 10 normal roman" select=1 edit=1 move=1 delete=1',
  ];
  return [...head, ...regions.flatMap(regionLine), ""].join("\n");
}

function regionLine(region: Region): string[] {
  const onSky = "raDeg" in region;
  const numbers = onSky
    ? [region.raDeg, region.decDeg, region.radiusArcsec]
    : [region.x + 1, region.y + 1, region.radiusPx];
  if (!numbers.every(Number.isFinite)) return [];
  const [a, b, radius] = numbers as [number, number, number];
  const circle = onSky
    ? `icrs;circle(${a.toFixed(7)},${b.toFixed(7)},${radius.toFixed(3)}")`
    : `image;circle(${a.toFixed(2)},${b.toFixed(2)},${radius.toFixed(2)})`;
  const notes = [
    region.color === undefined ? "" : `color=${region.color}`,
    region.dashed ? "dash=1" : "",
    region.label === undefined ? "" : `text={${region.label.replace(/[{}\n]/g, " ")}}`,
  ].filter((note) => note !== "");
  return [notes.length === 0 ? circle : `${circle} # ${notes.join(" ")}`];
}
