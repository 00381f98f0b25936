/**
 * Exact percentiles and clipped moments of an image.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, type Params, u32 } from "../../job.ts";
import wgsl from "./statistics.wgsl" with { type: "text" };
import wasm from "./statistics.wasm.b64" with { type: "text" };

/** The kernel. */
export const STATISTICS: Kernel = { name: "statistics", wgsl, wasm };

/** Rows of an image. */
export interface Rows {
  /** Pixels a row. */
  readonly width: number;
  /** `[rows, width]`; NaN is left out everywhere. */
  readonly values: Float32Array<ArrayBufferLike>;
}

const BINS = 65536;

/**
 * Percentiles, exact: found by their place among all values, not by a sample of them.
 *
 * @param compute Where.
 * @param image The image.
 * @param fractions From 0, the smallest, to 1, the largest.
 * @param signal Stops it.
 * @returns A value each, interpolated between neighbours as numpy does; NaN if there is no value.
 */
export async function percentiles(
  compute: Compute,
  image: Rows,
  fractions: readonly number[],
  signal?: AbortSignal,
): Promise<number[]> {
  const upper = await count(compute, image, "countUpper", [], signal);
  const total = upper.reduce((sum, n) => sum + n, 0);
  if (total === 0) return fractions.map(() => NaN);
  const lowers = new Map<number, Uint32Array>();
  const valueAt = async (rank: number): Promise<number> => {
    const bin = findRank(upper, rank);
    const lower = lowers.get(bin.index) ??
      await count(compute, image, "countLower", [u32(bin.index)], signal);
    lowers.set(bin.index, lower);
    return valueOf(bin.index * BINS + findRank(lower, rank - bin.before).index);
  };
  const found: number[] = [];
  for (const fraction of fractions) {
    const place = fraction * (total - 1);
    const low = await valueAt(Math.floor(place));
    const high = await valueAt(Math.ceil(place));
    found.push(low === high ? low : low + (high - low) * (place - Math.floor(place)));
  }
  return found;
}

async function count(
  compute: Compute,
  image: Rows,
  entry: "countUpper" | "countLower",
  params: Params,
  signal: AbortSignal | undefined,
): Promise<Uint32Array> {
  const counts = new Uint32Array(BINS);
  const base = inputOf(image, "percentiles");
  await compute.run({
    ...base,
    slots: [
      ...base.slots,
      { role: "sum", rowBytes: counts.byteLength, bytes: new Uint8Array(counts.buffer) },
    ],
    passes: [{ kernel: STATISTICS, entry, slots: [0, 1], params, scratchBytes: BINS * 4 }],
  }, signal);
  return counts;
}

function inputOf({ width, values }: Rows, label: string) {
  const bytes = bytesOf(values);
  const slots = [{ role: "input", rowBytes: width * 4, bytes }] as const;
  return { label, width, rows: values.length / width, slots };
}

/** The bin that holds the value of a rank, from 0, and how many values come before the bin. */
function findRank(counts: Uint32Array, rank: number): { index: number; before: number } {
  let before = 0;
  for (let index = 0; index < counts.length; index++) {
    if (before + counts[index]! > rank) return { index, before };
    before += counts[index]!;
  }
  throw new RangeError(`rank ${rank} of ${before} values`);
}

/** The number of a key. */
function valueOf(key: number): number {
  const bits = key >= 0x80000000 ? key - 0x80000000 : 0xffffffff - key;
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}

/** Level and noise of an image. */
export interface Moments {
  /** Values that were taken. */
  readonly count: number;
  /** Their mean; NaN if there are none. */
  readonly mean: number;
  /** Their standard deviation, divided by the count. */
  readonly sigma: number;
}

/** How {@linkcode clippedMoments} clips. */
export interface ClipOptions {
  /** Values farther than this many sigma from the mean are left out; 3 if left out. */
  readonly clipSigma?: number;
  /** At most so many rounds; 5 if left out. */
  readonly iterations?: number;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/**
 * Mean and standard deviation after clipping about the mean until nothing more is left out.
 *
 * The first round starts from the median and the range between the quartiles, so that one saturated
 * star does not set the scale.
 *
 * @param compute Where.
 * @param image The image.
 * @param options Clipping.
 * @returns Rows are summed about the median, in float64 on the cpu and float32 on a GPU, and the
 * rows' sums in float64.
 */
export async function clippedMoments(
  compute: Compute,
  image: Rows,
  options: ClipOptions = {},
): Promise<Moments> {
  const { clipSigma = 3, iterations = 5, signal } = options;
  const [low = NaN, centre = NaN, high = NaN] = await percentiles(
    compute,
    image,
    [0.25, 0.5, 0.75],
    signal,
  );
  let moments: Moments = { count: 0, mean: centre, sigma: (high - low) / 1.349 };
  if (Number.isNaN(centre)) return { count: 0, mean: NaN, sigma: NaN };
  for (let round = 0; round <= iterations; round++) {
    const reach = clipSigma * moments.sigma;
    const within = [moments.mean - reach, moments.mean + reach] as const;
    const next = await momentsWithin(compute, image, { centre, within }, signal);
    const settled = next.count === moments.count;
    moments = next;
    if (settled) break;
  }
  return moments;
}

async function momentsWithin(
  compute: Compute,
  image: Rows,
  limits: { readonly centre: number; readonly within: readonly [number, number] },
  signal: AbortSignal | undefined,
): Promise<Moments> {
  const rows = image.values.length / image.width;
  const sums = new Float32Array(rows * 4);
  const counts = new Uint32Array(sums.buffer);
  const base = inputOf(image, "moments");
  await compute.run({
    ...base,
    slots: [...base.slots, { role: "output", rowBytes: 16, bytes: new Uint8Array(sums.buffer) }],
    passes: [{
      kernel: STATISTICS,
      entry: "sumRows",
      slots: [0, 1],
      params: [f32(limits.centre), f32(limits.within[0]), f32(limits.within[1])],
      each: "row",
    }],
  }, signal);
  let [count, sum, squares] = [0, 0, 0];
  for (let at = 0; at < sums.length; at += 4) {
    count += counts[at]!;
    sum += sums[at + 1]!;
    squares += sums[at + 2]!;
  }
  const mean = sum / count;
  const variance = Math.max(0, squares / count - mean * mean);
  return { count, mean: Math.fround(limits.centre) + mean, sigma: Math.sqrt(variance) };
}
