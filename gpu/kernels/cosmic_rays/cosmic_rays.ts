/**
 * Finds and removes cosmic rays in single frames: L.A.Cosmic (van Dokkum 2001, PASP 113, 1420).
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import {
  bytesOf,
  f32,
  type Kernel,
  type Params,
  type Pass,
  type Slot,
  type StripJob,
  u32,
} from "../../job.ts";
import wgsl from "./cosmic_rays.wgsl" with { type: "text" };
import wasm from "./cosmic_rays.wasm.b64" with { type: "text" };

/** The kernel. */
export const COSMIC_RAYS: Kernel = { name: "cosmic_rays", wgsl, wasm };

/** A frame with its mask. */
export interface CosmicRayFrame {
  /** Pixels a row. */
  readonly width: number;
  /** `[rows, width]` ADU with the sky in it; NaN where there is no value. */
  readonly values: Float32Array<ArrayBufferLike>;
  /** `[rows, width]` bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
}

/** How cosmic rays are told from stars. */
export interface CosmicRayOptions {
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Read noise, electrons. */
  readonly readNoiseE: number;
  /** The bit that marks them. */
  readonly bit: number;
  /** Pixels with any of these bits are neither flagged nor used: bad, saturated, without data. */
  readonly ignoreBits: number;
  /** A pixel is one when its Laplacian is so many sigma above its surroundings; 4.5 if left out. */
  readonly sigmaClip?: number;
  /** Neighbours are taken from this fraction of `sigmaClip` on; 0.3 if left out. */
  readonly sigmaFraction?: number;
  /** Least contrast between the Laplacian and the fine structure of a star; 5 if left out. */
  readonly contrast?: number;
  /** At most so many rounds; 4 if left out. */
  readonly iterations?: number;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/** What was found. */
export interface CosmicRays {
  /** The frame with affected pixels replaced by the median of usable ones among 5 × 5. */
  readonly values: Float32Array;
  /** The mask with the bit set. */
  readonly mask: Uint16Array;
  /** Pixels that got the bit. */
  readonly pixels: number;
}

/** Rows that a result depends on: medians of 5 twice, growth twice, replacement. */
const HALO = 8;

/**
 * Flags and replaces pixels hit by cosmic rays.
 *
 * The Laplacian of the frame subsampled by two, over twice the noise, shows edges sharper than the
 * PSF; what is smooth over 5 px is taken out. Stars are told apart by their fine structure, the
 * difference of medians over 3 and 7 px. Medians are of whole squares, as published, not separable:
 * these touch three times as many stars.
 *
 * @param compute Where.
 * @param frame Not changed.
 * @param options Gain, read noise, limits and bits.
 * @returns The cleaned frame and its mask; pixels that were not hit keep their value.
 */
export async function removeCosmicRays(
  compute: Compute,
  frame: CosmicRayFrame,
  options: CosmicRayOptions,
): Promise<CosmicRays> {
  const { width, values } = frame;
  const bytes = values.length * 4;
  using first = compute.allocate(bytes);
  using second = compute.allocate(bytes);
  using firstMask = compute.allocate(bytes / 2);
  using secondMask = compute.allocate(bytes / 2);
  let from: Planes = { width, values: floats(first.bytes), mask: shorts(firstMask.bytes) };
  let to: Planes = { width, values: floats(second.bytes), mask: shorts(secondMask.bytes) };
  await runRound(compute, fillJob(frame, from, options), options);
  let pixels = 0;
  for (let round = 0; round < (options.iterations ?? 4); round++) {
    const found = await runRound(compute, roundJob(from, to, options), options);
    [from, to] = [to, from];
    pixels += found;
    if (found === 0) break;
  }
  const cleaned = values.slice();
  const mask = from.mask.slice();
  for (let i = 0; i < mask.length; i++) {
    if ((mask[i]! & options.bit) !== 0) cleaned[i] = from.values[i]!;
  }
  return { values: cleaned, mask, pixels };
}

type Planes = CosmicRayFrame;

type JobOfSlots = Omit<StripJob, "slots"> & { readonly slots: readonly Slot[] };

async function runRound(
  compute: Compute,
  job: JobOfSlots,
  { signal }: CosmicRayOptions,
): Promise<number> {
  const count = new Uint32Array(1);
  const slots = job.slots.map((slot) =>
    slot.role === "sum" ? { ...slot, bytes: new Uint8Array(count.buffer) } : slot
  );
  await compute.run({ ...job, slots }, signal);
  return count[0]!;
}

/** Replaces what cannot be used, so that it shows no edges. */
function fillJob(from: Planes, to: Planes, { ignoreBits }: CosmicRayOptions): JobOfSlots {
  const bits = { mark: 0, unusable: ignoreBits, replaced: ignoreBits };
  return jobOf(from, to, "fill gaps", [rayPass(from, "clearFlags", [1]), replacePass(bits)]);
}

function roundJob(from: Planes, to: Planes, options: CosmicRayOptions): JobOfSlots {
  const { gainEAdu, readNoiseE, bit, ignoreBits, sigmaClip = 4.5, contrast = 5 } = options;
  const weak = sigmaClip * (options.sigmaFraction ?? 0.3);
  const noise = [f32(1 / gainEAdu), f32((readNoiseE / gainEAdu) ** 2)];
  const limits = [f32(sigmaClip), f32(contrast), u32(ignoreBits)];
  // slots: 0 image, 1 flags, 2 mask, 3 and 4 results, 5 count, 6 noise, 7 signal, 8 and 9 work
  return jobOf(from, to, "cosmic rays", [
    rayPass(from, "laplaceSignal", [0, 6, 8], noise),
    rayPass(from, "subtractMedian", [8, 7], [f32(weak)]),
    rayPass(from, "smallMedian", [0, 8]),
    rayPass(from, "findCandidates", [8, 6, 7, 2, 1], limits),
    rayPass(from, "growFlags", [1, 7, 2, 9], [f32(sigmaClip), u32(ignoreBits)]),
    rayPass(from, "growFlags", [9, 7, 2, 1], [f32(weak), u32(ignoreBits)]),
    replacePass({ mark: bit, unusable: ignoreBits | bit, replaced: bit }),
  ]);
}

function rayPass(
  { width }: Planes,
  entry: string,
  slots: readonly number[],
  params: Params = [],
): Pass {
  const scratchBytes = 8 * (width * 4 + 256) + 64;
  return { kernel: COSMIC_RAYS, entry, slots, params, rows: "all", scratchBytes };
}

function replacePass(
  bits: { readonly mark: number; readonly unusable: number; readonly replaced: number },
): Pass {
  return {
    kernel: COSMIC_RAYS,
    entry: "replaceFlagged",
    slots: [0, 1, 2, 3, 4, 5],
    params: [u32(bits.mark), u32(bits.unusable), u32(bits.replaced), f32(0)],
    each: 2,
    scratchBytes: 128,
  };
}

function jobOf(from: Planes, to: Planes, label: string, passes: Pass[]): JobOfSlots {
  const { width } = from;
  const work: Slot = { role: "temporary", rowBytes: width * 4 };
  return {
    label,
    width,
    rows: from.values.length / width,
    halo: HALO,
    slots: [
      { role: "input", rowBytes: width * 4, bytes: bytesOf(from.values) },
      work,
      { role: "input", rowBytes: width * 2, bytes: bytesOf(from.mask) },
      { role: "output", rowBytes: width * 4, bytes: bytesOf(to.values) },
      { role: "output", rowBytes: width * 2, bytes: bytesOf(to.mask) },
      { role: "sum", rowBytes: 4 },
      ...(passes.length > 2 ? [work, work, work, work] : []),
    ],
    passes,
  };
}

function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}

function shorts(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
}
