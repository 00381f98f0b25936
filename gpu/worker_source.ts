/**
 * What a thread of the cpu backend runs. It stands here as text because workers are not bundled:
 * the backend starts it from a blob.
 *
 * A task is cut into pieces of rows; a thread takes the next one by counting up a word of the
 * shared memory, so a thread that is held up takes fewer.
 *
 * @module
 */

/** Words of the control block: next piece, abort flag. */
export const CONTROL_WORDS = 2;

/** Source of the worker. */
export const WORKER_SOURCE = `
let memory;
let modules = new Map();

function instantiate(name, module) {
  modules.set(name, new WebAssembly.Instance(module, { env: { memory } }).exports);
}

function runTask({ kernel, entry, args, rows, step, control, scratch }) {
  const words = new Int32Array(memory.buffer, control, ${CONTROL_WORDS});
  const run = modules.get(kernel)[entry];
  if (run === undefined) throw new Error("no entry point " + entry + " in " + kernel);
  for (;;) {
    const from = Atomics.add(words, 0, 1) * step;
    if (from >= rows || Atomics.load(words, 1) !== 0) return;
    run(args, from, Math.min(rows, from + step), scratch);
  }
}

self.onmessage = ({ data }) => {
  try {
    if (data.memory) memory = data.memory;
    else if (data.module) instantiate(data.kernel, data.module);
    else if (data.entry) runTask(data);
    self.postMessage({});
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
`;
