/**
 * Combines plain raw frames into a master on the chosen backend.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { Compute } from "../../../gpu/compute.ts";
import {
  type CombineOptions,
  combineStrip,
} from "../../../gpu/kernels/clip_stack/combine_strip.ts";
import { encodeFloats, foldSums } from "../../../gpu/kernels/encode/encode.ts";
import { reduceRows } from "../../../gpu/kernels/reduce/reduce_rows.ts";
import { bit } from "../../../sky/mask.ts";
import type { MasterType } from "../frames/groups.ts";
import { darkScale } from "./master.ts";
import type { MasterStrip, MasterWriter } from "./master_writer.ts";
import { MasterPlaces, type Place } from "./master_places.ts";
import type { PlainFrames } from "../frames/plain_frames.ts";
import type { LoadedMasters, ScaledFrame } from "./reduce_frame.ts";

const BITS = { bad: bit("BAD"), saturated: bit("SAT"), noData: bit("NO_DATA") };

/** What frames are combined to. */
export interface PlainCombination {
  readonly type: MasterType;
  readonly frames: readonly ScaledFrame[];
  readonly masters: LoadedMasters;
  readonly options: CombineOptions;
  readonly compute: Compute;
  readonly signal: AbortSignal;
}

/**
 * Reduces and combines frames strip by strip; the next strip is read and the last is
 * written while one is computed.
 *
 * Bias is taken off a combined dark, which gives the same as taking it off each frame.
 *
 * @param open The frames.
 * @param job Masters, method and backend.
 * @param writer Takes the rows.
 */
export async function combinePlain(
  open: PlainFrames,
  job: PlainCombination,
  writer: MasterWriter,
): Promise<void> {
  using places = new MasterPlaces(open, job.type, job.compute);
  let done: MasterStrip | undefined;
  let rows = await readStrip(open, 0, places.at(0), job);
  for (let index = 0, firstRow = 0; rows > 0; index++) {
    const computing = computeStrip({ open, rows, place: places.at(index), places }, job);
    computing.catch(() => undefined); // awaited below
    await setImmediate(); // lets the computation start before this thread reads
    firstRow += rows;
    const writing = done && writer.writeEncoded(done);
    writing?.catch(() => undefined); // awaited below
    try {
      rows = await readStrip(open, firstRow, places.at(index + 1), job);
    } finally {
      await Promise.allSettled([computing, writing]);
    }
    await writing;
    done = await computing;
  }
  if (done !== undefined) await writer.writeEncoded(done);
  job.signal.throwIfAborted();
}

/** Reads the same rows of all frames and of the masters; gives how many rows there were. */
async function readStrip(
  open: PlainFrames,
  firstRow: number,
  place: Place,
  { masters, signal }: PlainCombination,
): Promise<number> {
  signal.throwIfAborted();
  const { width, height, pixelBytes } = open;
  const rows = Math.min(place.rows, height - firstRow);
  if (rows <= 0) return 0;
  const planeBytes = place.rows * width * pixelBytes;
  for (let k = 0; k < open.count; k++) {
    const plane = place.input.subarray(k * planeBytes, k * planeBytes + rows * width * pixelBytes);
    await open.read(k, firstRow, rows, plane);
  }
  const [first, end] = [firstRow * width, (firstRow + rows) * width];
  if (masters.biasPixels) place.bias.set(masters.biasPixels.subarray(first, end));
  if (masters.darkPixels) place.dark.set(masters.darkPixels.subarray(first, end));
  return rows;
}

interface Strip {
  readonly open: PlainFrames;
  readonly rows: number;
  readonly place: Place;
  readonly places: MasterPlaces;
}

async function computeStrip(strip: Strip, job: PlainCombination): Promise<MasterStrip> {
  const { open, rows, place } = strip;
  const { width } = open;
  const pixels = rows * width;
  const out = {
    value: place.value.subarray(0, pixels),
    variance: place.variance.subarray(0, pixels),
    kept: place.kept.subarray(0, pixels),
    rejected: place.rejected.subarray(0, pixels),
  };
  const value = { raw: place.rawValue.subarray(0, pixels * 4), sums: new Uint32Array(rows * 2) };
  const planes = { frames: open.count, width, rows };
  const { compute, options, signal, type } = job;
  if (type === "flat") {
    const planeBytes = place.rows * width * 4;
    await reduceFlats(strip, job);
    const stack = { ...planes, bytes: strip.places.planes, planeBytes };
    await combineStrip(compute, stack, { ...out, encoded: value }, options, signal);
  } else {
    const planeBytes = place.rows * width * open.pixelBytes;
    const stack = { ...planes, bytes: place.input, planeBytes, layout: open.layout };
    const takeBias = job.masters.biasPixels !== undefined;
    const encoded = takeBias ? {} : { encoded: value };
    await combineStrip(compute, stack, { ...out, ...encoded }, options, signal);
    if (takeBias) out.value = await subtractBias(strip, value, job);
  }
  const variance = {
    raw: place.rawVariance.subarray(0, pixels * 4),
    sums: new Uint32Array(rows * 2),
  };
  await encodeFloats(compute, out.variance, variance, { width, signal });
  return {
    ...out,
    encoded: {
      value: { raw: value.raw, sum: foldSums(value.sums) },
      variance: { raw: variance.raw, sum: foldSums(variance.sums) },
    },
  };
}

async function subtractBias(
  { open, rows, place, places }: Strip,
  encoded: { readonly raw: Uint8Array; readonly sums: Uint32Array },
  { compute, signal }: PlainCombination,
): Promise<Float32Array> {
  const { width } = open;
  const pixels = rows * width;
  const { buffer, byteOffset } = place.value;
  const bytes = new Uint8Array(buffer, byteOffset, pixels * 4);
  const values = place.reduced.subarray(0, pixels);
  const mask = places.masks.subarray(0, pixels);
  const bias = place.bias.subarray(0, pixels);
  await reduceRows(
    compute,
    { width, rows, bytes },
    { values, mask, encoded },
    { bias, bits: BITS },
    signal,
  );
  return values;
}

/** Takes bias and dark out of the rows of each flat; saturated pixels become NaN. */
async function reduceFlats(strip: Strip, job: PlainCombination): Promise<void> {
  const all = await Promise.allSettled(job.frames.map((_, k) => reduceFlat(k, strip, job)));
  for (const result of all) if (result.status === "rejected") throw result.reason;
}

async function reduceFlat(
  k: number,
  { open, rows, place, places }: Strip,
  { frames, masters, compute, signal }: PlainCombination,
): Promise<void> {
  const { width, pixelBytes, layout } = open;
  const { frame, scale } = frames[k]!;
  const pixels = rows * width;
  const full = place.rows * width;
  const start = k * full * pixelBytes;
  const bytes = place.input.subarray(start, start + pixels * pixelBytes);
  const values = places.floats.subarray(k * full, k * full + pixels);
  const mask = places.masks.subarray(k * full, k * full + pixels);
  await reduceRows(compute, { width, rows, bytes, layout }, { values, mask }, {
    ...(masters.biasPixels ? { bias: place.bias.subarray(0, pixels) } : {}),
    ...(masters.darkPixels ? { dark: place.dark.subarray(0, pixels) } : {}),
    darkScale: darkScale(masters.dark, frame.product.exposureS ?? 0),
    saturation: frame.detector.saturationAdu,
    scale,
    bits: BITS,
  }, signal);
  dropMarked(values, mask);
}

/**
 * Makes values NaN where the mask has any bit.
 *
 * @param values Changed in place.
 * @param mask As many.
 * @returns How many have the bit SAT.
 */
export function dropMarked(values: Float32Array, mask: Uint16Array): number {
  let saturated = 0;
  for (let i = 0; i < mask.length; i++) {
    const bits = mask[i]!;
    if (bits === 0) continue;
    values[i] = NaN;
    if ((bits & BITS.saturated) !== 0) saturated++;
  }
  return saturated;
}
