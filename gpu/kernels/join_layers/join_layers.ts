/**
 * Resamples frames to the same rows and combines them with their masks, on the chosen backend.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { f32, type Kernel, type Pass, rowNumbers, type Slot, table, u32 } from "../../job.ts";
import { type CombineMethod, madToSigma } from "../clip_stack/clip_stack.ts";
import { type Network, sortingNetwork } from "../clip_stack/network.ts";
import {
  type EncodedMask,
  type EncodedRows,
  encodedSlots,
  encodeMaskPass,
  encodePass,
  maskSlots,
} from "../encode/encode.ts";
import type { ResampleKernel } from "../resample/kernel_table.ts";
import {
  kernelWeights,
  PIECE_ROWS,
  resamplePass,
  type SourceRows,
  sourceSlots,
  type TargetRows,
} from "../resample/resample_rows.ts";
import sorting from "../sorted_samples.wgsl" with { type: "text" };
import own from "./join_layers.wgsl" with { type: "text" };
import wasm from "./join_layers.wasm.b64" with { type: "text" };

/** The kernel. */
export const JOIN_LAYERS: Kernel = { name: "join_layers", wgsl: sorting + own, wasm };

/** Planes of masks, as bits. */
export interface JoinPlanes {
  /** Samples with one of these take no part. */
  readonly excluded: number;
  /** Saturated. */
  readonly sat: number;
  /** No sample at all. */
  readonly noData: number;
  /** Some sample was clipped. */
  readonly clipped: number;
  /** Some sample was left out because of its mask. */
  readonly rejected: number;
}

/** How frames are combined. */
export interface JoinOptions extends TargetRows {
  /** Pixels a row of the target. */
  readonly width: number;
  /** Interpolation. */
  readonly kernel: ResampleKernel;
  /** How the samples of a pixel become one. */
  readonly method: CombineMethod;
  /** Samples farther than this many sigma from their median are clipped. */
  readonly clipSigma: number;
  /** Smallest sigma. */
  readonly sigmaFloor: number;
  /** Smallest sigma as a share of the median. */
  readonly sigmaRelative: number;
  /** Rounds of clipping at most; 5 if left out. */
  readonly rounds?: number;
  /** `[frames]`, shares in a mean. */
  readonly weights: readonly number[];
  /** `[frames]`, of a sample. */
  readonly variances: readonly number[];
  /** Names of the planes. */
  readonly planes: JoinPlanes;
}

/** Where the result goes, each `[rows, width]`. */
export interface JoinedRows {
  /** Combined value; where all samples are saturated their mean; 0 where there is none. */
  readonly value: Float32Array<ArrayBufferLike>;
  /** Joined planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  /** Inverse variance; 0 where no sample took part. */
  readonly weight: Float32Array<ArrayBufferLike>;
  /** The values as a FITS file has them. */
  readonly encodedValue?: EncodedRows;
  /** The inverse variance as a FITS file has it. */
  readonly encodedWeight?: EncodedRows;
  /** The planes as a FITS file has them. */
  readonly encodedMask?: EncodedMask;
}

/** Frames that can be combined at most. */
export const MOST_LAYERS = 200;

const CLIP = 1;
const MEDIAN = 2;
const WORKGROUP_BYTES = 16384;
/** Slots before those of the frames. */
const SLOTS = {
  rows: 0,
  kernel: 1,
  values: 2,
  masks: 3,
  network: 4,
  tables: 5,
  value: 6,
  mask: 7,
  weight: 8,
} as const;
const FIRST_SOURCE = 9;

/**
 * Resamples frames to rows of the target and combines them.
 *
 * The planes of the samples that take part are joined. Where some were left out the result has
 * `rejected`, where some were clipped `clipped`, where some were saturated `sat`. Where all were
 * left out, saturated samples are averaged; without any the value is 0 and the planes are those of
 * all samples and `noData`. Means are float32 sums.
 *
 * @param compute Where.
 * @param sources The frames, at most {@linkcode MOST_LAYERS}.
 * @param result Filled.
 * @param options How.
 * @param signal Stops it.
 */
export async function joinLayers(
  compute: Compute,
  sources: readonly SourceRows[],
  result: JoinedRows,
  options: JoinOptions,
  signal?: AbortSignal,
): Promise<void> {
  const { width, rows, firstRow } = options;
  if (sources.length < 1 || sources.length > MOST_LAYERS) {
    throw new RangeError(`${sources.length} frames; 1 to ${MOST_LAYERS} can be combined`);
  }
  const networks = networksOf(sources.length, options.method);
  const slots: Slot[] = [
    rowNumbers(firstRow, rows),
    table(kernelWeights(options.kernel)),
    { role: "temporary", rowBytes: width * 4, planes: sources.length },
    { role: "temporary", rowBytes: width * 2, planes: sources.length },
    table(Uint16Array.from([...networks.all, ...networks.plain, 0, 0])),
    table(tablesOf(sources.length, options)),
    ...[result.value, result.mask, result.weight].map((array): Slot => ({
      role: "output",
      rowBytes: width * array.BYTES_PER_ELEMENT,
      bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
    })),
    ...sources.flatMap((source) => sourceSlots(source, options)),
  ];
  const passes = sources.map((source, plane) =>
    resamplePass(source, options, {
      kernel: options.kernel,
      ringing: options.planes.sat,
      plane,
      at: { ...SLOTS, source: FIRST_SOURCE + 3 * plane },
    })
  );
  passes.push(joinPass(sources.length, networks, options));
  for (const encode of encodings(result, width)) {
    passes.push(encode.pass(slots.length));
    slots.push(...encode.slots);
  }
  const pieces = passes.map((pass) => ({ ...pass, sameRows: true, pieceRows: PIECE_ROWS }));
  const label = `${options.method} of ${sources.length} resampled frames`;
  await compute.run({ label, width, rows, slots, passes: pieces }, signal);
}

interface Encoding {
  /** @param first Index of the first of `slots`. */
  readonly pass: (first: number) => Pass;
  readonly slots: readonly Slot[];
}

function encodings(result: JoinedRows, width: number): Encoding[] {
  const floats = (from: number, encoded: EncodedRows | undefined): Encoding[] =>
    encoded === undefined ? [] : [{
      pass: (first) => encodePass([from, first, first + 1]),
      slots: encodedSlots(width, encoded),
    }];
  const { encodedMask } = result;
  return [
    ...floats(SLOTS.value, result.encodedValue),
    ...floats(SLOTS.weight, result.encodedWeight),
    ...(encodedMask === undefined ? [] : [{
      pass: (first: number) => encodeMaskPass([SLOTS.mask, first, first + 1, first + 2]),
      slots: maskSlots(width, encodedMask),
    }]),
  ];
}

function tablesOf(frames: number, options: JoinOptions): Float32Array {
  const tables = new Float32Array(4 * frames + 2).fill(1);
  const median = options.method.endsWith("median");
  tables.set(normalised(median ? medianShares(options.variances) : options.weights), 0);
  tables.set(options.variances, frames);
  for (let n = 0; n <= frames; n++) tables[2 * frames + n] = madToSigma(n);
  for (let n = 0; median && n <= frames; n++) tables[3 * frames + 1 + n] = medianVariance(n);
  return tables;
}

/**
 * Variance of the median of normal samples over that of their mean: π/2 for many, less for few.
 *
 * Fitted to the exact values of order statistics, within 1 % for 4 samples and 0.4 % otherwise.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.ok(Math.abs(medianVariance(3) / 1.346 - 1) < 0.004);
 * assert.ok(Math.abs(medianVariance(10) / 1.3834 - 1) < 0.004);
 * assert.equal(medianVariance(2), 1);
 * ```
 *
 * @param samples How many.
 */
export function medianVariance(samples: number): number {
  if (samples < 3) return 1;
  const lack = samples % 2 === 1 ? 0.432 : 1.37 - 1.7 / samples;
  return Math.PI / 2 * (1 - lack / samples);
}

/**
 * What the samples of a median weigh in its variance: 1/σ, the density of each at the middle. So
 * n samples of unlike noise have that of n with the harmonic mean of their sigmas.
 */
function medianShares(variances: readonly number[]): number[] {
  return variances.map((variance) => variance > 0 ? variance ** -0.5 : 1);
}

/** Weights whose largest is 1: inverse variances may be too small for float32 squares. */
function normalised(weights: readonly number[]): number[] {
  const largest = Math.max(...weights);
  return weights.map((weight) => weight / largest);
}

/** How samples are sorted. */
interface Networks {
  /** All of them. */
  readonly all: Network;
  /** Those that matter where there are as many samples as frames. */
  readonly plain: Network;
}

function networksOf(frames: number, method: CombineMethod): Networks {
  const middle = [(frames - 1) >> 1, frames >> 1];
  const wanted = method === "mean" ? [] : method === "median" ? middle : [0, ...middle, frames - 1];
  return { all: sortingNetwork(frames), plain: sortingNetwork(frames, wanted) };
}

function joinPass(frames: number, { all, plain }: Networks, options: JoinOptions): Pass {
  const { method, planes } = options;
  const flags = (method.startsWith("clipped") ? CLIP : 0) |
    (method.endsWith("median") ? MEDIAN : 0);
  return {
    kernel: JOIN_LAYERS,
    entry: "joinLayers",
    slots: [2, 3, 4, 5, 6, 7, 8],
    params: [
      u32(frames),
      u32(all.length / 2),
      u32(flags),
      f32(options.clipSigma),
      u32(options.rounds ?? 5),
      f32(options.sigmaFloor),
      f32(options.sigmaRelative),
      u32(planes.excluded),
      u32(planes.sat),
      u32(planes.noData),
      u32(planes.clipped),
      u32(planes.rejected),
      u32(plain.length / 2),
    ],
    overrides: { FRAMES: frames },
    workgroup: Math.min(64, 2 ** Math.floor(Math.log2(WORKGROUP_BYTES / (4 * frames)))),
    each: 2,
    scratchBytes: frames * 132 + 256,
  };
}
