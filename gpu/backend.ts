/**
 * What every backend offers.
 *
 * @module
 */

import type { StripJob } from "./job.ts";

/** Bytes that jobs work on; those of the cpu backend lie in the memory that all its threads share. */
export interface HostBuffer extends Disposable {
  /** The bytes, at an address divisible by 64. */
  readonly bytes: Uint8Array<ArrayBufferLike>;
}

/** A place where kernels run. */
export interface Backend {
  /** Which kind it is. */
  readonly kind: "webgpu" | "cpu";
  /** The device in words, as the manifest records it. */
  readonly name: string;
  /**
   * Gives room for inputs and outputs, from where jobs take them without a copy if they can.
   *
   * @throws {GpuError} If there is not so much memory.
   */
  allocate(bytes: number): HostBuffer;
  /**
   * Runs a job to its end. Jobs are run one at a time, in the order of the calls.
   *
   * @throws {GpuError} If the device fails; then outputs hold anything.
   * @throws The signal's reason, once nothing works on the arrays any more.
   */
  run(job: StripJob, signal?: AbortSignal): Promise<void>;
  /** Bytes in use: of buffers lent and of jobs under way. 0 when all was given back. */
  readonly bytesInUse: number;
  /** Ends threads and frees memory; a second call does nothing. */
  close(): void;
}

/** Runs tasks one after the other. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /** Adds a task; a failed one does not keep the next from running. */
  add<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
