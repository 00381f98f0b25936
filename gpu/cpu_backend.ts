/**
 * The backend that needs no GPU: WebAssembly on all cores.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { GpuError } from "../config/errors.ts";
import { type Backend, type HostBuffer, Queue } from "./backend.ts";
import {
  PARAM_WORDS,
  type Pass,
  passRows,
  type Slot,
  slotRows,
  type StripJob,
  writeParams,
} from "./job.ts";
import { type Part, SharedMemory } from "./shared_memory.ts";
import {
  addCounters,
  clearCounters,
  cutJob,
  deviceBytes,
  devicePlaneBytes,
  fittingRows,
  planeOf,
} from "./strips.ts";
import { type ThreadPass, ThreadPool } from "./thread_pool.ts";
import { PASS_WORDS, STOP_WORDS } from "./worker_source.ts";

/** How {@linkcode CpuBackend} works. */
export interface CpuOptions {
  /** Threads; one a core if left out. */
  readonly threads?: number;
  /** Bytes that arrays may take together; 2 GiB if left out, 4 GiB at most. */
  readonly memoryBytes?: number;
}

/** Slots of a pass at most; the arguments hold address and plane distance of each. */
const MAX_SLOTS = 8;
const ARGUMENT_BYTES = MAX_SLOTS * 8 + PARAM_WORDS * 4;
/** A piece of work of one thread: long against its start, short against a strip. */
const PIECE_PIXELS = 1 << 16;
/** Arrays outside the shared memory go through copies of so many bytes. */
const COPY_BYTES = 256 << 20;

/** Runs kernels on the processor, on threads over one shared memory. */
export class CpuBackend implements Backend {
  readonly kind = "cpu";
  readonly #shared: SharedMemory;
  readonly #threads: ThreadPool;
  readonly #queue = new Queue();
  readonly #memoryBytes: number;
  #closed = false;

  /** Starts the threads. */
  constructor(options: CpuOptions = {}) {
    this.#memoryBytes = options.memoryBytes ?? 2 ** 31;
    this.#shared = new SharedMemory(this.#memoryBytes);
    this.#threads = new ThreadPool(
      options.threads ?? availableParallelism(),
      this.#shared.memory,
    );
  }

  /** As the manifest records it. */
  get name(): string {
    const count = this.#threads.size;
    return `cpu (${count} ${count === 1 ? "thread" : "threads"})`;
  }

  /** Bytes lent and in use by jobs. */
  get bytesInUse(): number {
    return this.#shared.used;
  }

  /** Lends memory that threads reach without a copy. */
  allocate(bytes: number): HostBuffer {
    return this.#shared.lend(bytes);
  }

  /** Runs a job; arrays outside the shared memory are copied, strip by strip. */
  run(job: StripJob, signal?: AbortSignal): Promise<void> {
    return this.#queue.add(async () => {
      if (this.#closed) throw new GpuError(`Cannot run '${job.label}': the backend is closed`);
      clearCounters(job);
      const copied = job.slots.filter(({ bytes }) =>
        bytes === undefined || this.#shared.addressOf(bytes) === undefined
      );
      const free = Math.max(1 << 20, this.#memoryBytes - this.#shared.used) / 2;
      const room = { bindingBytes: free, totalBytes: Math.min(free, COPY_BYTES) };
      const rows = fittingRows({ ...job, slots: copied }, room);
      for (const strip of cutJob(job, rows)) await this.#runStrip(strip, signal);
    });
  }

  async #runStrip(job: StripJob, signal: AbortSignal | undefined): Promise<void> {
    const placed = new PlacedSlots(job, this.#shared);
    try {
      placed.copyIn();
      signal?.throwIfAborted();
      await this.#runPasses(job, placed, signal);
      signal?.throwIfAborted();
      placed.copyOut();
    } finally {
      placed[Symbol.dispose]();
    }
  }

  async #runPasses(
    job: StripJob,
    placed: PlacedSlots,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { passes } = job;
    for (const { kernel } of passes) await this.#threads.load(kernel.name, kernel.wasm);
    const controlWords = STOP_WORDS + PASS_WORDS * passes.length;
    const scratchBytes = Math.max(...passes.map((pass) => pass.scratchBytes ?? 0)) + 128 & ~63;
    using control = this.#shared.lend(controlWords * 4);
    using args = this.#shared.lend(passes.length * ARGUMENT_BYTES);
    using scratch = this.#shared.lend(this.#threads.size * scratchBytes);
    const words = new Int32Array(control.bytes.buffer, control.address, controlWords).fill(0);
    const tasks = passes.map((pass, i) => this.#writeArguments(job, pass, placed, args, i));
    const stop = () => Atomics.store(words, 0, 1);
    signal?.addEventListener("abort", stop);
    try {
      await this.#threads.run((thread) => ({
        passes: tasks,
        control: control.address,
        scratch: scratch.address + thread * scratchBytes,
      }));
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  #writeArguments(
    job: StripJob,
    pass: Pass,
    placed: PlacedSlots,
    room: Part,
    index: number,
  ): ThreadPass {
    if (pass.slots.length > MAX_SLOTS) throw new RangeError(`${pass.slots.length} slots`);
    const offset = index * ARGUMENT_BYTES;
    const view = new DataView(room.bytes.buffer, room.address + offset, ARGUMENT_BYTES);
    placed.writePointers(pass, view);
    writeParams(job, pass, view, MAX_SLOTS * 8);
    return {
      kernel: pass.kernel.name,
      entry: pass.entry,
      args: room.address + offset,
      rows: passRows(job, pass),
      step: pass.pieceRows ?? Math.max(1, Math.round(PIECE_PIXELS / job.width)),
    };
  }

  /** Ends the threads. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#threads.close();
  }
}

/** The slots of a strip in the shared memory. */
class PlacedSlots implements Disposable {
  readonly #job: StripJob;
  readonly #places: { address: number; planeBytes: number }[] = [];
  readonly #parts: (readonly [slot: Slot, part: Part])[] = [];

  constructor(job: StripJob, shared: SharedMemory) {
    this.#job = job;
    try {
      for (const slot of job.slots) this.#place(slot, shared);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #place(slot: Slot, shared: SharedMemory): void {
    const full = slotRows(this.#job, slot) * slot.rowBytes;
    const address = slot.bytes === undefined || slot.role === "sum"
      ? undefined
      : shared.addressOf(slot.bytes);
    if (address !== undefined) {
      this.#places.push({ address, planeBytes: slot.planeBytes ?? full });
      return;
    }
    const part = shared.lend(deviceBytes(this.#job, slot));
    this.#parts.push([slot, part]);
    this.#places.push({ address: part.address, planeBytes: devicePlaneBytes(this.#job, slot) });
  }

  copyIn(): void {
    for (const [slot, part] of this.#parts) {
      if (slot.role === "sum") part.bytes.fill(0);
      if (slot.role === "input" || slot.role === "table") this.#copy(slot, part, true);
    }
  }

  copyOut(): void {
    for (const [slot, part] of this.#parts) {
      if (slot.role === "output") this.#copy(slot, part, false);
      if (slot.role === "sum") addCounters(slot.bytes!, part.bytes);
    }
  }

  #copy(slot: Slot, part: Part, inward: boolean): void {
    const planeBytes = devicePlaneBytes(this.#job, slot);
    for (let plane = 0; plane < (slot.planes ?? 1); plane++) {
      const outside = planeOf(this.#job, slot, plane);
      const start = plane * planeBytes;
      const inside = part.bytes.subarray(start, start + outside.length);
      if (inward) inside.set(outside);
      else outside.set(inside);
    }
  }

  writePointers(pass: Pass, view: DataView): void {
    pass.slots.forEach((index, i) => {
      const { address, planeBytes } = this.#places[index]!;
      view.setUint32(8 * i, address, true);
      view.setUint32(8 * i + 4, planeBytes, true);
    });
  }

  [Symbol.dispose](): void {
    for (const [, part] of this.#parts.splice(0)) part[Symbol.dispose]();
  }
}
