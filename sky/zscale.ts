/**
 * Limits of brightness for showing an image.
 *
 * @module
 */

/** How {@linkcode zscale} chooses. */
export interface ZscaleOptions {
  /** Samples taken, evenly through the image; 1000. */
  readonly samples?: number;
  /** Steeper than the sorted samples by the inverse of this; 0.25. */
  readonly contrast?: number;
}

/**
 * Chooses limits that show the sky and what is little brighter, as IRAF and ds9 do.
 *
 * Fits a line through the sorted samples, rejecting the bright and the faint end
 * again and again, and steepens it by the contrast.
 *
 * @param data Any number of pixels; NaN is passed over.
 * @param options Samples and contrast.
 * @returns Brightness of black and of white; equal only when all pixels are, `[0, 1]` without any.
 */
export function zscale(
  data: ArrayLike<number>,
  options: ZscaleOptions = {},
): [lo: number, hi: number] {
  const { samples: wanted = 1000, contrast = 0.25 } = options;
  const samples = sortedSamples(data, wanted);
  const count = samples.length;
  if (count === 0) return [0, 1];
  const [least, most] = [samples[0]!, samples[count - 1]!];
  const fewest = Math.max(5, Math.floor(count / 2));
  const slope = fitSlope(samples, fewest);
  if (slope === undefined) return [least, most];
  const middle = Math.floor((count - 1) / 2);
  const median = count % 2 === 1 ? samples[middle]! : (samples[middle]! + samples[middle + 1]!) / 2;
  const steep = slope / contrast;
  return [
    Math.max(least, median - (middle - 1) * steep),
    Math.min(most, median + (count - middle) * steep),
  ];
}

function sortedSamples(data: ArrayLike<number>, wanted: number): Float64Array {
  const stride = Math.max(1, Math.floor(data.length / wanted));
  const samples: number[] = [];
  for (let i = 0; i < data.length && samples.length < wanted; i += stride) {
    if (Number.isFinite(data[i]!)) samples.push(data[i]!);
  }
  return Float64Array.from(samples).sort();
}

/** Slope of a line through sorted samples after rejection; undefined when too few are left. */
function fitSlope(samples: Float64Array, fewest: number): number | undefined {
  const count = samples.length;
  const grow = Math.max(1, Math.floor(count * 0.01));
  let bad = new Uint8Array(count);
  let [good, before] = [count, count + 1];
  let slope = 0;
  for (let pass = 0; pass < 5 && good < before && good >= fewest; pass++) {
    const line = fitLine(samples, bad);
    slope = line.slope;
    const limit = 2.5 * line.sigma;
    const rejected = bad.slice();
    for (let i = 0; i < count; i++) {
      if (Math.abs(samples[i]! - line.slope * i - line.offset) > limit) rejected[i] = 1;
    }
    bad = spread(rejected, grow);
    before = good;
    good = bad.reduce((sum, flag) => sum + (1 - flag), 0);
  }
  return good >= fewest ? slope : undefined;
}

function fitLine(samples: Float64Array, bad: Uint8Array) {
  let [n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < samples.length; i++) {
    if (bad[i]) continue;
    n++;
    sx += i;
    sy += samples[i]!;
    sxx += i * i;
    sxy += i * samples[i]!;
  }
  const slope = (n * sxy - sx * sy) / (n * sxx - sx * sx) || 0;
  const offset = (sy - slope * sx) / n;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < samples.length; i++) {
    if (bad[i]) continue;
    const rest = samples[i]! - slope * i - offset;
    sum += rest;
    squares += rest * rest;
  }
  return { slope, offset, sigma: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)) };
}

/** Flags also the neighbours of what is flagged. */
function spread(flags: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(flags.length);
  const half = Math.floor((width - 1) / 2);
  for (let i = 0; i < flags.length; i++) {
    if (flags[i]) out.fill(1, Math.max(0, i - half), Math.min(flags.length, i - half + width));
  }
  return out;
}
