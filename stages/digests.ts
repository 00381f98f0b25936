/**
 * Digests of the files that a stage has made, found while it goes on.
 *
 * @module
 */

import { sha256 } from "../config/sha256.ts";
import { together } from "../config/together.ts";
import { DIGEST_SOURCE } from "./digest_source.ts";
import { digestFile, type FileDigest } from "./manifest_file.ts";

/** A digest, and the file as it was when that was begun. */
interface Begun {
  readonly size: number;
  readonly changed: number | undefined;
  readonly digest: Promise<FileDigest>;
}

/** What takes files one after the other. */
interface Line {
  /** Bytes it has still to read. */
  readonly pending: number;
  digest(path: string, size: number): Promise<FileDigest>;
}

/** Files of so many bytes are for threads: to hold them whole takes more of the main thread than to ask. */
const LARGE_BYTES = 8 << 20;
/** More threads would only wait for the disk; each takes as long to start as to read some large files. */
const THREADS = { most: 4, worthBytes: 64 << 20 };
/** Smaller files are held whole, so many at a time. */
const WHOLE = { most: 2, worthBytes: 1 };

/** Finds digests beside the main thread: of large files on threads that end with this, of others on the runtime's. */
export class Digests implements AsyncDisposable {
  readonly #begun = new Map<string, Begun>();
  readonly #threads: DigestThread[] = [];
  readonly #whole: WholeFiles[] = [];

  /**
   * Tells that a file is complete: its digest is found from now on.
   *
   * @param path The file; of one that is not there nothing happens.
   */
  begin(path: string): void {
    try {
      this.#digest(path, Deno.statSync(path)).catch(() => undefined); // told by of()
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
    return await this.#digest(path, await Deno.stat(path));
  }

  /** The digest that was begun when the file looked like this, or a new one. */
  #digest(path: string, { size, mtime }: Deno.FileInfo): Promise<FileDigest> {
    const begun = this.#begun.get(path), changed = mtime?.getTime();
    if (begun?.size === size && begun.changed === changed) return begun.digest;
    const line = size < LARGE_BYTES
      ? least(this.#whole, WHOLE, () => new WholeFiles())
      : least(this.#threads, THREADS, () => new DigestThread());
    const digest = line.digest(path, size);
    this.#begun.set(path, { size, changed, digest });
    return digest;
  }

  /** Ends the threads, and begins no other file. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const thread of this.#threads.splice(0)) thread.close();
    await together(this.#whole.splice(0).map((line) => line.close()));
  }
}

/** The one with the least to do; a new one where that is as much as one is worth, while there may be more. */
function least<Kind extends Line>(
  lines: Kind[],
  { most, worthBytes }: typeof THREADS,
  make: () => Kind,
): Kind {
  const first = lines.toSorted((a, b) => a.pending - b.pending)[0];
  const full = lines.length >= Math.min(most, navigator.hardwareConcurrency);
  if (first !== undefined && (first.pending < worthBytes || full)) return first;
  const made = make();
  lines.push(made);
  return made;
}

/** Files that are read whole and handed to the runtime's own threads. */
class WholeFiles implements Line {
  pending = 0;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  #room = new Uint8Array(0);

  async digest(path: string, size: number): Promise<FileDigest> {
    this.pending += size;
    const digest = this.#last.then(() => {
      if (this.#closed) throw new Error(`'${path}' is not read any more`);
      if (this.#room.length < size) this.#room = new Uint8Array(size);
      return digestWhole(path, this.#room.subarray(0, size));
    });
    this.#last = digest.catch(() => undefined);
    return await digest.finally(() => this.pending -= size);
  }

  /** Waits for the file that is being read. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}

/** Digest of a file of which as much is read as there is room for. */
async function digestWhole(path: string, room: Uint8Array<ArrayBuffer>): Promise<FileDigest> {
  let bytes = 0;
  using file = await Deno.open(path);
  while (bytes < room.length) {
    const count = await file.read(room.subarray(bytes));
    if (count === null) break;
    bytes += count;
  }
  return { bytes, sha256: await sha256(room.subarray(0, bytes)) };
}

type Answer = FileDigest | { readonly error: string };

/** Where the source of the workers lies, once it was asked for. */
let source: string | undefined;

/** One worker; it answers in order. */
class DigestThread implements Line {
  readonly #worker: Worker;
  readonly #waiting: ((answer: Answer) => void)[] = [];
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
