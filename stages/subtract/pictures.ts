/**
 * Pictures to judge a difference by.
 *
 * @module
 */

import { kernelAt, type KernelField } from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import { bit } from "../../sky/mask.ts";
import { stampsPng } from "../../sky/pictures.ts";
import type { FinishedDifference } from "./finish.ts";
import type { AlignedPair } from "./pair.ts";

/** Side of a picture on the page, px. */
const PANEL_PX = 480;
/** Larger images are shrunk to at most so many pixels a side. */
const MOST_PX = 960;

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
  const { difference, weight, mask } = finished;
  const noData = bit("NO_DATA");
  const known = difference.map((value, i) => mask[i]! & noData ? NaN : value);
  const pull = difference.map((value, i) => weight[i]! > 0 ? value * Math.sqrt(weight[i]!) : NaN);
  const size = Math.max(pair.width, pair.height);
  const square = (data: Float32Array, mean: boolean) => shrink(data, pair, { size, mean });
  const shown = [
    { title: "Science", image: square(science.data, true), ...around(science) },
    { title: "Reference", image: square(reference.data, true), ...around(reference) },
    {
      title: "Difference",
      image: square(known, false),
      lo: -8 * sigmaOf(pair),
      hi: 8 * sigmaOf(pair),
    },
    { title: "Difference over noise", image: square(pull, false), lo: -5, hi: 5 },
  ];
  const stamps = shown.map(({ title, image, lo, hi }) => ({ title, ...image, lo, hi }));
  return stampsPng(stamps, { title, subtitle, marker: false, panelPx: PANEL_PX });
}

function around(image: AlignedPair["science"]): { readonly lo: number; readonly hi: number } {
  return { lo: image.skyAdu - 3 * image.skySigmaAdu, hi: image.skyAdu + 20 * image.skySigmaAdu };
}

function sigmaOf(pair: AlignedPair): number {
  return Math.hypot(pair.science.skySigmaAdu, pair.scale * pair.reference.skySigmaAdu);
}

/**
 * Shrinks an image to a square panel: by means for the eye, or by the value
 * farthest from zero so that no source of a difference disappears.
 */
function shrink(
  data: Float32Array,
  pair: AlignedPair,
  how: { readonly size: number; readonly mean: boolean },
): { readonly data: Float32Array; readonly size: number } {
  const step = Math.max(1, Math.ceil(how.size / MOST_PX));
  const size = Math.ceil(how.size / step);
  const out = new Float32Array(size * size).fill(NaN);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let sum = 0, count = 0, extreme = NaN;
      for (let row = y * step; row < Math.min(pair.height, (y + 1) * step); row++) {
        for (let column = x * step; column < Math.min(pair.width, (x + 1) * step); column++) {
          const value = data[row * pair.width + column]!;
          if (Number.isNaN(value)) continue;
          sum += value;
          count++;
          if (!(Math.abs(value) <= Math.abs(extreme))) extreme = value;
        }
      }
      if (count > 0) out[y * size + x] = how.mean ? sum / count : extreme;
    }
  }
  return { data: out, size };
}

/**
 * Draws the kernel at nine places of the field, as they lie on it.
 *
 * @param field The kernel.
 * @param title Above all.
 * @param subtitle Below the title.
 * @returns PNG file.
 */
export function kernelMosaicPng(
  field: KernelField,
  title: string,
  subtitle: string,
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
  const stamp = { title: "Kernel over the field", data, size, note, lo: -peak / 4, hi: peak };
  return stampsPng([stamp], { title, subtitle, marker: false, panelPx: PANEL_PX });
}
