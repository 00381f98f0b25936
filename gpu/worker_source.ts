/**
 * What a worker of the cpu backend runs. It stands here as text because workers are not bundled:
 * the backend starts it from a blob.
 *
 * @module
 */

import { PASS_WORDS, runPass, STOP_WORDS } from "./run_pass.ts";

/** Source of the worker. */
export const WORKER_SOURCE = `
const runPass = ${runPass};
let memory;
const kernels = new Map();

function find({ kernel, entry }) {
  const run = kernels.get(kernel)[entry];
  if (run === undefined) throw new Error("no entry point " + entry + " in " + kernel);
  return run;
}

function runTask({ passes, control, scratch }) {
  // V8 tells a thread late that another one has grown the memory; growing by nothing makes it look
  memory.grow(0);
  const words = new Int32Array(control);
  try {
    passes.forEach((pass, i) => {
      const at = ${STOP_WORDS} + ${PASS_WORDS} * i;
      for (const done of runPass(pass, { words, at, scratch }, find)) {
        if (done !== undefined) Atomics.wait(words, at + 1, done, 20);
      }
    });
  } catch (error) {
    Atomics.store(words, 0, 1);
    throw error;
  }
}

self.onmessage = ({ data }) => {
  try {
    if (data.memory) memory = data.memory;
    else if (data.module) {
      const instance = new WebAssembly.Instance(data.module, { env: { memory } });
      kernels.set(data.kernel, instance.exports);
    } else runTask(data);
    self.postMessage({});
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
`;
