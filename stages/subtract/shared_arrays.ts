/**
 * Arrays of the size of images, in memory that every thread reaches.
 *
 * @module
 */

import { GpuError } from "../../config/errors.ts";
import type { HostBuffer } from "../../gpu/backend.ts";
import type { Compute } from "../../gpu/compute.ts";

/** Lends arrays and takes all of them back at once; where that memory is full, ordinary ones. */
export class SharedArrays implements Disposable {
  readonly #compute: Compute;
  readonly #buffers: HostBuffer[] = [];

  /** @param compute Whose memory it is. */
  constructor(compute: Compute) {
    this.#compute = compute;
  }

  /** Float32 values; they hold anything. */
  floats(count: number): Float32Array<ArrayBufferLike> {
    const bytes = this.bytes(count * 4);
    return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** 16-bit words; they hold anything. */
  words(count: number): Uint16Array<ArrayBufferLike> {
    const bytes = this.bytes(count * 2);
    return new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** Bytes at an address divisible by 64; they hold anything. */
  bytes(count: number): Uint8Array<ArrayBufferLike> {
    try {
      const buffer = this.#compute.allocate(count);
      this.#buffers.push(buffer);
      return buffer.bytes;
    } catch (error) {
      if (!(error instanceof GpuError)) throw error;
      return new Uint8Array(count); // jobs copy from and to it
    }
  }

  /** Gives all memory back. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers.splice(0)) buffer[Symbol.dispose]();
  }
}
