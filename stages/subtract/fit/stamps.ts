/**
 * What one star says about the kernel: its normal equations.
 *
 * @module
 */

import type { KernelBasis } from "./basis.ts";

/** The images that the kernel is fitted to; all `[height, width]`, row-major. */
export interface FitImages {
  readonly width: number;
  readonly height: number;
  /** The image to be convolved, ADU, sky taken off, no NaN. */
  readonly sharp: Float32Array;
  /** The image to be matched, ADU, sky taken off, no NaN where `usable`. */
  readonly broad: Float32Array;
  /** Variance of the difference to be expected, ADU². */
  readonly variance: Float32Array;
  /** Variance of `sharp`, ADU². */
  readonly sharpVariance: Float32Array;
  /** 0 where a pixel may not be fitted. */
  readonly usable: Uint8Array;
}

/**
 * The weighted normal equations of one star over the local kernel and a
 * constant background: `matrix · c = vector`, `[n, n]` and `[n]` with n = terms + 1.
 */
export interface StampEquations {
  readonly x: number;
  readonly y: number;
  readonly matrix: Float64Array;
  readonly vector: Float64Array;
  /** Weighted sum of the sharp image's variance: what its noise adds to the matrix, a unit of the basis' products. */
  readonly noise: number;
  /** Weighted sum of squares of the data. */
  readonly square: number;
  readonly pixels: number;
}

/** How stamps are cut. */
export interface StampOptions {
  /** Radius of the disk of pixels that are fitted, px. */
  readonly radiusPx: number;
  /** Fraction of the signal that is taken as its error, so that the brightest stars do not decide alone. */
  readonly modelError: number;
  /** The photometric scale expected, to judge the signal by. */
  readonly scale: number;
}

/**
 * Sums the normal equations over the disk around one star.
 *
 * @param images The two images with weights.
 * @param basis The kernel's basis.
 * @param star Position, px, 0 at the centre of the first pixel.
 * @param options Radius, floor of the error.
 * @returns The equations, or undefined when the stamp leaves the image or under half of it is usable.
 */
export function stampEquations(
  images: FitImages,
  basis: KernelBasis,
  star: { readonly x: number; readonly y: number },
  options: StampOptions,
): StampEquations | undefined {
  const { width, height } = images;
  const reach = Math.ceil(options.radiusPx);
  const cx = Math.round(star.x), cy = Math.round(star.y);
  const margin = reach + basis.halfPx;
  if (cx < margin || cy < margin || cx >= width - margin || cy >= height - margin) return undefined;
  const pixels = stampPixels(images, { cx, cy, reach }, options);
  if (pixels.at.length < 0.5 * Math.PI * options.radiusPx ** 2) return undefined;
  const columns = stampColumns(images, basis, { cx, cy, reach });
  return { x: star.x, y: star.y, ...sumEquations(columns, pixels) };
}

interface StampPlace {
  readonly cx: number;
  readonly cy: number;
  readonly reach: number;
}

interface StampPixels {
  /** Index within the stamp, `(2·reach + 1)²` row-major. */
  readonly at: number[];
  readonly weight: number[];
  readonly data: number[];
  /** Variance of the sharp image. */
  readonly noise: number[];
}

function stampPixels(images: FitImages, place: StampPlace, options: StampOptions): StampPixels {
  const { cx, cy, reach } = place;
  const size = 2 * reach + 1;
  const pixels: StampPixels = { at: [], weight: [], data: [], noise: [] };
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      if (dx * dx + dy * dy > options.radiusPx ** 2) continue;
      const i = (cy + dy) * images.width + cx + dx;
      const variance = images.variance[i]!;
      if (!images.usable[i] || !(variance > 0)) continue;
      // The floor follows the smoothed signal: weights that follow the noise would bias the scale.
      const signal = options.modelError * smoothed(images.broad, i, images.width);
      pixels.at.push((dy + reach) * size + dx + reach);
      pixels.weight.push(1 / (variance + signal * signal));
      pixels.data.push(images.broad[i]!);
      pixels.noise.push(images.sharpVariance[i]!);
    }
  }
  return pixels;
}

function smoothed(data: Float32Array, i: number, width: number): number {
  let sum = 0;
  for (let row = i - width; row <= i + width; row += width) {
    sum += data[row - 1]! + data[row]! + data[row + 1]!;
  }
  return sum / 9;
}

/** The basis functions convolved with the sharp image over the stamp, `[terms][size²]`. */
function stampColumns(images: FitImages, basis: KernelBasis, place: StampPlace): Float64Array[] {
  const { cx, cy, reach } = place;
  const size = 2 * reach + 1;
  const rows = size + 2 * basis.halfPx;
  const { sharp } = images;
  const across = basis.factors.map((factor) => {
    const out = new Float64Array(rows * size);
    for (let row = 0; row < rows; row++) {
      const from = (cy - reach - basis.halfPx + row) * images.width + cx - reach;
      for (let column = 0; column < size; column++) {
        let sum = 0;
        const at = from + column + basis.halfPx;
        for (let k = 0; k < factor.length; k++) sum += factor[k]! * sharp[at - k]!;
        out[row * size + column] = sum;
      }
    }
    return out;
  });
  const columns = basis.terms.map((term) => {
    return convolveDown(across[term.x]!, basis.factors[term.y]!, size);
  });
  const first = columns[0]!;
  for (let n = 1; n < columns.length; n++) {
    if (basis.sums[n] === 0) continue;
    const column = columns[n]!;
    for (let i = 0; i < column.length; i++) column[i]! -= first[i]!;
  }
  return columns;
}

function convolveDown(rows: Float64Array, factor: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size);
  const taps = factor.length;
  for (let y = 0; y < size; y++) {
    const to = y * size;
    let k = 0;
    // four rows at a time: the sums are loaded and stored a quarter as often
    for (; k + 4 <= taps; k += 4) {
      const a = factor[k]!, b = factor[k + 1]!, c = factor[k + 2]!, d = factor[k + 3]!;
      let from = (y + taps - 1 - k) * size;
      for (let x = 0; x < size; x++, from++) {
        out[to + x]! += a * rows[from]! + b * rows[from - size]! + c * rows[from - 2 * size]! +
          d * rows[from - 3 * size]!;
      }
    }
    for (; k < taps; k++) {
      const weight = factor[k]!, from = (y + taps - 1 - k) * size;
      for (let x = 0; x < size; x++) out[to + x]! += weight * rows[from + x]!;
    }
  }
  return out;
}

function sumEquations(
  columns: readonly Float64Array[],
  pixels: StampPixels,
): Omit<StampEquations, "x" | "y"> {
  const n = columns.length + 1;
  const root = Float64Array.from(pixels.weight, Math.sqrt);
  const data = root.map((value, k) => value * pixels.data[k]!);
  // Times the roots of the weights.
  const scaled = columns.map((column) => root.map((value, k) => value * column[pixels.at[k]!]!));
  scaled.push(root);
  const matrix = new Float64Array(n * n);
  scaled.forEach((a, i) => {
    for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = dot(a, scaled[j]!);
  });
  return {
    matrix,
    vector: Float64Array.from(scaled, (column) => dot(column, data)),
    square: dot(data, data),
    noise: pixels.weight.reduce((sum, weight, k) => sum + weight * pixels.noise[k]!, 0),
    pixels: pixels.at.length,
  };
}

/** Four sums at a time, so that the additions need not wait for each other. */
function dot(a: Float64Array, b: Float64Array): number {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  let k = 0;
  for (const end = a.length - 3; k < end; k += 4) {
    s0 += a[k]! * b[k]!;
    s1 += a[k + 1]! * b[k + 1]!;
    s2 += a[k + 2]! * b[k + 2]!;
    s3 += a[k + 3]! * b[k + 3]!;
  }
  for (; k < a.length; k++) s0 += a[k]! * b[k]!;
  return s0 + s1 + s2 + s3;
}
