/**
 * Combines plain raw frames into a master on the chosen backend.
 *
 * @module
 */

import { together } from "../../../config/together.ts";
import { setImmediate } from "node:timers/promises";
import type { Compute } from "../../../gpu/compute.ts";
import {
  type CombineOptions,
  combineStrip,
} from "../../../gpu/kernels/clip_stack/combine_strip.ts";
import {
  type EncodedRows,
  foldMaskSums,
  foldSums,
  MASK_PLANES,
} from "../../../gpu/kernels/encode/encode.ts";
import { reduceRows } from "../../../gpu/kernels/reduce/reduce_rows.ts";
import { bit } from "../../../sky/mask.ts";
import type { MasterType } from "../frames/groups.ts";
import { darkScale } from "./master.ts";
import type { MasterStrip, MasterWriter } from "./master_writer.ts";
import { type MasterPlace, masterPlace, masterRows } from "./master_places.ts";
import { pipeStrips, StripPlaces } from "../frames/pipe_strips.ts";
import { floatsOf, type PlainFrames, shortsOf } from "../frames/plain_frames.ts";
import type { LoadedMasters, ScaledFrame } from "./reduce_frame.ts";

const BITS = { bad: bit("BAD"), saturated: bit("SAT"), noData: bit("NO_DATA") };
const UNFIT = bit("BAD", "SAT", "NO_DATA");

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
  const { compute, signal, type } = job;
  const rows = masterRows(open, type, compute);
  const pixels = rows * open.width;
  const flats = type === "flat" ? open.count : 0;
  using places = new StripPlaces(compute, (room) => masterPlace(open, rows, room));
  using planes = compute.allocate(flats * pixels * 4);
  using masks = compute.allocate(Math.max(1, flats) * pixels * 2);
  const room = { planes: planes.bytes, masks: shortsOf(masks.bytes) };
  const encodes = { companions: writer.hasCompanions };
  await pipeStrips<Strip, MasterStrip>({
    read: (index) => readStrip(open, index * rows, places.at(index), signal),
    compute: (strip) => computeStrip({ ...strip, ...room, ...encodes }, open, job),
    write: (done) => writer.writeEncoded(done),
  });
  signal.throwIfAborted();
}

/** Rows of all frames. */
interface Strip {
  readonly firstRow: number;
  readonly rows: number;
  readonly place: MasterPlace;
}

/** Rows, and what is needed to compute them. */
interface StripRoom extends Strip {
  /** `[frames, rows, width]` float32 reduced flats; empty for other types. */
  readonly planes: Uint8Array;
  /** `[frames, rows, width]` of flats, `[rows, width]` of others. */
  readonly masks: Uint16Array;
  /** Whether variance and counts are written. */
  readonly companions: boolean;
}

/** Reads the same rows of all frames; nothing behind the last. */
async function readStrip(
  open: PlainFrames,
  firstRow: number,
  place: MasterPlace,
  signal: AbortSignal,
): Promise<Strip | undefined> {
  signal.throwIfAborted();
  const { width, height, pixelBytes } = open;
  const rows = Math.min(place.rows, height - firstRow);
  if (rows <= 0) return undefined;
  const planeBytes = place.rows * width * pixelBytes;
  for (let k = 0; k < open.count; k++) {
    const plane = place.input.subarray(k * planeBytes, k * planeBytes + rows * width * pixelBytes);
    await open.read(k, firstRow, rows, plane);
    await setImmediate(); // lets the writing of the last strip go on
  }
  return { firstRow, rows, place };
}

async function computeStrip(
  strip: StripRoom,
  open: PlainFrames,
  job: PlainCombination,
): Promise<MasterStrip> {
  const { rows, place, companions } = strip;
  const { width, count, pixelBytes } = open;
  const { compute, options, signal, type } = job;
  const out = resultOf(place, rows, width);
  const { value, variance, kept } = encodedOf(place, rows, width);
  const result = {
    ...out,
    ...(companions ? { encodedVariance: variance, encodedKept: kept } : {}),
  };
  const takeBias = type !== "flat" && job.masters.biasPixels !== undefined;
  const sampleBytes = type === "flat" ? 4 : pixelBytes;
  const planes = { frames: count, width, rows, planeBytes: place.rows * width * sampleBytes };
  if (type === "flat") await reduceFlats(strip, open, job);
  const stack = type === "flat"
    ? { ...planes, bytes: strip.planes }
    : { ...planes, bytes: place.input, layout: open.layout };
  const encoded = takeBias ? {} : { encoded: value };
  await combineStrip(compute, stack, { ...result, ...encoded }, options, signal);
  const values = takeBias ? await subtractBias(strip, open, value, job) : out.value;
  return {
    value: values,
    variance: out.variance,
    encoded: {
      value: { raw: value.raw, sum: foldSums(value.sums) },
      ...(companions && {
        variance: { raw: variance.raw, sum: foldSums(variance.sums) },
        count: { raw: kept.raw, sum: foldMaskSums(kept.sums, width) },
      }),
    },
  };
}

function resultOf(place: MasterPlace, rows: number, width: number) {
  const pixels = rows * width;
  return {
    value: place.value.subarray(0, pixels),
    variance: place.variance.subarray(0, pixels),
    kept: place.kept.subarray(0, pixels),
    rejected: place.rejected.subarray(0, pixels),
  };
}

function encodedOf(place: MasterPlace, rows: number, width: number) {
  const raw = (bytes: Uint8Array, size: number) => bytes.subarray(0, rows * width * size);
  const sums = () => new Uint32Array(rows * 2);
  return {
    value: { raw: raw(place.rawValue, 4), sums: sums() },
    variance: { raw: raw(place.rawVariance, 4), sums: sums() },
    kept: {
      raw: raw(place.rawKept, 2),
      sums: sums(),
      counts: new Uint32Array(rows * MASK_PLANES),
    },
  };
}

async function subtractBias(
  { firstRow, rows, place, masks }: StripRoom,
  { width }: PlainFrames,
  encoded: EncodedRows,
  { compute, masters, signal }: PlainCombination,
): Promise<Float32Array> {
  const pixels = rows * width;
  const { buffer, byteOffset } = place.value;
  const bytes = new Uint8Array(buffer, byteOffset, pixels * 4);
  const values = place.reduced.subarray(0, pixels);
  const mask = masks.subarray(0, pixels);
  const bias = rowsOf(masters.biasPixels, firstRow * width, pixels);
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
async function reduceFlats(
  strip: StripRoom,
  open: PlainFrames,
  job: PlainCombination,
): Promise<void> {
  const { compute, masters, signal } = job;
  const { width, pixelBytes, layout } = open;
  const { firstRow, rows, place, planes, masks } = strip;
  const [pixels, full] = [rows * width, place.rows * width];
  await together(job.frames.map(({ frame, scale }, k) => {
    const start = k * full * pixelBytes;
    const bytes = place.input.subarray(start, start + pixels * pixelBytes);
    const values = floatsOf(planes.subarray(k * full * 4), pixels);
    const mask = masks.subarray(k * full, k * full + pixels);
    return reduceRows(compute, { width, rows, bytes, layout }, { values, mask }, {
      bias: rowsOf(masters.biasPixels, firstRow * width, pixels),
      dark: rowsOf(masters.darkPixels, firstRow * width, pixels),
      darkScale: darkScale(masters.dark, frame.product.exposureS ?? 0),
      saturation: frame.detector.saturationAdu,
      scale,
      bits: BITS,
      nanBits: UNFIT,
    }, signal);
  }));
}

function rowsOf(image: Float32Array | undefined, from: number, pixels: number) {
  return image?.subarray(from, from + pixels);
}
