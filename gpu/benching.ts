/**
 * Measures kernels on every backend there is, transfers counted.
 *
 * @module
 */

import { type Compute, openCompute } from "./compute.ts";
import { requestAdapter } from "./device.ts";

/** Pixels a row of the survey's frames. */
export const FRAME_WIDTH = 9576;

/** Rows of a strip that is measured. */
export const STRIP_ROWS = 256;

/** What a benchmark moves and does. */
export interface KernelBench {
  /** What is measured. */
  readonly name: string;
  /** Bytes that go in and come out of one run. */
  readonly bytes: number;
  /** Makes the input in the backend's own memory and gives one run of it. */
  readonly prepare: (compute: Compute, room: (bytes: number) => Uint8Array) => () => Promise<void>;
}

/**
 * Declares a benchmark for the cpu backend and, where there is an adapter, for WebGPU.
 *
 * Each run includes upload and download. The copy of as many bytes on one thread is declared in
 * the same group: the memory's own rate, to compare with.
 *
 * @param bench What is measured.
 */
export async function benchKernel({ name, bytes, prepare }: KernelBench): Promise<void> {
  const group = `${name}, ${(bytes / 1e6).toFixed(0)} MB in and out`;
  const [from, to] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes)];
  const copied = new Rate(`${name} [copy of the bytes]`, bytes);
  Deno.bench({
    name: copied.name,
    group,
    baseline: true,
    fn: () => copied.time(() => to.set(from)),
  });
  const devices = await requestAdapter() ? ["cpu", "webgpu"] as const : ["cpu"] as const;
  for (const device of devices) {
    let compute: Compute | undefined;
    let run: (() => Promise<void>) | undefined;
    const rate = new Rate(`${name} [${device}]`, bytes);
    Deno.bench({
      name: rate.name,
      group,
      n: device === "cpu" ? 12 : 3,
      fn: async (bench) => {
        if (run === undefined) {
          const opened = compute = await openCompute({ device });
          run = prepare(opened, (size) => opened.allocate(size).bytes);
          await run();
        }
        bench.start();
        await rate.time(run);
        bench.end();
      },
    });
    globalThis.addEventListener("unload", () => compute?.[Symbol.dispose]());
  }
}

/** Times runs and tells bytes a second at the end, which `deno bench` does not. */
class Rate {
  readonly name: string;
  readonly #times: number[] = [];

  constructor(name: string, bytes: number) {
    this.name = name;
    globalThis.addEventListener("unload", () => this.#report(bytes));
  }

  /** Runs and times; what gives no promise has ended when it returns. */
  time(run: () => Promise<void> | void): Promise<void> | void {
    const start = performance.now();
    const end = () => void this.#times.push(performance.now() - start);
    const running = run();
    return running === undefined ? end() : running.then(end);
  }

  #report(bytes: number): void {
    const sorted = this.#times.sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    if (median === undefined) return;
    const text = `${(bytes / median / 1e6).toFixed(2).padStart(8)} GB/s  ${this.name}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}

/** Fills raw frames with big-endian counts about 1000. */
export function fillCounts(bytes: Uint8Array): void {
  let state = 1;
  for (let i = 0; i < bytes.length; i += 2) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const count = 1000 + (state >>> 24) - 32768;
    bytes[i] = count >> 8;
    bytes[i + 1] = count;
  }
}
