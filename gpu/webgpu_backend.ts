/**
 * The backend that runs kernels in WGSL on a GPU.
 *
 * @module
 */

import { GpuError } from "../config/errors.ts";
import { type Backend, type HostBuffer, Queue } from "./backend.ts";
import { BufferPool } from "./buffer_pool.ts";
import { chooseAdapter, describeAdapter, openDevice, withErrorScopes } from "./device.ts";
import type { StripJob } from "./job.ts";
import { PipelineCache } from "./pipeline_cache.ts";
import { clearCounters, cutJob, type DeviceRoom, fittingRows } from "./strips.ts";
import { StripRun } from "./webgpu_strip.ts";

/** How {@linkcode WebgpuBackend} works. */
export interface WebgpuOptions {
  /** Bytes of all arrays of a strip together; 1 GiB if left out. */
  readonly stripBytes?: number;
  /** Bytes of buffers kept for later; 1 GiB if left out. */
  readonly poolBytes?: number;
  /** Bytes of one array; what the device allows if left out, and never more. */
  readonly bindingBytes?: number;
  /** Told when memory was short and strips were halved. */
  readonly onHalved?: (rows: number, label: string) => void;
}

/** Runs kernels on a GPU. */
export class WebgpuBackend implements Backend {
  readonly kind = "webgpu";
  /** As the manifest records it. */
  readonly name: string;
  /** The device, for tests that take it away. */
  readonly device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #queue = new Queue();
  readonly #room: DeviceRoom;
  readonly #onHalved: WebgpuOptions["onHalved"];
  #lost: string | undefined;
  #hostBytes = 0;

  /** Made by {@linkcode WebgpuBackend.open}. */
  constructor(device: GPUDevice, name: string, options: WebgpuOptions = {}) {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.device = device;
    this.name = name;
    this.#pool = new BufferPool(device, options.poolBytes ?? 2 ** 30);
    this.#pipelines = new PipelineCache(device);
    this.#onHalved = options.onHalved;
    this.#room = {
      bindingBytes: Math.min(
        maxStorageBufferBindingSize,
        maxBufferSize,
        options.bindingBytes ?? Infinity,
      ),
      totalBytes: options.stripBytes ?? 2 ** 30,
    };
    void device.lost.then(({ reason, message }) => {
      this.#lost = message || reason || "no reason given";
    });
  }

  /**
   * Opens the best adapter there is, software too.
   *
   * @throws {GpuError} If there is none, or it refuses.
   */
  static async open(options: WebgpuOptions = {}): Promise<WebgpuBackend> {
    const adapter = await chooseAdapter("webgpu");
    const { name } = describeAdapter(adapter!);
    return new WebgpuBackend(await openDevice(adapter!), `webgpu (${name})`, options);
  }

  /** Whether the device is gone. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  /** Bytes of buffers lent, on the device and beside it. */
  get bytesInUse(): number {
    return this.#pool.lentBytes + this.#hostBytes;
  }

  /** Gives ordinary memory. */
  allocate(bytes: number): HostBuffer {
    this.#hostBytes += bytes;
    let lent = true;
    return {
      bytes: new Uint8Array(bytes),
      [Symbol.dispose]: () => {
        if (lent) this.#hostBytes -= bytes;
        lent = false;
      },
    };
  }

  /** Runs a job by strips that the device can hold; short of memory, by smaller ones. */
  run(job: StripJob, signal?: AbortSignal): Promise<void> {
    return this.#queue.add(async () => {
      clearCounters(job);
      let rows = fittingRows(job, this.#room);
      let waiting = cutJob(job, rows);
      for (let strip = waiting.shift(); strip !== undefined; strip = waiting.shift()) {
        signal?.throwIfAborted();
        try {
          await this.#runStrip(strip);
        } catch (error) {
          if (!isOutOfMemory(error) || strip.rows === 1) throw error;
          this.#pool.clear();
          rows = Math.ceil(strip.rows / 2);
          this.#onHalved?.(rows, job.label);
          waiting = [strip, ...waiting].flatMap((part) => cutJob(part, rows));
        }
      }
    });
  }

  async #runStrip(strip: StripJob): Promise<void> {
    if (this.#lost !== undefined) throw this.#lostError(strip.label);
    const run = new StripRun(strip, this.device, this.#pool, this.#pipelines, this.#room);
    try {
      await withErrorScopes(this.device, strip.label, () => run.execute());
      run.release();
    } catch (error) {
      run.discard();
      // a lost device answers before its promise does
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 50))]);
      throw this.#lost === undefined ? error : this.#lostError(strip.label, error);
    }
    if (this.#lost !== undefined) throw this.#lostError(strip.label);
  }

  #lostError(label: string, cause?: unknown): GpuError {
    return new GpuError(`Cannot run '${label}' on the GPU: the device was lost: ${this.#lost}`, {
      details: { lost: true },
      cause,
    });
  }

  /** Destroys the device and all that is on it. */
  close(): void {
    this.#pool.clear();
    this.device.destroy();
  }
}

/** Whether an error says that memory was short. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof GpuError && error.details.outOfMemory === true;
}
