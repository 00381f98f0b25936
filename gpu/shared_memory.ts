/**
 * Memory that the threads of the cpu backend share, and who has which part of it.
 *
 * @module
 */

import { GpuError } from "../config/errors.ts";
import type { HostBuffer } from "./backend.ts";

const PAGE = 65536;
/** Parts begin at cache lines. */
const ALIGNMENT = 64;
/** Kernels may read, never write, so far beyond an array. */
const MARGIN = 256;

interface Gap {
  start: number;
  end: number;
}

/** A part of the memory. */
export interface Part extends HostBuffer {
  /** Address of the first byte. */
  readonly address: number;
}

/** One WebAssembly memory, divided into parts, first fit. */
export class SharedMemory {
  /** What kernels and threads import. */
  readonly memory: WebAssembly.Memory;
  readonly #limit: number;
  readonly #gaps: Gap[];
  #used = 0;

  /**
   * Makes a memory of one page.
   *
   * @param limit Bytes it may grow to.
   */
  constructor(limit: number) {
    const maximum = Math.min(65536, Math.ceil(limit / PAGE));
    this.#limit = maximum * PAGE;
    this.memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    // address 0 is never given away, so that it can mean nothing
    this.#gaps = [{ start: ALIGNMENT, end: this.#limit - MARGIN }];
  }

  /** Bytes that are lent. */
  get used(): number {
    return this.#used;
  }

  /**
   * Lends a part; its content is whatever it is.
   *
   * @throws {GpuError} If the memory is full.
   */
  lend(bytes: number): Part {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const index = this.#gaps.findIndex((gap) => gap.end - gap.start >= size);
    const gap = this.#gaps[index];
    if (gap === undefined) throw this.#full(bytes);
    const address = gap.start;
    this.#grow(address + size + MARGIN, bytes);
    gap.start += size;
    if (gap.start === gap.end) this.#gaps.splice(index, 1);
    this.#used += size;
    let lent = true;
    return {
      address,
      bytes: new Uint8Array(this.memory.buffer, address, bytes),
      [Symbol.dispose]: () => {
        if (lent) this.#giveBack({ start: address, end: address + size });
        lent = false;
      },
    };
  }

  /** The address of bytes that lie in this memory; `undefined` if they do not. */
  addressOf(bytes: Uint8Array): number | undefined {
    return this.#holds(bytes.buffer) ? bytes.byteOffset : undefined;
  }

  #holds(buffer: ArrayBufferLike): boolean {
    // a memory that has grown hands out new objects for the same bytes
    return buffer === this.memory.buffer || this.#known.has(buffer);
  }

  readonly #known = new WeakSet<ArrayBufferLike>();

  #grow(bytes: number, wanted: number): void {
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    this.#known.add(this.memory.buffer);
    try {
      this.memory.grow(missing);
    } catch (cause) {
      throw this.#full(wanted, cause);
    }
    this.#known.add(this.memory.buffer);
  }

  #full(bytes: number, cause?: unknown): GpuError {
    return new GpuError(
      `Cannot allocate ${bytes} bytes: ${this.#used} of ${this.#limit} are in use`,
      { details: { bytes, used: this.#used, limit: this.#limit, outOfMemory: true }, cause },
    );
  }

  #giveBack(part: Gap): void {
    this.#used -= part.end - part.start;
    const next = this.#gaps.findIndex((gap) => gap.start >= part.end);
    this.#gaps.splice(next < 0 ? this.#gaps.length : next, 0, part);
    for (let i = this.#gaps.length - 1; i > 0; i--) {
      const before = this.#gaps[i - 1]!;
      if (before.end !== this.#gaps[i]!.start) continue;
      before.end = this.#gaps[i]!.end;
      this.#gaps.splice(i, 1);
    }
  }
}
