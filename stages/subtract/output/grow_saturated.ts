/**
 * What the kernel makes of saturated stars.
 *
 * @module
 */

import { bit } from "../../../sky/mask.ts";

const SAT = bit("SAT");

/**
 * Marks all that the kernel takes from saturated pixels: what such a star lacks in
 * its core is many times the light that a kernel's rim carries, so nothing within its
 * whole footprint is right.
 *
 * @param mask `[height, width]` of the image that is convolved.
 * @param size Its size, px.
 * @param reachPx Half side of the kernel.
 * @param strip Rows of the mask of the difference, `[rows, width]`, changed.
 */
export function growSaturated(
  mask: Uint16Array,
  size: { readonly width: number; readonly height: number },
  reachPx: number,
  strip: { readonly firstRow: number; readonly rows: number; readonly mask: Uint16Array },
): void {
  const { width, height } = size;
  const end = strip.firstRow + strip.rows;
  const last = Math.min(height, end + reachPx);
  for (let y = Math.max(0, strip.firstRow - reachPx); y < last; y++) {
    const top = Math.max(strip.firstRow, y - reachPx), bottom = Math.min(end, y + reachPx + 1);
    const rowEnd = (y + 1) * width;
    if (!hasSaturated(mask, y * width, rowEnd)) continue;
    for (let i = y * width; i < rowEnd; i++) {
      if (!(mask[i]! & SAT)) continue;
      // A run of saturated pixels is one box.
      const x = i - y * width;
      let run = i + 1;
      while (run < rowEnd && mask[run]! & SAT) run++;
      const left = Math.max(0, x - reachPx), right = Math.min(width, run - y * width + reachPx);
      for (let row = top; row < bottom; row++) {
        const from = (row - strip.firstRow) * width;
        for (let k = from + left; k < from + right; k++) strip.mask[k]! |= SAT;
      }
      i = run;
    }
  }
}

/** Whether there is a saturated pixel; looks at two at once. */
function hasSaturated(mask: Uint16Array, from: number, to: number): boolean {
  const skip = (mask.byteOffset / 2 + from) % 2;
  if (skip > 0 && mask[from]! & SAT) return true;
  const pairs = new Uint32Array(
    mask.buffer,
    mask.byteOffset + 2 * (from + skip),
    (to - from - skip) >> 1,
  );
  for (let k = 0; k < pairs.length; k++) if (pairs[k]! & (SAT << 16 | SAT)) return true;
  return (mask[to - 1]! & SAT) !== 0;
}
