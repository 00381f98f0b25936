/**
 * Threads over one shared memory.
 *
 * @module
 */

import { together } from "../config/together.ts";
import { GpuError } from "../config/errors.ts";
import { WORKER_SOURCE } from "./worker_source.ts";

/** A function as a thread is told of it. */
export interface ThreadCall {
  /** Name of the kernel. */
  readonly kernel: string;
  /** Name of the function. */
  readonly entry: string;
  /** Address of the arguments. */
  readonly args: number;
}

/** Passes over the same rows as a thread is told of them. */
export interface ThreadPass {
  /** Called one after the other for each piece. */
  readonly calls: readonly ThreadCall[];
  /** Rows of the passes. */
  readonly rows: number;
  /** Rows of a piece. */
  readonly step: number;
}

/** Passes as a thread is told of them. */
export interface ThreadTask {
  /** Run one after the other. */
  readonly passes: readonly ThreadPass[];
  /** Address of the control block. */
  readonly control: number;
  /** Address of the thread's working memory. */
  readonly scratch: number;
}

/** What a thread is told; see `worker_source.ts`. */
type ThreadMessage =
  | { readonly memory: WebAssembly.Memory }
  | { readonly kernel: string; readonly module: WebAssembly.Module }
  | ThreadTask;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: GpuError) => void;
}

/** One worker; it answers every message in order. */
class Thread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];

  constructor(url: string) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<{ error?: string }>) => {
      const waiting = this.#waiting.shift();
      if (data.error === undefined) waiting?.resolve();
      else waiting?.reject(new GpuError(`Cannot compute on the processor: ${data.error}`));
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
    const error = new GpuError(`Cannot compute on the processor: a thread failed: ${reason}`);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

/** Some threads that do the same. */
export class ThreadPool {
  /** How many threads there will be. */
  readonly size: number;
  readonly #threads: Thread[] = [];
  readonly #memory: WebAssembly.Memory;
  readonly #kernels = new Map<string, WebAssembly.Module>();
  readonly #url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts the threads: the first at once, the others while that one works, because the caller is held
   * up by each. A task is for those that are there.
   *
   * @param count How many.
   * @param memory What they share.
   */
  constructor(count: number, memory: WebAssembly.Memory) {
    this.size = count;
    this.#memory = memory;
    this.#start();
  }

  #start(): void {
    const thread = new Thread(this.#url);
    this.#threads.push(thread);
    // a failure shows in the first task
    const tell = (message: ThreadMessage) => void thread.tell(message).catch(() => undefined);
    tell({ memory: this.#memory });
    for (const [kernel, module] of this.#kernels) tell({ kernel, module });
    this.#timer = this.#threads.length < this.size ? setTimeout(() => this.#start(), 0) : undefined;
  }

  /** Gives every thread a kernel, once; what is told to them later finds it there. */
  load(kernel: string, wasm: string): void {
    if (this.#kernels.has(kernel)) return;
    // kernels are small: compiling one takes less than waiting for it
    const module = new WebAssembly.Module(Uint8Array.fromBase64(wasm));
    this.#kernels.set(kernel, module);
    // a failure shows in the first task
    void this.#tellAll(() => ({ kernel, module })).catch(() => undefined);
  }

  /** Runs a task on the threads; settles when none works on it any more. */
  async run(message: (thread: number) => ThreadTask): Promise<void> {
    await this.#tellAll(message);
  }

  async #tellAll(message: (thread: number) => ThreadMessage): Promise<void> {
    await together(this.#threads.map((thread, index) => thread.tell(message(index))));
  }

  /** Ends the threads. */
  close(): void {
    clearTimeout(this.#timer);
    URL.revokeObjectURL(this.#url);
    for (const thread of this.#threads.splice(0)) thread.close();
  }
}
