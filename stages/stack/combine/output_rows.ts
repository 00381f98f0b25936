/**
 * Where a strip of a stack is made.
 *
 * @module
 */

import type { HostBuffer } from "../../../gpu/backend.ts";
import type { Compute } from "../../../gpu/compute.ts";
import {
  type EncodedRows,
  foldMaskSums,
  foldSums,
  MASK_PLANES,
} from "../../../gpu/kernels/encode/encode.ts";
import type { JoinedRows } from "../../../gpu/kernels/join_layers/join_layers.ts";
import type { StackStrip } from "./combine.ts";

/** Rows as a FITS file has them. */
export interface EncodedStrip {
  readonly raw: Uint8Array<ArrayBufferLike>;
  /** Sum of the bytes, as DATASUM has it, if it is known. */
  readonly sum: number | undefined;
}

/** Arrays of a strip, in memory that every thread reaches. */
export class OutputRows implements Disposable {
  readonly #buffers: HostBuffer[] = [];
  readonly #width: number;
  readonly #value: Uint8Array<ArrayBufferLike>;
  readonly #mask: Uint8Array<ArrayBufferLike>;
  readonly #weight: Uint8Array<ArrayBufferLike>;
  readonly #rawValue: Uint8Array<ArrayBufferLike>;
  readonly #rawWeight: Uint8Array<ArrayBufferLike>;
  readonly #rawMask: Uint8Array<ArrayBufferLike>;

  /**
   * Makes room.
   *
   * @param compute Where.
   * @param width Pixels a row.
   * @param rows At most.
   */
  constructor(compute: Compute, width: number, rows: number) {
    const allocate = (bytes: number) => {
      const buffer = compute.allocate(bytes);
      this.#buffers.push(buffer);
      return buffer.bytes;
    };
    this.#width = width;
    this.#value = allocate(rows * width * 4);
    this.#mask = allocate(rows * width * 2);
    this.#weight = allocate(rows * width * 4);
    this.#rawValue = allocate(rows * width * 4);
    this.#rawWeight = allocate(rows * width * 4);
    this.#rawMask = allocate(rows * width * 2);
  }

  /** Room for so many rows. */
  of(rows: number): Required<JoinedRows> {
    const count = rows * this.#width;
    const encoded = (raw: Uint8Array<ArrayBufferLike>): EncodedRows => ({
      raw: raw.subarray(0, count * 4),
      sums: new Uint32Array(rows * 2),
    });
    return {
      value: new Float32Array(this.#value.buffer, this.#value.byteOffset, count),
      mask: new Uint16Array(this.#mask.buffer, this.#mask.byteOffset, count),
      weight: new Float32Array(this.#weight.buffer, this.#weight.byteOffset, count),
      encodedValue: encoded(this.#rawValue),
      encodedWeight: encoded(this.#rawWeight),
      encodedMask: {
        raw: this.#rawMask.subarray(0, count * 2),
        sums: new Uint32Array(rows * 2),
        counts: new Uint32Array(rows * MASK_PLANES),
      },
    };
  }

  /** Rows that were made. */
  strip(rows: Required<JoinedRows>): Omit<StackStrip, "firstRow"> {
    const encoded = ({ raw, sums }: EncodedRows) => ({ raw, sum: foldSums(sums) });
    const { raw, sums } = rows.encodedMask;
    return {
      data: rows.value,
      mask: rows.mask,
      weight: rows.weight,
      encoded: {
        data: encoded(rows.encodedValue),
        mask: { raw, sum: foldMaskSums(sums, this.#width) },
        weight: encoded(rows.encodedWeight),
      },
    };
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers.splice(0)) buffer[Symbol.dispose]();
  }
}
