/**
 * Threads over one shared memory.
 *
 * @module
 */

import { together } from "../config/together.ts";
import { GpuError } from "../config/errors.ts";
import { nextTurn } from "../config/next_turn.ts";
import { Queue } from "./backend.ts";
import {
  type KernelFunction,
  PASS_WORDS,
  runPass,
  STOP_WORDS,
  type ThreadCall,
  type ThreadPass,
} from "./run_pass.ts";
import { WORKER_SOURCE } from "./worker_source.ts";

/** Passes as a thread is told of them. */
export interface ThreadTask {
  /** Run one after the other. */
  readonly passes: readonly ThreadPass[];
  /** The control block; a thread that comes late looks at nothing else. */
  readonly control: SharedArrayBuffer;
  /** Address of the thread's working memory. */
  readonly scratch: number;
}

/**
 * Makes the control block of a task.
 *
 * @param passes How many it has.
 */
export function makeControl(passes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (STOP_WORDS + PASS_WORDS * passes));
}

/** Ends a task before its time: no thread takes another piece of it. */
function stopTask(control: SharedArrayBuffer): void {
  Atomics.store(new Int32Array(control), 0, 1);
}

/** What a worker is told; see `worker_source.ts`. */
type ThreadMessage =
  | { readonly memory: WebAssembly.Memory }
  | { readonly kernel: string; readonly module: WebAssembly.Module }
  | ThreadTask;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: GpuError) => void;
}

const failure = (reason: string, cause?: unknown) =>
  new GpuError(`Cannot compute on the processor: ${reason}`, { cause });

/** One worker; it answers every message in order. */
class Thread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];

  constructor(url: string) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<{ error?: string }>) => {
      const waiting = this.#waiting.shift();
      if (data.error === undefined) waiting?.resolve();
      else waiting?.reject(failure(data.error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
  }

  tell(message: ThreadMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(message);
    });
  }

  close(): void {
    this.#worker.terminate();
    this.#fail("it was ended");
  }

  #fail(reason: string): void {
    const error = failure(`a thread failed: ${reason}`);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

/** The calling thread does other things too, after so long at a task. */
const TURN_MS = 3;
/** A thread that was not woken looks again. */
const WAIT_MS = 20;

/** The part of the calling thread, which is one of the threads whenever it has nothing else to do. */
class OwnThread {
  readonly #memory: WebAssembly.Memory;
  readonly #modules: ReadonlyMap<string, WebAssembly.Module>;
  readonly #kernels = new Map<string, WebAssembly.Exports>();

  constructor(memory: WebAssembly.Memory, modules: ReadonlyMap<string, WebAssembly.Module>) {
    this.#memory = memory;
    this.#modules = modules;
  }

  /** Does what the others leave of a task; settles when it is done or was ended. */
  async run({ passes, control, scratch }: ThreadTask, signal?: AbortSignal): Promise<void> {
    const words = new Int32Array(control);
    const find = this.#find.bind(this);
    const takeTurn = async () => {
      await nextTurn();
      return performance.now() + TURN_MS;
    };
    let until = await takeTurn();
    for (const [i, pass] of passes.entries()) {
      const at = STOP_WORDS + PASS_WORDS * i;
      for (const done of runPass(pass, { words, at, scratch }, find)) {
        if (done !== undefined) await Atomics.waitAsync(words, at + 1, done, WAIT_MS).value;
        else if (performance.now() > until) until = await takeTurn();
        if (signal?.aborted) stopTask(control);
      }
    }
  }

  #find({ kernel, entry }: ThreadCall): KernelFunction {
    const run = this.#exportsOf(kernel)[entry];
    if (run === undefined) throw new Error(`no entry point ${entry} in ${kernel}`);
    return run as KernelFunction;
  }

  #exportsOf(kernel: string): WebAssembly.Exports {
    const opened = this.#kernels.get(kernel);
    if (opened !== undefined) return opened;
    const imports = { env: { memory: this.#memory } };
    const { exports } = new WebAssembly.Instance(this.#modules.get(kernel)!, imports);
    this.#kernels.set(kernel, exports);
    return exports;
  }
}

/** Some threads that do the same: workers, and the calling one. */
export class ThreadPool {
  /** How many threads there will be. */
  readonly size: number;
  readonly #workers: Thread[] = [];
  readonly #memory: WebAssembly.Memory;
  readonly #modules = new Map<string, WebAssembly.Module>();
  readonly #own: OwnThread;
  readonly #ownTasks = new Queue();
  readonly #url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts the workers: the first at once, the others while that one works, because the caller is held
   * up by each. A task is for those that are there.
   *
   * @param count How many, the calling thread among them.
   * @param memory What they share.
   */
  constructor(count: number, memory: WebAssembly.Memory) {
    this.size = count;
    this.#memory = memory;
    this.#own = new OwnThread(memory, this.#modules);
    if (count > 1) this.#start();
  }

  #start(): void {
    const worker = new Thread(this.#url);
    this.#workers.push(worker);
    // a failure shows in the first task
    const tell = (message: ThreadMessage) => void worker.tell(message).catch(() => undefined);
    tell({ memory: this.#memory });
    for (const [kernel, module] of this.#modules) tell({ kernel, module });
    const wanted = this.#workers.length + 1 < this.size;
    this.#timer = wanted ? setTimeout(() => this.#start(), 0) : undefined;
  }

  /** Gives every thread a kernel, once; what is told to them later finds it there. */
  load(kernel: string, wasm: string): void {
    if (this.#modules.has(kernel)) return;
    // kernels are small: compiling one takes less than waiting for it
    const module = new WebAssembly.Module(Uint8Array.fromBase64(wasm));
    this.#modules.set(kernel, module);
    // a failure shows in the first task
    void this.#tellAll(() => ({ kernel, module })).catch(() => undefined);
  }

  /**
   * Runs a task; settles when it is done. One that was ended, or that failed, settles when no thread
   * works on it any more.
   *
   * @param message What each thread is told; the calling one is the first.
   * @param signal Ends it.
   */
  async run(message: (thread: number) => ThreadTask, signal?: AbortSignal): Promise<void> {
    const own = message(0), { control } = own;
    const told = this.#tellAll((worker) => message(1 + worker));
    told.catch(() => stopTask(control));
    try {
      await this.#ownTasks.add(() => this.#own.run(own, signal));
    } catch (cause) {
      stopTask(control);
      await Promise.allSettled([told]);
      throw failure(String(cause), cause);
    }
    if (Atomics.load(new Int32Array(control), 0) !== 0) await told;
  }

  async #tellAll(message: (worker: number) => ThreadMessage): Promise<void> {
    await together(this.#workers.map((worker, index) => worker.tell(message(index))));
  }

  /** Ends the threads. */
  close(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer); // the first timer takes 5 ms
    URL.revokeObjectURL(this.#url);
    for (const worker of this.#workers.splice(0)) worker.close();
  }
}
