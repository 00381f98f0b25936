/**
 * Square pieces of an image around many positions, read by strips.
 *
 * @module
 */

import { openImage } from "../../fits/image.ts";

/** A square piece of an image. */
export interface Cutout {
  /** Pixels of the image that the piece is centred on. */
  readonly x: number;
  readonly y: number;
  /** Pixels along one side. */
  readonly side: number;
  /** `[side, side]` row-major; NaN outside the image. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Rows read at once, at most, besides the height of one cutout. */
const STRIP_ROWS = 256;

/**
 * Cuts squares out of an image; no more than a strip of it is in memory.
 *
 * @param path The image.
 * @param centres Pixels, rounded to the nearest one.
 * @param halfPx The side is `2 halfPx + 1`.
 * @returns One cutout a position, in their order.
 * @throws {DataError} If the image cannot be read.
 */
export async function readCutouts(
  path: string,
  centres: readonly { readonly x: number; readonly y: number }[],
  halfPx: number,
): Promise<Cutout[]> {
  using reader = await openImage(path);
  const { width, height } = reader;
  const side = 2 * halfPx + 1;
  const cutouts = centres.map(({ x, y }): Cutout => ({
    x: Math.round(x),
    y: Math.round(y),
    side,
    data: new Float32Array(side * side).fill(NaN),
  }));
  const ordered = [...cutouts].sort((a, b) => a.y - b.y);
  for (let first = 0; first < ordered.length;) {
    const start = ordered[first]?.y ?? 0;
    let end = first;
    while (end < ordered.length && (ordered[end]?.y ?? 0) < start + STRIP_ROWS) end++;
    const group = ordered.slice(first, end);
    const top = Math.max(0, start - halfPx);
    const bottom = Math.min(height, (group.at(-1)?.y ?? 0) + halfPx + 1);
    if (bottom > top) {
      const rows = await reader.readRows(top, bottom - top);
      for (const cutout of group) copyInto(cutout, rows, { width, top, bottom, halfPx });
    }
    first = end;
  }
  return cutouts;
}

function copyInto(
  cutout: Cutout,
  rows: Float32Array,
  strip: { width: number; top: number; bottom: number; halfPx: number },
): void {
  const { width, top, bottom, halfPx } = strip;
  const left = Math.max(0, cutout.x - halfPx);
  const right = Math.min(width, cutout.x + halfPx + 1);
  if (right <= left) return;
  for (let y = Math.max(top, cutout.y - halfPx); y < Math.min(bottom, cutout.y + halfPx + 1); y++) {
    const from = (y - top) * width;
    const to = (y - cutout.y + halfPx) * cutout.side + left - cutout.x + halfPx;
    cutout.data.set(rows.subarray(from + left, from + right), to);
  }
}
