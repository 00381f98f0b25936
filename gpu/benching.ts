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
  Deno.bench({
    name: `${name} [copy of the bytes]`,
    group,
    baseline: true,
    fn: () => to.set(from),
  });
  const devices = await requestAdapter() ? ["cpu", "webgpu"] as const : ["cpu"] as const;
  for (const device of devices) {
    let compute: Compute | undefined;
    let run: (() => Promise<void>) | undefined;
    Deno.bench({
      name: `${name} [${device}]`,
      group,
      n: device === "cpu" ? 12 : 3,
      fn: async (bench) => {
        if (run === undefined) {
          const opened = compute = await openCompute({ device });
          run = prepare(opened, (size) => opened.allocate(size).bytes);
          await run();
        }
        bench.start();
        await run();
        bench.end();
      },
    });
    globalThis.addEventListener("unload", () => compute?.[Symbol.dispose]());
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
