import assert from "node:assert/strict";
import fc from "fast-check";
import { columnSorter } from "./column_sorter.ts";
import { MAX_FRAMES } from "./combine_strip.ts";

const [ARGUMENTS, STACK] = [1024, 4096];

/** Sorts frames of one row; gives the samples that are left of each pixel. */
function sortRow(frames: readonly Int16Array[], wanted: "all" | "median"): number[][] {
  const width = frames[0]!.length;
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const view = new DataView(memory.buffer);
  frames.forEach((frame, k) =>
    frame.forEach((v, x) => view.setInt16(STACK + 2 * (k * width + x), v))
  );
  const out = STACK + 2 * width * frames.length + 64 & ~15;
  [STACK, 2 * width].forEach((word, i) => view.setUint32(ARGUMENTS + 4 * i, word, true));
  view.setUint32(ARGUMENTS + 64, width, true);
  const { kernel, samples, pixels } = columnSorter("short", frames.length, wanted);
  const module = new WebAssembly.Module(Uint8Array.fromBase64(kernel.wasm));
  const { sortColumns } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  assert.ok(typeof sortColumns === "function");
  sortColumns(ARGUMENTS, 0, 1, out);
  const sorted = new Int16Array(memory.buffer, out);
  return Array.from({ length: width }, (_, x) => {
    const column = Math.floor(x / pixels) * samples * pixels;
    return Array.from({ length: samples }, (_, k) => sorted[column + k * pixels + x % pixels]!);
  });
}

function assertSorted(frames: readonly Int16Array[]): void {
  const count = frames.length;
  const middle = [...new Set([(count - 1) >> 1, count >> 1])];
  const all = sortRow(frames, "all");
  const medians = sortRow(frames, "median");
  for (let x = 0; x < frames[0]!.length; x++) {
    const truth = frames.map((frame) => frame[x]!).sort((a, b) => a - b);
    assert.deepEqual(all[x], truth);
    assert.deepEqual(medians[x], middle.map((k) => truth[k]));
  }
}

Deno.test("columnSorter() sorts the samples of rows of any length, or leaves the middle ones", () => {
  const frame = fc.integer({ min: 1, max: 40 }).chain((width) =>
    fc.array(fc.int16Array({ minLength: width, maxLength: width }), { minLength: 1, maxLength: 30 })
  );
  fc.assert(fc.property(frame, assertSorted));
});

Deno.test("columnSorter() sorts as many frames as can be combined", () => {
  const noise = (k: number, x: number) => Math.imul(k * 977 + x * 31, 2654435761) >> 16;
  assertSorted(
    Array.from(
      { length: MAX_FRAMES },
      (_, k) => Int16Array.from({ length: 24 }, (_, x) => noise(k, x)),
    ),
  );
});
