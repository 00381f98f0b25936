/**
 * Where pixels are computed: a GPU or the processor, and what happened on the way.
 *
 * @module
 */

import { GpuError } from "../config/errors.ts";
import type { Backend, HostBuffer } from "./backend.ts";
import { CpuBackend, type CpuOptions } from "./cpu_backend.ts";
import {
  chooseAdapter,
  describeAdapter,
  type DeviceChoice,
  openDevice,
  reasonOf,
} from "./device.ts";
import type { StripJob } from "./job.ts";
import { WebgpuBackend, type WebgpuOptions } from "./webgpu_backend.ts";

/** How {@linkcode openCompute} works. */
export interface ComputeOptions {
  /** `auto` takes a GPU where there is a real one; `auto` if left out. */
  readonly device?: DeviceChoice;
  /** Of the cpu backend. */
  readonly cpu?: CpuOptions;
  /** Of the webgpu backend. */
  readonly webgpu?: WebgpuOptions;
  /** Told what happened to the device, one sentence each. */
  readonly onEvent?: (text: string) => void;
}

/** Makes the job that is the best one for a kind of backend. */
export type JobMaker = (kind: Backend["kind"]) => StripJob;

/**
 * Runs jobs on the chosen backend and, when that fails, on the next one.
 *
 * A lost device is asked for again once. Short of memory, strips are halved. After that,
 * or if a kernel fails on the GPU, the cpu backend takes over for good.
 */
export class Compute implements Disposable {
  readonly #options: ComputeOptions;
  readonly #events: string[] = [];
  readonly #devices: string[] = [];
  #backend: Backend;
  #mayReopen = true;

  /** Made by {@linkcode openCompute}. */
  constructor(backend: Backend, options: ComputeOptions) {
    this.#options = options;
    this.#backend = backend;
    this.#devices.push(backend.name);
  }

  /** The devices that were used, in order: more than one only after a failure. */
  get device(): string {
    return this.#devices.join(", then ");
  }

  /** The present backend. */
  get backend(): Backend {
    return this.#backend;
  }

  /** What happened to devices, one sentence each; empty if all went well. */
  get events(): readonly string[] {
    return this.#events;
  }

  /** Bytes in use; 0 when all was given back. */
  get bytesInUse(): number {
    return this.#backend.bytesInUse;
  }

  /** Room for inputs and outputs; see {@linkcode Backend.allocate}. */
  allocate(bytes: number): HostBuffer {
    return this.#backend.allocate(bytes);
  }

  /**
   * Runs a job to its end.
   *
   * @throws {GpuError} If the cpu backend fails too.
   * @throws The signal's reason.
   */
  async run(work: StripJob | JobMaker, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const backend = this.#backend;
      const job = typeof work === "function" ? work(backend.kind) : work;
      try {
        return await backend.run(job, signal);
      } catch (error) {
        const gone = backend !== this.#backend;
        if (!(error instanceof GpuError) || (backend.kind === "cpu" && !gone)) throw error;
        if (!gone) await this.#replace(error);
      }
    }
  }

  async #replace(error: GpuError): Promise<void> {
    const old = this.#backend;
    const again = error.details.lost === true && this.#mayReopen;
    this.#mayReopen = false;
    const next = again ? await this.#reopen() : undefined;
    this.#backend = next ?? new CpuBackend(this.#options.cpu);
    this.#devices.push(this.#backend.name);
    this.#note(`${error.message}; going on with ${this.#backend.name}`);
    old.close();
  }

  async #reopen(): Promise<Backend | undefined> {
    try {
      return await openGpu(this.#options, (text) => this.#note(text));
    } catch (error) {
      this.#note(reasonOf(error));
      return undefined;
    }
  }

  #note(text: string): void {
    this.#events.push(text);
    this.#options.onEvent?.(text);
  }

  /** Ends the backend. */
  [Symbol.dispose](): void {
    this.#backend.close();
  }

  /** Chooses a device and opens it. */
  static async open(options: ComputeOptions = {}): Promise<Compute> {
    const early: string[] = [];
    const note = (text: string) => compute === undefined ? early.push(text) : compute.#note(text);
    let compute: Compute | undefined = undefined;
    const backend = await openGpu(options, note).catch((error) => {
      if (options.device === "webgpu") throw error;
      note(reasonOf(error));
      return undefined;
    });
    compute = new Compute(backend ?? new CpuBackend(options.cpu), options);
    for (const text of early) compute.#note(text);
    return compute;
  }
}

async function openGpu(
  options: ComputeOptions,
  note: (text: string) => void,
): Promise<Backend | undefined> {
  const adapter = await chooseAdapter(options.device ?? "auto");
  if (adapter === undefined) return undefined;
  const device = await openDevice(adapter);
  const onHalved = (rows: number, label: string) =>
    note(`'${label}' ran short of GPU memory; strips of ${rows} rows from there on`);
  const { name } = describeAdapter(adapter);
  return new WebgpuBackend(device, `webgpu (${name})`, { onHalved, ...options.webgpu });
}

/**
 * Chooses where pixels are computed.
 *
 * @param options Device and its limits.
 * @returns To be disposed of.
 * @throws {GpuError} If `webgpu` was asked for and cannot be had.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
 * assert.equal(compute.device, "cpu (2 threads)");
 * ```
 */
export async function openCompute(options: ComputeOptions = {}): Promise<Compute> {
  return await Compute.open(options);
}
