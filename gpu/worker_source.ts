/**
 * What a thread of the cpu backend runs. It stands here as text because workers are not bundled:
 * the backend starts it from a blob.
 *
 * A pass is cut into pieces of rows; a thread takes the next one by counting up a word of the
 * shared memory, so a thread that is held up takes fewer. The next pass begins when all pieces
 * of the last one are done; the main thread has no part in it. Passes that need only their own rows of
 * the one before are called one after the other for each piece, whose pixels are still in the cache.
 *
 * @module
 */

/** Words of the control block before those of the passes: 1 there means stop. */
export const STOP_WORDS = 1;
/** Words of the control block for each pass: the next piece, and how many are done. */
export const PASS_WORDS = 2;

/** Source of the worker. */
export const WORKER_SOURCE = `
let memory;
const kernels = new Map();

function findCall({ kernel, entry, args }) {
  const run = kernels.get(kernel)[entry];
  if (run === undefined) throw new Error("no entry point " + entry + " in " + kernel);
  return { run, args };
}

function runPass({ calls, rows, step }, words, at, scratch) {
  const found = calls.map(findCall);
  const pieces = Math.ceil(rows / step);
  for (;;) {
    const piece = Atomics.add(words, at, 1);
    if (piece >= pieces || Atomics.load(words, 0) !== 0) break;
    const end = Math.min(rows, (piece + 1) * step);
    for (const { run, args } of found) run(args, piece * step, end, scratch);
    if (Atomics.add(words, at + 1, 1) + 1 === pieces) Atomics.notify(words, at + 1);
  }
  for (;;) {
    const done = Atomics.load(words, at + 1);
    if (done >= pieces || Atomics.load(words, 0) !== 0) return;
    Atomics.wait(words, at + 1, done, 20);
  }
}

function runTask({ passes, control, scratch }) {
  // V8 tells a thread late that another one has grown the memory; growing by nothing makes it look
  memory.grow(0);
  const words = new Int32Array(memory.buffer, control, ${STOP_WORDS} + ${PASS_WORDS} * passes.length);
  try {
    passes.forEach((pass, i) => runPass(pass, words, ${STOP_WORDS} + ${PASS_WORDS} * i, scratch));
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
