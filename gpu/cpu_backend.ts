/**
 * The backend that needs no GPU: WebAssembly on all cores.
 *
 * @module
 */

import { GpuError } from "../config/errors.ts";
import { type Backend, type HostBuffer, Queue } from "./backend.ts";
import { PARAM_WORDS, type Pass, passRows, type Slot, type StripJob, writeParams } from "./job.ts";
import { PlacedSlots } from "./placed_slots.ts";
import { type Part, SharedMemory } from "./shared_memory.ts";
import { clearCounters, cutJob, fittingRows } from "./strips.ts";
import type { ThreadCall, ThreadPass } from "./run_pass.ts";
import { makeControl, ThreadPool } from "./thread_pool.ts";

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

/** A strip that the threads have been told of. */
interface StartedJob {
  /** Arrays outside of the shared memory that get copies of what it makes. */
  readonly given: ReadonlySet<ArrayBufferLike>;
  readonly done: Promise<void>;
}

/** What the threads are told of a strip. */
interface JobTasks {
  readonly passes: readonly ThreadPass[];
  readonly control: SharedArrayBuffer;
  /** Address of the working memory of a thread. */
  readonly scratch: (thread: number) => number;
}

const isRead = ({ role }: Slot) => role === "input" || role === "table";

/** Runs kernels on the processor, on threads over one shared memory. */
export class CpuBackend implements Backend {
  readonly kind = "cpu";
  readonly #shared: SharedMemory;
  readonly #threads: ThreadPool;
  readonly #starts = new Queue();
  readonly #started: StartedJob[] = [];
  readonly #memoryBytes: number;
  #closed = false;

  /** Starts the threads. */
  constructor(options: CpuOptions = {}) {
    this.#memoryBytes = options.memoryBytes ?? 2 ** 31;
    this.#shared = new SharedMemory(this.#memoryBytes);
    this.#threads = new ThreadPool(
      options.threads ?? navigator.hardwareConcurrency,
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

  /**
   * Runs a job; arrays outside the shared memory are copied, strip by strip.
   *
   * The threads are told of the next job while they still work on one, unless it needs a copy of
   * what that one makes: they go on without waiting for the main thread.
   */
  async run(job: StripJob, signal?: AbortSignal): Promise<void> {
    const { done } = await this.#starts.add(async () => {
      if (this.#closed) throw new GpuError(`Cannot run '${job.label}': the backend is closed`);
      clearCounters(job);
      // a table is copied whole, whatever the strips
      const copied = job.slots.filter((slot) => slot.role !== "table" && this.#isCopied(slot));
      const free = Math.max(1 << 20, this.#memoryBytes - this.#shared.used) / 2;
      const room = { bindingBytes: free, totalBytes: Math.min(free, COPY_BYTES) };
      const strips = cutJob(job, fittingRows({ ...job, slots: copied }, room));
      for (const strip of strips.slice(0, -1)) await (await this.#start(strip, signal)).done;
      return await this.#start(strips.at(-1)!, signal);
    });
    await done;
  }

  #isCopied({ bytes }: Slot): boolean {
    return bytes === undefined || this.#shared.addressOf(bytes) === undefined;
  }

  /** Hands a strip to the threads, behind one that they work on at most. */
  async #start(job: StripJob, signal: AbortSignal | undefined): Promise<StartedJob> {
    for (const { kernel } of job.passes) this.#threads.load(kernel.name, kernel.wasm);
    const taken = job.slots.filter((slot) => this.#isCopied(slot) && isRead(slot));
    const waits = ({ given }: StartedJob) => taken.some(({ bytes }) => given.has(bytes!.buffer));
    while (this.#started.length > 1 || this.#started.some(waits)) await this.#oneDone();
    for (;;) {
      signal?.throwIfAborted();
      try {
        return this.#hand(job, signal);
      } catch (error) {
        const short = error instanceof GpuError && error.details.outOfMemory === true;
        if (!short || this.#started.length === 0) throw error;
        await this.#oneDone();
      }
    }
  }

  async #oneDone(): Promise<void> {
    await this.#started[0]!.done.catch(() => undefined); // told by its own run()
  }

  #hand(job: StripJob, signal: AbortSignal | undefined): StartedJob {
    using parts = new DisposableStack();
    const placed = parts.use(new PlacedSlots(job, this.#shared));
    placed.copyIn();
    const tasks = this.#tasksOf(job, placed, parts);
    const held = parts.move();
    const made = job.slots.filter((slot) => this.#isCopied(slot) && !isRead(slot) && slot.bytes);
    const started: StartedJob = {
      given: new Set(made.map(({ bytes }) => bytes!.buffer)),
      done: this.#finish(tasks, placed, signal).finally(() => {
        held.dispose();
        this.#started.splice(this.#started.indexOf(started), 1);
      }),
    };
    this.#started.push(started);
    started.done.catch(() => undefined); // told by run()
    return started;
  }

  async #finish(
    { passes, control, scratch }: JobTasks,
    placed: PlacedSlots,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const message = (thread: number) => ({ passes, control, scratch: scratch(thread) });
    await this.#threads.run(message, signal);
    signal?.throwIfAborted();
    placed.copyOut();
  }

  #tasksOf(job: StripJob, placed: PlacedSlots, parts: DisposableStack): JobTasks {
    const { passes } = job;
    const scratchBytes = Math.max(...passes.map((pass) => pass.scratchBytes ?? 0)) + 128 & ~63;
    const args = parts.use(this.#shared.lend(passes.length * ARGUMENT_BYTES));
    const { address } = parts.use(this.#shared.lend(this.#threads.size * scratchBytes));
    return {
      passes: joinPasses(
        job,
        passes.map((pass, i) => this.#writeArguments(job, pass, placed, args, i)),
      ),
      control: makeControl(passes.length),
      scratch: (thread) => address + thread * scratchBytes,
    };
  }

  #writeArguments(
    job: StripJob,
    pass: Pass,
    placed: PlacedSlots,
    room: Part,
    index: number,
  ): ThreadCall {
    if (pass.slots.length > MAX_SLOTS) throw new RangeError(`${pass.slots.length} slots`);
    const offset = index * ARGUMENT_BYTES;
    const view = new DataView(room.bytes.buffer, room.address + offset, ARGUMENT_BYTES);
    placed.writePointers(pass, view);
    writeParams(job, pass, view, MAX_SLOTS * 8);
    return { kernel: pass.kernel.name, entry: pass.entry, args: room.address + offset };
  }

  /** Ends the threads. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#threads.close();
  }
}

/** Joins to each pass the next ones that need only the rows it has just done. */
function joinPasses(job: StripJob, calls: readonly ThreadCall[]): ThreadPass[] {
  const joined: { calls: ThreadCall[]; rows: number; step: number }[] = [];
  job.passes.forEach((pass, i) => {
    const rows = passRows(job, pass);
    const step = pass.pieceRows ?? Math.max(1, Math.round(PIECE_PIXELS / job.width));
    const last = joined.at(-1);
    const joins = pass.sameRows && last?.rows === rows && last.step === step;
    if (joins) last.calls.push(calls[i]!);
    else joined.push({ calls: [calls[i]!], rows, step });
  });
  return joined;
}
