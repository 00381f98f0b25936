/**
 * Digests of the files that a stage has made, found while it goes on.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { DIGEST_SOURCE } from "./digest_source.ts";
import { digestFile, type FileDigest } from "./manifest_file.ts";

/** A digest, and the file as it was when that was begun. */
interface Begun {
  readonly size: number;
  readonly changed: number | undefined;
  readonly digest: Promise<FileDigest>;
}

/** Files of so many bytes are worth a thread of their own, which takes a while to start. */
const LARGE_BYTES = 32 << 20;
/** More threads would only wait for the disk. */
const MOST_THREADS = 4;

/** Finds digests, those of large files on threads, which end with this. */
export class Digests implements Disposable {
  readonly #begun = new Map<string, Begun>();
  readonly #threads: DigestThread[] = [];

  /**
   * Tells that a file is complete: if it is large its digest is found from now on.
   *
   * @param path The file; of one that is not there nothing happens.
   */
  begin(path: string): void {
    try {
      const { size, mtime } = Deno.statSync(path);
      if (size < LARGE_BYTES || this.#isBegun(path, size, mtime)) return;
      const digest = this.#thread().digest(path, size);
      digest.catch(() => undefined); // told by of()
      this.#begun.set(path, { size, changed: mtime?.getTime(), digest });
    } catch {
      return; // told by of()
    }
  }

  /**
   * The digest of a file as it is now.
   *
   * @param path The file.
   * @throws {Error} If it cannot be read.
   */
  async of(path: string): Promise<FileDigest> {
    const { size, mtime } = await Deno.stat(path);
    const isBegun = this.#isBegun(path, size, mtime);
    return await (isBegun ? this.#begun.get(path)!.digest : digestFile(path));
  }

  /** Whether the digest of a file that looks like this was begun. */
  #isBegun(path: string, size: number, mtime: Date | null): boolean {
    const begun = this.#begun.get(path);
    return begun?.size === size && begun.changed === mtime?.getTime();
  }

  /** One that has nothing to do, or else the one with the least. */
  #thread(): DigestThread {
    const least = this.#threads.toSorted((a, b) => a.pending - b.pending)[0];
    const most = Math.min(MOST_THREADS, availableParallelism());
    return least?.pending === 0 || this.#threads.length >= most ? least! : this.#add();
  }

  #add(): DigestThread {
    const thread = new DigestThread();
    this.#threads.push(thread);
    return thread;
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    for (const thread of this.#threads.splice(0)) thread.close();
  }
}

type Answer = FileDigest | { readonly error: string };

/** Where the source of the workers lies, once it was asked for. */
let source: string | undefined;

/** One worker; it answers in order. */
class DigestThread {
  readonly #worker: Worker;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  /** Bytes it has still to read. */
  pending = 0;

  constructor() {
    source ??= URL.createObjectURL(new Blob([DIGEST_SOURCE], { type: "text/javascript" }));
    this.#worker = new Worker(source, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#waiting.shift()?.(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const answer of this.#waiting.splice(0)) answer({ error: event.message });
    };
  }

  async digest(path: string, size: number): Promise<FileDigest> {
    this.pending += size;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage(path);
    });
    this.pending -= size;
    return "error" in answer ? await digestFile(path) : answer; // which says what is wrong
  }

  close(): void {
    this.#worker.terminate();
  }
}
