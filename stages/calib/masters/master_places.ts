/**
 * Where strips of frames and of their master lie while they are computed.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import type { MasterType } from "../frames/groups.ts";
import { pipedRows, type Room } from "../frames/pipe_strips.ts";
import { floatsOf, type PlainFrames, shortsOf } from "../frames/plain_frames.ts";

/**
 * Bytes of all strips together, whatever the number of frames: on the processor more would not stay in
 * its cache, while every job on a GPU has its own cost.
 */
const MEMORY_BYTES = { cpu: 64 << 20, webgpu: 256 << 20 };
/** Bytes a pixel of results, in each of two places. */
const RESULT_BYTES = 36;
/** Bytes a pixel of a reduced flat and of its mask. */
const FLAT_BYTES = 6;

/** Room for one strip, all arrays but the first `[rows, width]`. */
export interface MasterPlace {
  readonly rows: number;
  /** `[frames, rows, width]` as stored. */
  readonly input: Uint8Array;
  readonly value: Float32Array;
  /** The value without bias. */
  readonly reduced: Float32Array;
  readonly variance: Float32Array;
  readonly kept: Uint16Array;
  readonly rejected: Uint16Array;
  // what files hold of them
  readonly rawValue: Uint8Array;
  readonly rawVariance: Uint8Array;
  readonly rawKept: Uint8Array;
}

/** Rows of a strip, so that two of them fit and what is needed only while one is computed. */
export function masterRows(
  { width, height, pixelBytes, count }: PlainFrames,
  type: MasterType,
  compute: Compute,
): number {
  const flats = type === "flat" ? count : 0;
  const each = 2 * (count * pixelBytes + RESULT_BYTES) + FLAT_BYTES * flats;
  return pipedRows(height, MEMORY_BYTES[compute.backend.kind], each * width);
}

/** Room for one strip. */
export function masterPlace(frames: PlainFrames, rows: number, room: Room): MasterPlace {
  const pixels = rows * frames.width;
  const floats = () => floatsOf(room(pixels * 4), pixels);
  const shorts = () => shortsOf(room(pixels * 2), pixels);
  return {
    rows,
    input: room(pixels * frames.count * frames.pixelBytes),
    ...{
      value: floats(),
      reduced: floats(),
      variance: floats(),
      kept: shorts(),
      rejected: shorts(),
    },
    ...{ rawValue: room(pixels * 4), rawVariance: room(pixels * 4), rawKept: room(pixels * 2) },
  };
}
