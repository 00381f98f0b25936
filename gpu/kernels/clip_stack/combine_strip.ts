/**
 * Combines K frames pixel by pixel on the chosen backend, strip by strip.
 *
 * @module
 */

import type { Backend } from "../../backend.ts";
import type { Compute } from "../../compute.ts";
import {
  bytesOf,
  f32,
  type Kernel,
  type Param,
  type Pass,
  type Slot,
  type StripJob,
  table,
  u32,
} from "../../job.ts";
import {
  type EncodedMask,
  type EncodedRows,
  encodedSlots,
  encodeMaskPass,
  encodePass,
  maskSlots,
} from "../encode/encode.ts";
import { decodePass, storedBytes, type StoredLayout } from "../decode/decode.ts";
import { type ClipStackOptions, madToSigma } from "./clip_stack.ts";
import { columnSorter, SAMPLE_BYTES, type SampleType } from "./column_sorter.ts";
import { sortingNetwork } from "./network.ts";
import sorting from "../sorted_samples.wgsl" with { type: "text" };
import own from "./clip_stack.wgsl" with { type: "text" };
import wasm from "./clip_stack.wasm.b64" with { type: "text" };

/** The kernel. */
export const CLIP_STACK: Kernel = { name: "clip_stack", wgsl: sorting + own, wasm };

/** How {@linkcode combineStrip} combines. */
export interface CombineOptions extends ClipStackOptions {
  /** What samples are compared with; the median if left out. */
  readonly centre?: "median" | "mean";
  /** Sigma from the median absolute deviation, or the standard deviation; `mad` if left out. */
  readonly scatter?: "mad" | "std";
}

/** The same rows of K frames. */
export interface FrameStack {
  /** How many. */
  readonly frames: number;
  /** Pixels a row. */
  readonly width: number;
  /** Rows of each frame. */
  readonly rows: number;
  /** `[frames, rows, width]` as `layout` says; NaN or BLANK where there is no sample. */
  readonly bytes: Uint8Array<ArrayBufferLike>;
  /** Distance of frames in `bytes`; that of full strips if left out. */
  readonly planeBytes?: number;
  /** Pixels as in the file, big-endian; float32 of this machine if left out. */
  readonly layout?: StoredLayout;
}

/** Where the results go; every array is `[rows, width]`. What is left out is not computed. */
export interface CombineResult {
  /** Combined value; NaN where no frame has a sample. */
  readonly value: Float32Array<ArrayBufferLike>;
  /** Samples that went into the value; both counts or none. */
  readonly kept?: Uint16Array<ArrayBufferLike>;
  /** Samples that were clipped. */
  readonly rejected?: Uint16Array<ArrayBufferLike>;
  /** Variance of the value, as of {@linkcode ClipStackOptions.variances}. */
  readonly variance?: Float32Array<ArrayBufferLike>;
  /** The values as a FITS file has them, and the sums for its checksum. */
  readonly encoded?: EncodedRows;
  /** The same of `variance`. */
  readonly encodedVariance?: EncodedRows;
  /** `kept` as a FITS file has it (BITPIX 16, BZERO 32768). */
  readonly encodedKept?: EncodedMask;
}

/** Frames that can be combined at most. */
export const MAX_FRAMES = 200;

const FLAGS = {
  clip: 1,
  median: 2,
  scatterStd: 4,
  centreMean: 8,
  weighted: 16,
  knownVariance: 32,
  wantVariance: 64,
  wantCounts: 128,
} as const;

const VALUE_SLOT = 3;
const KEPT_SLOT = 4;
const VARIANCE_SLOT = 6;
const DECODED_SLOT = 7;

/** Workgroup memory that every adapter has. */
const WORKGROUP_BYTES = 16384;

/**
 * Combines K frames pixel by pixel.
 *
 * Method, clipping and variance are those of `clipStack()`; sums are float64 on the cpu backend
 * and float32 about a sample on a GPU.
 *
 * @param compute Where.
 * @param stack The frames, at most {@linkcode MAX_FRAMES}.
 * @param result Where the results go.
 * @param options Method, clipping, weights and variances.
 * @param signal Stops it.
 */
export async function combineStrip(
  compute: Compute,
  stack: FrameStack,
  result: CombineResult,
  options: CombineOptions,
  signal?: AbortSignal,
): Promise<void> {
  if (stack.frames < 1 || stack.frames > MAX_FRAMES) {
    throw new RangeError(`${stack.frames} frames; 1 to ${MAX_FRAMES} can be combined`);
  }
  await compute.run((kind) => combineJob(stack, result, options, kind), signal);
}

/** Whether samples are 16-bit integers without gaps, whose order is that of the stored values. */
function isPlainShorts(layout: StoredLayout | undefined): boolean {
  return layout !== undefined && layout.bitpix === 16 && layout.bscale === 1 &&
    layout.blank === undefined && Number.isInteger(layout.bzero) && Math.abs(layout.bzero) <= 65536;
}

function combineJob(
  stack: FrameStack,
  result: CombineResult,
  options: CombineOptions,
  kind: Backend["kind"],
): StripJob {
  const { frames, width, rows, layout } = stack;
  const sorts = kind === "cpu";
  const shorts = sorts && isPlainShorts(layout);
  const decodes = layout !== undefined && !shorts;
  const network = sorts ? new Uint16Array(0) : sortingNetwork(frames);
  const combine: Pass = {
    kernel: CLIP_STACK,
    entry: "combineFloats",
    slots: [decodes ? DECODED_SLOT : 0, 1, 2, 3, 4, 5, 6],
    params: combineParams(stack, result, options, { pairs: network.length / 2, shorts }),
    overrides: { FRAMES: roomOf(frames) },
    workgroup: workgroupOf(roomOf(frames)),
    ...(decodes && { sameRows: true }),
  };
  const onlyMedian = options.method === "median" && !result.kept && !result.variance;
  const slots: Slot[] = [
    stackSlot(stack),
    ...tableSlots(network, frames, options),
    ...resultSlots(stack, result),
    { role: "temporary", rowBytes: decodes ? width * 4 : 0, planes: frames },
  ];
  const combining = sorts
    ? sortedPasses(combine, stack, shorts ? "short" : "float", onlyMedian)
    : [combine];
  const { pieceRows } = combining[0]!;
  const passes = [
    ...(decodes ? [decodePass(layout, [0, DECODED_SLOT], frames)] : []),
    ...combining,
    ...encoderPasses(width, result, slots),
  ].map((pass) => ({ ...pass, ...(pieceRows && { pieceRows }) }));
  return { label: `${options.method} of ${frames} frames`, width, rows, slots, passes };
}

/** Passes that make bytes of a file from results; adds the slots that they need. */
function encoderPasses(width: number, result: CombineResult, slots: Slot[]): Pass[] {
  const { encoded, encodedVariance, encodedKept } = result;
  const passes: Pass[] = [];
  for (const [slot, rows] of [[VALUE_SLOT, encoded], [VARIANCE_SLOT, encodedVariance]] as const) {
    if (rows === undefined) continue;
    passes.push(encodePass([slot, slots.length, slots.length + 1]));
    slots.push(...encodedSlots(width, rows));
  }
  if (encodedKept !== undefined) {
    const first = slots.length;
    passes.push(encodeMaskPass([KEPT_SLOT, first, first + 1, first + 2]));
    slots.push(...maskSlots(width, encodedKept));
  }
  return passes;
}

/** Sorted samples of a thread's rows; they should stay in its cache until they are combined. */
const SORTED_BYTES = 1 << 17;

/** Sorts samples into the scratch memory and combines them from there. */
function sortedPasses(
  combine: Pass,
  { frames, width }: FrameStack,
  type: SampleType,
  onlyMedian: boolean,
): Pass[] {
  const middle = onlyMedian && type === "short";
  const { kernel, samples, pixels } = columnSorter(type, frames, middle ? "median" : "all");
  const rowBytes = samples * SAMPLE_BYTES * width / pixels;
  const pieceRows = Math.max(1, Math.floor(SORTED_BYTES / rowBytes));
  const scratchBytes = Math.ceil(pieceRows * rowBytes) + (samples + frames) * SAMPLE_BYTES + 256;
  const entry = type === "float" ? "combineFloats" : middle ? "medianShorts" : "combineShorts";
  const piece = { scratchBytes, pieceRows };
  const { sameRows = false, slots } = combine;
  return [
    { kernel, entry: "sortColumns", slots: slots.slice(0, 1), ...piece, sameRows },
    { ...combine, entry, ...piece, sameRows: true },
  ];
}

/** Samples a thread has room for: few sizes, so that few shaders are compiled. */
function roomOf(frames: number): number {
  return frames > 128 ? MAX_FRAMES : Math.max(8, 2 ** Math.ceil(Math.log2(frames)));
}

/** As many threads as can sort their samples in workgroup memory. */
function workgroupOf(frames: number): number {
  return Math.min(64, 2 ** Math.floor(Math.log2(WORKGROUP_BYTES / (4 * frames))));
}

function stackSlot({ frames, width, bytes, planeBytes, layout }: FrameStack): Slot {
  const rowBytes = width * (layout === undefined ? 4 : storedBytes(layout));
  return {
    role: "input",
    rowBytes,
    planes: frames,
    bytes,
    ...(planeBytes === undefined ? {} : { planeBytes }),
  };
}

function tableSlots(network: Uint16Array, frames: number, options: CombineOptions): Slot[] {
  const tables = new Float32Array(3 * frames + 1).fill(1);
  if (options.weights && !options.method.endsWith("median")) tables.set(options.weights, 0);
  if (options.variances) tables.set(options.variances, frames);
  for (let n = 0; n <= frames; n++) tables[2 * frames + n] = madToSigma(n);
  return [network, tables].map(table);
}

function resultSlots({ width }: FrameStack, result: CombineResult): Slot[] {
  const { value, kept, rejected, variance } = result;
  return [value, kept, rejected, variance].map((array) =>
    array === undefined ? { role: "temporary", rowBytes: 0 } : {
      role: "output",
      rowBytes: width * array.BYTES_PER_ELEMENT,
      bytes: bytesOf(array),
    }
  );
}

function combineParams(
  stack: FrameStack,
  result: CombineResult,
  options: CombineOptions,
  { pairs, shorts }: { readonly pairs: number; readonly shorts: boolean },
): Param[] {
  const sigma = options.clipSigma ?? 3;
  return [
    u32(stack.frames),
    u32(pairs),
    f32(stack.layout?.bzero ?? 0),
    u32(flagsOf(result, options)),
    f32(sigma),
    f32(sigma),
    u32(options.iterations ?? 5),
    f32(options.sigmaFloor ?? 0),
    f32(options.sigmaRelative ?? 0),
    u32(shorts ? 1 : 0),
  ];
}

function flagsOf(result: CombineResult, options: CombineOptions): number {
  const { method, variances, weights } = options;
  const median = method.endsWith("median");
  const known = variances !== undefined && result.variance !== undefined;
  return (method.startsWith("clipped") ? FLAGS.clip : 0) |
    (median ? FLAGS.median : 0) |
    (options.scatter === "std" ? FLAGS.scatterStd : 0) |
    (options.centre === "mean" ? FLAGS.centreMean : 0) |
    ((weights !== undefined && !median) || known ? FLAGS.weighted : 0) |
    (known ? FLAGS.knownVariance : 0) |
    (result.variance ? FLAGS.wantVariance : 0) |
    (result.kept && result.rejected ? FLAGS.wantCounts : 0);
}
