import assert from "node:assert/strict";
import { GpuError } from "../config/errors.ts";
import { openCompute } from "./compute.ts";
import { decode } from "./kernels/decode/decode.ts";
import { PASS_WORDS, runPass, STOP_WORDS } from "./run_pass.ts";

const BYTES = { bitpix: 8, bzero: 0, bscale: 1 } as const;

async function assertDecodes(threads: number, signal?: AbortSignal): Promise<void> {
  using compute = await openCompute({ device: "cpu", cpu: { threads } });
  const stored = Uint8Array.from({ length: 700 * 900 }, (_, i) => i % 251);
  const values = new Float32Array(stored.length);
  await decode(compute, stored, values, { ...BYTES, width: 700, ...(signal && { signal }) });
  assert.ok(values.every((value, i) => value === i % 251));
}

Deno.test("the calling thread computes alone, and with few or many others", async () => {
  for (const threads of [1, 2, 5]) await assertDecodes(threads);
});

Deno.test("the calling thread that computes alone sees that it is to stop", async () => {
  const reason = new Error("enough");
  await assert.rejects(assertDecodes(1, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const work = assertDecodes(1, controller.signal);
  controller.abort(reason);
  await assert.rejects(work, reason);
});

Deno.test("what goes wrong on the calling thread is told, and the next job works", async () => {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 1 } });
  const { DECODE } = await import("./kernels/decode/decode.ts");
  const passes = [{ kernel: DECODE, entry: "nothing", slots: [0] }];
  const slots = [{ role: "temporary", rowBytes: 4 }] as const;
  const run = compute.backend.run({ label: "nothing", width: 1, rows: 1, slots, passes });
  await assert.rejects(run, (error) => error instanceof GpuError && /nothing/.test(error.message));
  assert.equal(compute.bytesInUse, 0);
  await assertDecodes(1);
});

Deno.test("jobs of one thread leave the event loop its turns", async () => {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 1 } });
  const stored = new Uint8Array(4000 * 4000), values = new Float32Array(stored.length);
  let turns = 0, running = true;
  const others = (async () => {
    while (running) {
      await Deno.stat(".");
      turns++;
    }
  })();
  await decode(compute, stored, values, { ...BYTES, width: 4000 });
  running = false;
  await others;
  assert.ok(turns > 1, `${turns} turns`);
});

Deno.test("runPass() takes every piece once, tells when others are at work, and does nothing late", () => {
  const words = new Int32Array(new SharedArrayBuffer(4 * (STOP_WORDS + PASS_WORDS)));
  const seen: number[][] = [];
  const call = { kernel: "", entry: "", args: 7 };
  const take = (args: number, from: number, to: number) => void seen.push([args, from, to]);
  const pass = { calls: [call], rows: 10, step: 4 };
  const start = () => runPass(pass, { words, at: STOP_WORDS, scratch: 0 }, () => take);
  Atomics.add(words, STOP_WORDS, 1); // another thread has the first
  const mine = start();
  assert.deepEqual([mine.next().value, mine.next().value], [undefined, undefined]);
  assert.deepEqual(seen, [[7, 4, 8], [7, 8, 10]]);
  assert.equal(mine.next().value, 2);
  Atomics.add(words, STOP_WORDS + 1, 1);
  assert.equal(mine.next().done, true);
  assert.deepEqual([...start()], []);
  assert.equal(seen.length, 2);
});

Deno.test("runPass() takes no piece once it is told to stop", () => {
  const words = new Int32Array(new SharedArrayBuffer(4 * (STOP_WORDS + PASS_WORDS)));
  const pass = { calls: [{ kernel: "", entry: "", args: 0 }], rows: 3, step: 1 };
  const find = () => () => Atomics.store(words, 0, 1);
  assert.deepEqual([...runPass(pass, { words, at: STOP_WORDS, scratch: 0 }, find)], [undefined]);
});
