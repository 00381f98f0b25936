/**
 * Pictures to judge a difference by.
 *
 * @module
 */

import { kernelAt, type KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { bit } from "../../../sky/mask.ts";
import { stampsPng } from "../../../sky/stamps.ts";
import type { FinishedDifference } from "./finish.ts";
import type { AlignedPair, ImageSize } from "../pair.ts";

/** Side of a picture on the page, px; larger images are shrunk to it. */
const PANEL_PX = 480;

/**
 * Draws science frame, reference, difference and difference over noise beside each other.
 *
 * @param pair The pair.
 * @param finished Its difference.
 * @param title Above all.
 * @param subtitle Below the title.
 * @returns PNG file.
 */
export function overviewPng(
  pair: AlignedPair,
  finished: FinishedDifference,
  title: string,
  subtitle: string,
): Promise<Uint8Array> {
  const { science, reference } = pair;
  const { known, pull } = farthest(pair, finished);
  const sigma = Math.hypot(science.skySigmaAdu, pair.scale * reference.skySigmaAdu);
  const shown = [
    { title: "Science", ...thinned(science.data, pair), ...around(science) },
    { title: "Reference", ...thinned(reference.data, pair), ...around(reference) },
    { title: "Difference", ...known, lo: -8 * sigma, hi: 8 * sigma },
    { title: "Difference over noise", ...pull, lo: -5, hi: 5 },
  ];
  return stampsPng(shown, { title, subtitle, marker: false, panelPx: PANEL_PX });
}

function around(image: AlignedPair["science"]): { readonly lo: number; readonly hi: number } {
  return { lo: image.skyAdu - 3 * image.skySigmaAdu, hi: image.skyAdu + 20 * image.skySigmaAdu };
}

/** A square panel. */
interface Panel {
  readonly data: Float32Array;
  readonly size: number;
}

/** Which pixels of an image make one of a panel: `of` gives the first of column or row `k`. */
function panelOf(pair: ImageSize): {
  readonly size: number;
  readonly of: (k: number) => number;
  readonly columns: number;
  readonly rows: number;
} {
  const longer = Math.max(pair.width, pair.height);
  const size = Math.min(PANEL_PX, longer);
  const count = (pixels: number) => Math.ceil(pixels * size / longer);
  const of = (k: number) => Math.floor(k * longer / size);
  return { size, of, columns: count(pair.width), rows: count(pair.height) };
}

/** Shrinks an image by means of every other row and column. */
function thinned(data: Float32Array, pair: ImageSize): Panel {
  const { size, of, columns, rows } = panelOf(pair);
  const out = new Float32Array(size * size).fill(NaN);
  const skip = pair.width > 2 * size ? 2 : 1;
  for (let y = 0; y < rows; y++) {
    const bottom = Math.min(pair.height, of(y + 1));
    for (let x = 0; x < columns; x++) {
      const left = of(x), right = Math.min(pair.width, of(x + 1));
      let sum = 0, count = 0;
      for (let row = of(y); row < bottom; row += skip) {
        for (let i = row * pair.width + left, end = row * pair.width + right; i < end; i += skip) {
          const value = data[i]!;
          if (value !== value) continue;
          sum += value;
          count++;
        }
      }
      if (count > 0) out[y * size + x] = sum / count;
    }
  }
  return { data: out, size };
}

/** Shrinks a difference to the value farthest from zero in each square, so that no source disappears. */
function farthest(
  pair: ImageSize,
  { difference, weight, mask }: FinishedDifference,
): { readonly known: Panel; readonly pull: Panel } {
  const { size, of, columns, rows } = panelOf(pair);
  const noData = bit("NO_DATA");
  const known = new Float32Array(size * size).fill(NaN);
  const pull = new Float32Array(size * size).fill(NaN);
  for (let y = 0; y < rows; y++) {
    const bottom = Math.min(pair.height, of(y + 1));
    for (let x = 0; x < columns; x++) {
      const left = of(x), right = Math.min(pair.width, of(x + 1));
      // squares are compared first: one root a square is enough
      let most = -1, at = -1, mostPull = -1, pullAt = -1;
      for (let row = of(y); row < bottom; row++) {
        for (let i = row * pair.width + left, end = row * pair.width + right; i < end; i++) {
          const square = difference[i]! ** 2;
          if (square > most && (mask[i]! & noData) === 0) {
            most = square;
            at = i;
          }
          const power = square * weight[i]!;
          if (power > mostPull && weight[i]! > 0) {
            mostPull = power;
            pullAt = i;
          }
        }
      }
      if (at >= 0) known[y * size + x] = difference[at]!;
      if (pullAt >= 0) pull[y * size + x] = difference[pullAt]! * Math.sqrt(weight[pullAt]!);
    }
  }
  return { known: { data: known, size }, pull: { data: pull, size } };
}

/**
 * Draws a kernel, or a PSF, at nine places of the field, as they lie on it.
 *
 * @param field The kernel.
 * @param title Above all.
 * @param subtitle Below the title.
 * @param what It is.
 * @returns PNG file.
 */
export function kernelMosaicPng(
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
  const note = `${side} × ${side} px each; black −${(peak / 4).toPrecision(2)}, white ${
    peak.toPrecision(2)
  }`;
  const stamp = { title: `${what} over the field`, data, size, note, lo: -peak / 4, hi: peak };
  return stampsPng([stamp], { title, subtitle, marker: false, panelPx: PANEL_PX });
}
