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
const NO_DATA_RGB = [96, 112, 144] as const;

/**
 * Turns brightness into grey, or RGB with NaN in slate blue when there is any.
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
  const count = scaled.width * scaled.height;
  const gray = new Uint8Array(count);
  const holes = new Uint8Array(count);
  let anyHole = false;
  const range = hi > lo ? hi - lo : 1;
  for (let y = 0; y < scaled.height; y++) {
    const from = (flipY ? scaled.height - 1 - y : y) * scaled.width;
    for (let x = 0; x < scaled.width; x++) {
      const value = scaled.data[from + x]!;
      const at = y * scaled.width + x;
      if (value !== value) {
        holes[at] = 1;
        anyHole = true;
      } else gray[at] = Math.round(255 * stretched((value - lo) / range, stretch));
    }
  }
  const size = { width: scaled.width, height: scaled.height };
  if (!anyHole) return { ...size, data: gray, channels: 1 };
  return { ...size, data: withHoles(gray, holes), channels: 3 };
}

function withHoles(gray: Uint8Array, holes: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(gray.length * 3);
  const [red, green, blue] = NO_DATA_RGB;
  for (let i = 0, k = 0; i < gray.length; i++, k += 3) {
    const isHole = holes[i] === 1, value = gray[i]!;
    rgb[k] = isHole ? red : value;
    rgb[k + 1] = isHole ? green : value;
    rgb[k + 2] = isHole ? blue : value;
  }
  return rgb;
}

function stretched(fraction: number, stretch: "linear" | "asinh" | "sqrt"): number {
  const clipped = Math.min(1, Math.max(0, fraction));
  if (stretch === "sqrt") return Math.sqrt(clipped);
  if (stretch === "asinh") return Math.asinh(clipped * 10) / Math.asinh(10);
  return clipped;
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
