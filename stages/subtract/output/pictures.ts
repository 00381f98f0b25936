/**
 * Pictures to judge a difference by.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { kernelAt, type KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import {
  shrinkByMeans,
  shrinkToFarthest,
  type Shrunk,
} from "../../../gpu/kernels/shrink/shrink.ts";
import { bit } from "../../../sky/mask.ts";
import { type Stamp, stampsPng } from "../../../sky/stamps.ts";
import type { AlignedPair } from "../pair.ts";
import type { FinishedDifference } from "./finish.ts";

/** Side of a picture on the page, px; larger images are shrunk to it. */
const PANEL_PX = 480;

/**
 * Draws science frame, reference, difference and difference over noise beside each other.
 *
 * @param compute Where the images are shrunk and the file is packed.
 * @param pair The pair.
 * @param finished Its difference.
 * @param title Above all.
 * @param subtitle Below the title.
 * @returns PNG file.
 */
export async function overviewPng(
  compute: Compute,
  pair: AlignedPair,
  finished: FinishedDifference,
  title: string,
  subtitle: string,
): Promise<Uint8Array> {
  const { science, reference, width, height } = pair;
  const size = { width, height, mostPx: PANEL_PX };
  const [before, against, { known, pull }] = await Promise.all([
    shrinkByMeans(compute, science.data, size),
    shrinkByMeans(compute, reference.data, size),
    shrinkToFarthest(compute, finished, size, bit("NO_DATA")),
  ]);
  const sigma = Math.hypot(science.skySigmaAdu, pair.scale * reference.skySigmaAdu);
  const shown = [
    { title: "Science", ...squared(before), ...around(science) },
    { title: "Reference", ...squared(against), ...around(reference) },
    { title: "Difference", ...squared(known), lo: -8 * sigma, hi: 8 * sigma },
    { title: "Difference over noise", ...squared(pull), lo: -5, hi: 5, unit: "σ" },
  ];
  return await stampsPng(shown, { title, subtitle, marker: false, panelPx: PANEL_PX, compute });
}

function around(image: AlignedPair["science"]): { readonly lo: number; readonly hi: number } {
  return { lo: image.skyAdu - 3 * image.skySigmaAdu, hi: image.skyAdu + 20 * image.skySigmaAdu };
}

/** A picture in the corner of a square. */
function squared({ columns, rows, data }: Shrunk): Pick<Stamp, "data" | "size"> {
  const size = Math.max(columns, rows);
  if (columns === rows) return { data, size };
  const square = new Float32Array(size * size).fill(NaN);
  for (let row = 0; row < rows; row++) {
    square.set(data.subarray(row * columns, (row + 1) * columns), row * size);
  }
  return { data: square, size };
}

/**
 * Draws a kernel, or a PSF, at nine places of the field, as they lie on it.
 *
 * @param compute Where the file is packed.
 * @param field The kernel.
 * @param title Above all.
 * @param subtitle Below the title.
 * @param what It is.
 * @returns PNG file.
 */
export function kernelMosaicPng(
  compute: Compute,
  field: KernelField,
  title: string,
  subtitle: string,
  what = "Kernel",
): Promise<Uint8Array> {
  const places = 3, gap = 2;
  const side = 2 * field.halfPx + 1;
  const size = places * side + (places - 1) * gap;
  const data = new Float32Array(size * size).fill(NaN);
  let peak = 0;
  for (let row = 0; row < places; row++) {
    for (let column = 0; column < places; column++) {
      const x = ((column + 0.5) / places) * (field.width - 1);
      const y = ((row + 0.5) / places) * (field.height - 1);
      kernelAt(field, x, y).forEach((value, i) => {
        const px = column * (side + gap) + (i % side);
        const py = row * (side + gap) + Math.floor(i / side);
        data[py * size + px] = value;
        peak = Math.max(peak, Math.abs(value));
      });
    }
  }
  const note = `${side} × ${side} px each`;
  const stamp = {
    title: `${what} over the field`,
    data,
    size,
    note,
    lo: -peak / 4,
    hi: peak,
    unit: "",
  };
  return stampsPng([stamp], { title, subtitle, marker: false, panelPx: PANEL_PX, compute });
}
