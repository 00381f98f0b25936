/**
 * Where strips of frames and of their master lie while they are computed.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import type { MasterType } from "../frames/groups.ts";
import { floatsOf, type PlainFrames, shortsOf } from "../frames/plain_frames.ts";

/** Bytes of all strips together, whatever the number of frames. */
const MEMORY_BYTES = 256 << 20;
/** A strip needs so many rows at least, even where that takes more memory. */
const MIN_ROWS = 4;
/** Longer strips gain nothing. */
const MAX_ROWS = 256;
/** Bytes a pixel of inputs from masters and of results, in each of two places. */
const FIXED_BYTES = 32;

/** Room for one strip, all arrays but the first `[rows, width]`. */
export interface Place {
  readonly rows: number;
  /** `[frames, rows, width]` as stored. */
  readonly input: Uint8Array;
  readonly bias: Float32Array;
  readonly dark: Float32Array;
  readonly value: Float32Array;
  /** The value without bias. */
  readonly reduced: Float32Array;
  readonly variance: Float32Array;
  readonly kept: Uint16Array;
  readonly rejected: Uint16Array;
  /** Values as a file has them. */
  readonly rawValue: Uint8Array;
  /** Variances as a file has them. */
  readonly rawVariance: Uint8Array;
}

/** Room for two strips, used in turn, and for what is needed only while one is computed. */
export class MasterPlaces implements Disposable {
  /** `[frames, rows, width]` float32 reduced flats; empty for other types. */
  readonly planes: Uint8Array;
  /** The same as values. */
  readonly floats: Float32Array;
  /** `[frames, rows, width]` of flats, `[rows, width]` of others. */
  readonly masks: Uint16Array;
  readonly #places: Place[] = [];
  readonly #stack = new DisposableStack();

  /** Takes the room from the backend. */
  constructor(frames: PlainFrames, type: MasterType, compute: Compute) {
    const { width, height, pixelBytes, count } = frames;
    const flats = type === "flat" ? count : 0;
    const each = 2 * (count * pixelBytes + FIXED_BYTES) + 6 * flats;
    const wanted = Math.floor(MEMORY_BYTES / (each * width));
    const rows = Math.min(height, MAX_ROWS, Math.max(MIN_ROWS, wanted));
    const pixels = rows * width;
    const room = (bytes: number) => this.#stack.use(compute.allocate(bytes)).bytes;
    try {
      this.planes = room(flats * pixels * 4);
      this.floats = floatsOf(this.planes, flats * pixels);
      this.masks = shortsOf(room(Math.max(1, flats) * pixels * 2));
      for (let i = 0; i < 2; i++) {
        this.#places.push(placeOf(rows, pixels, room, count * pixelBytes));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The place of a strip; that of the strip before the last is used again. */
  at(index: number): Place {
    return this.#places[index % 2]!;
  }

  /** Gives the room back. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

function placeOf(
  rows: number,
  pixels: number,
  room: (bytes: number) => Uint8Array,
  inputBytes: number,
): Place {
  const floats = () => floatsOf(room(pixels * 4), pixels);
  const shorts = () => shortsOf(room(pixels * 2), pixels);
  return {
    rows,
    input: room(pixels * inputBytes),
    ...{ bias: floats(), dark: floats(), value: floats(), reduced: floats() },
    ...{ variance: floats(), kept: shorts(), rejected: shorts() },
    ...{ rawValue: room(pixels * 4), rawVariance: room(pixels * 4) },
  };
}
