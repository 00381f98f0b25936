/**
 * Strips that are read, computed and written side by side.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { Compute } from "../../../gpu/compute.ts";

/** What is done with strips; each step is called for one strip at a time, in order. */
export interface StripSteps<Strip, Done> {
  /** Reads the strip of this index, from 0; undefined behind the last. */
  readonly read: (index: number) => Promise<Strip | undefined>;
  /** Computes it. */
  readonly compute: (strip: Strip, index: number) => Promise<Done>;
  /** Writes what was computed. */
  readonly write: (done: Done) => Promise<void>;
}

/**
 * Reads, computes and writes strips: while one is computed, the next is read and the last is written.
 *
 * @param steps May use two places in turn: one is free again when the strip after it is computed.
 * @throws What a step throws, once none is under way any more.
 */
export async function pipeStrips<Strip, Done>(steps: StripSteps<Strip, Done>): Promise<void> {
  const { read, compute, write } = steps;
  let writeLast = () => Promise.resolve();
  let next = await read(0);
  for (let index = 0; next !== undefined; index++) {
    const computing = compute(next, index);
    computing.catch(() => undefined); // awaited below
    await setImmediate(); // lets the computation start before this thread reads
    const writing = writeLast();
    writing.catch(() => undefined); // awaited below
    try {
      next = await read(index + 1);
    } finally {
      await Promise.allSettled([computing, writing]);
    }
    await writing;
    const done = await computing;
    writeLast = () => write(done);
  }
  await writeLast();
}

/** A strip needs so many rows at least, even where that takes more memory. */
const MIN_ROWS = 4;
/** Longer strips gain nothing. */
const MAX_ROWS = 256;

/**
 * Rows of a strip.
 *
 * @param height Of the image: there are no more.
 * @param memoryBytes What all that lies in memory at a time may take.
 * @param rowBytes What one row of a strip takes of it.
 */
export function pipedRows(height: number, memoryBytes: number, rowBytes: number): number {
  return Math.min(height, MAX_ROWS, Math.max(MIN_ROWS, Math.floor(memoryBytes / rowBytes)));
}

/** Gives room that kernels reach without a copy. */
export type Room = (bytes: number) => Uint8Array;

/** Room for two strips, used in turn. */
export class StripPlaces<Place> implements Disposable {
  readonly #places: readonly Place[];
  readonly #stack: DisposableStack;

  /**
   * @param compute Gives the room.
   * @param make Makes a place of it.
   */
  constructor(compute: Compute, make: (room: Room) => Place) {
    using stack = new DisposableStack();
    const room = (bytes: number) => stack.use(compute.allocate(bytes)).bytes;
    this.#places = [make(room), make(room)];
    this.#stack = stack.move();
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
