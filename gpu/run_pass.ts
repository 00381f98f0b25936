/**
 * What each thread of the cpu backend does with its part of a job, the calling one too.
 *
 * @module
 */

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

/** What a thread has for a pass. */
export interface PassPlace {
  /** The control block: of {@linkcode STOP_WORDS} and {@linkcode PASS_WORDS} for each pass. */
  readonly words: Int32Array<ArrayBufferLike>;
  /** Index of the words of this pass. */
  readonly at: number;
  /** Address of the thread's working memory. */
  readonly scratch: number;
}

/** A function of a kernel. */
export type KernelFunction = (args: number, from: number, to: number, scratch: number) => void;

/** Words of the control block before those of the passes: 1 there means stop. */
export const STOP_WORDS = 1;
/** Words of the control block for each pass: the next piece, and how many are done. */
export const PASS_WORDS = 2;

/**
 * Runs a thread's part of a pass.
 *
 * A pass is cut into pieces of rows; a thread takes the next one by counting up a word of shared memory,
 * so a thread that is held up takes fewer. Passes that need only their own rows of the one before are
 * called one after the other for each piece, whose pixels are still in the cache. A thread that comes
 * when no piece is left does nothing. Workers get the text of this: it may refer to nothing outside.
 *
 * @param pass The pass.
 * @param place Where it keeps the count.
 * @param find Gives a kernel's function.
 * @yields Nothing after each piece that it has computed; then how many are done, as long as others are at theirs.
 */
export function* runPass(
  { calls, rows, step }: ThreadPass,
  { words, at, scratch }: PassPlace,
  find: (call: ThreadCall) => KernelFunction,
): Generator<number | undefined, void> {
  const pieces = Math.ceil(rows / step);
  const isStopped = () => Atomics.load(words, 0) !== 0;
  for (;;) {
    const piece = Atomics.add(words, at, 1);
    if (piece >= pieces || isStopped()) break;
    const end = Math.min(rows, (piece + 1) * step);
    for (const call of calls) find(call)(call.args, piece * step, end, scratch);
    if (Atomics.add(words, at + 1, 1) + 1 === pieces) Atomics.notify(words, at + 1);
    yield undefined;
  }
  for (;;) {
    const done = Atomics.load(words, at + 1);
    if (done >= pieces || isStopped()) return;
    yield done;
  }
}
