/**
 * Images as shades of grey.
 *
 * @module
 */

import type { Picture } from "./png.ts";
import { zscale } from "./zscale.ts";

/** How brightness becomes grey. */
export interface GrayOptions {
  /** Brightness of black; `zscale` if left out. */
  readonly lo?: number;
  /** Brightness of white; `zscale` if left out. */
  readonly hi?: number;
  /** A whole number repeats pixels, its inverse takes means of squares of pixels; 1. */
  readonly scale?: number;
  /** Row 0 at the bottom, as astronomers look at it; true. */
  readonly flipY?: boolean;
  /** How brightness between the limits is spread over the greys; linear. */
  readonly stretch?: "linear" | "asinh" | "sqrt";
}

/** The colour of pixels without a value. */
const NO_DATA = 96 << 16 | 112 << 8 | 144;

/**
 * Turns brightness into grey, and NaN, where there is any, into slate blue.
 *
 * @param data `[height, width]` row-major.
 * @param width Columns.
 * @param height Rows.
 * @param options Limits, size, orientation.
 * @returns The picture.
 */
export function grayPicture(
  data: ArrayLike<number>,
  width: number,
  height: number,
  options: GrayOptions = {},
): Picture {
  const { scale = 1, flipY = true, stretch = "linear" } = options;
  const [autoLo, autoHi] = options.lo === undefined || options.hi === undefined
    ? zscale(data)
    : [0, 0];
  const [lo, hi] = [options.lo ?? autoLo, options.hi ?? autoHi];
  const scaled = rescale({ data, width, height }, scale);
  const size = { width: scaled.width, height: scaled.height };
  const shades = { lo, range: hi > lo ? hi - lo : 1, stretch };
  const gray = new Uint8Array(size.width * size.height);
  let holes: Uint8Array | undefined;
  for (let y = 0; y < size.height; y++) {
    const from = (flipY ? size.height - 1 - y : y) * size.width, to = y * size.width;
    const whole = shadeRow(scaled.data, from, gray.subarray(to, to + size.width), shades);
    if (whole) continue;
    holes ??= new Uint8Array(gray.length);
    markHoles(scaled.data, from, holes.subarray(to, to + size.width));
  }
  const colours = holes && { numbers: holes, list: [NO_DATA] };
  return { ...size, data: gray, channels: 1, ...(colours && { colours }) };
}

interface Shades {
  readonly lo: number;
  readonly range: number;
  readonly stretch: "linear" | "asinh" | "sqrt";
}

/** Shades a row of pixels; false if any has no value. */
function shadeRow(
  data: ArrayLike<number>,
  from: number,
  gray: Uint8Array,
  { lo, range, stretch }: Shades,
): boolean {
  let whole = true;
  for (let x = 0; x < gray.length; x++) {
    const fraction = (data[from + x]! - lo) / range;
    if (fraction !== fraction) whole = false;
    const clipped = fraction > 0 ? fraction < 1 ? fraction : 1 : 0;
    const shown = stretch === "linear" ? clipped : stretched(clipped, stretch);
    gray[x] = 255 * shown + 0.5; // what is behind the point is cut off
  }
  return whole;
}

/** Marks by 1 the pixels of a row that have no value. */
function markHoles(data: ArrayLike<number>, from: number, holes: Uint8Array): void {
  for (let x = 0; x < holes.length; x++) holes[x] = Number.isNaN(data[from + x]!) ? 1 : 0;
}

function stretched(fraction: number, stretch: "asinh" | "sqrt"): number {
  return stretch === "sqrt" ? Math.sqrt(fraction) : Math.asinh(fraction * 10) / Math.asinh(10);
}

interface Pixels {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

function rescale(image: Pixels, scale: number): Pixels {
  const { data, width, height } = image;
  if (scale === 1) return image;
  const repeat = Math.max(1, Math.round(scale));
  const step = scale < 1 ? Math.max(1, Math.round(1 / scale)) : 1;
  const [w, h] = [Math.ceil(width * repeat / step), Math.ceil(height * repeat / step)];
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      out[y * w + x] = step === 1
        ? data[Math.floor(y / repeat) * width + Math.floor(x / repeat)]!
        : blockMean(data, width, height, x * step, y * step, step);
    }
  }
  return { data: out, width: w, height: h };
}

/** Mean of the pixels that have a value. */
function blockMean(
  data: ArrayLike<number>,
  width: number,
  height: number,
  x0: number,
  y0: number,
  size: number,
): number {
  let [sum, count] = [0, 0];
  for (let y = y0; y < Math.min(height, y0 + size); y++) {
    for (let x = x0; x < Math.min(width, x0 + size); x++) {
      const value = data[y * width + x]!;
      if (value !== value) continue;
      sum += value;
      count++;
    }
  }
  return count === 0 ? NaN : sum / count;
}
