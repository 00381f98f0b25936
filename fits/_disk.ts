/**
 * Bytes on disk: reads at a place, and files that appear only when complete.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { DataError } from "../config/errors.ts";
import { reasonOf } from "../config/reason.ts";

/**
 * Reads until the buffer is full or the file ends.
 *
 * Calls on one file must not overlap: the place in the file is shared.
 *
 * @returns How many bytes were read.
 */
export async function readAt(
  file: Deno.FsFile,
  into: Uint8Array,
  offset: number,
): Promise<number> {
  const shared = into.buffer instanceof SharedArrayBuffer;
  if (shared) file.seekSync(offset, Deno.SeekMode.Start);
  else await file.seek(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < into.byteLength) {
    const rest = into.subarray(filled);
    const count = shared ? file.readSync(rest) : await file.read(rest);
    if (count === null) break;
    filled += count;
  }
  return filled;
}

/** Opens a file for reading; a missing or forbidden one gives a {@linkcode DataError}. */
export async function openForReading(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (cause) {
    throw unusable("read", path, cause);
  }
}

/** Says that a file cannot be read or written, with the system's reason. */
export function unusable(verb: "read" | "write", path: string, cause: unknown): DataError {
  return new DataError(`Cannot ${verb} '${path}': ${reasonOf(cause)}`, {
    details: { file: path },
    cause,
  });
}

/** So many bytes are handed to the disk at a time. */
const FLUSH_BYTES = 1 << 25;
/** So many bytes of shared memory are copied at a time; they stay in the cache until they are written. */
const COPY_BYTES = 1 << 20;

/** A file that is written beside its final name, flushed and renamed. */
export class AtomicFile {
  readonly path: string;
  readonly #part: string;
  #file: Deno.FsFile | undefined;
  /** The same file, to flush it while it is written. */
  readonly #flushed: Deno.FsFile;
  /** Whether the bytes are on the disk before the file gets its name. */
  readonly #durable: boolean;
  #copy = new Uint8Array(0);
  #unflushed = 0;
  #flushing: Promise<void> | undefined;

  private constructor(
    path: string,
    part: string,
    file: Deno.FsFile,
    flushed: Deno.FsFile,
    durable = true,
  ) {
    this.#durable = durable;
    this.path = path;
    this.#part = part;
    this.#file = file;
    this.#flushed = flushed;
  }

  /**
   * Opens `.<name>.part` beside the final name.
   *
   * @param durable False leaves it to the system when the bytes go to the disk.
   */
  static async create(path: string, durable = true): Promise<AtomicFile> {
    const part = join(dirname(path), `.${basename(path)}.part`);
    try {
      const file = await Deno.open(part, { write: true, create: true, truncate: true });
      return new AtomicFile(path, part, file, await Deno.open(part), durable);
    } catch (cause) {
      throw unusable("write", path, cause);
    }
  }

  /** Opens what an ended process has left of a file; undefined if there is nothing. */
  static async reopen(path: string): Promise<AtomicFile | undefined> {
    const part = join(dirname(path), `.${basename(path)}.part`);
    try {
      const file = await Deno.open(part, { read: true, write: true });
      return new AtomicFile(path, part, file, await Deno.open(part));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw unusable("write", path, cause);
    }
  }

  /** Whether it was neither committed, aborted nor suspended. */
  get open(): boolean {
    return this.#file !== undefined;
  }

  /** Writes all bytes at the present place. */
  async write(bytes: Uint8Array): Promise<void> {
    const file = this.#require();
    try {
      for (let done = 0; done < bytes.byteLength;) {
        done += await file.write(this.#unshared(bytes.subarray(done)));
      }
    } catch (cause) {
      await this.abort();
      throw unusable("write", this.path, cause);
    }
    this.#unflushed += bytes.byteLength;
    if (this.#unflushed >= FLUSH_BYTES) this.beginFlush();
  }

  /** Shared memory is only written by this thread, which would wait meanwhile: a copy goes instead. */
  #unshared(bytes: Uint8Array): Uint8Array {
    if (!(bytes.buffer instanceof SharedArrayBuffer)) return bytes;
    const piece = bytes.subarray(0, COPY_BYTES);
    if (this.#copy.length < piece.length) this.#copy = new Uint8Array(piece.length);
    this.#copy.set(piece);
    return this.#copy.subarray(0, piece.length);
  }

  /** Lets the disk begin early, unless it is at it; what goes wrong shows again in {@linkcode commit}. */
  beginFlush(): void {
    if (!this.#durable || this.#flushing !== undefined) return;
    this.#unflushed = 0;
    this.#flushing = this.#flushed.syncData().catch(() => undefined)
      .finally(() => this.#flushing = undefined);
  }

  async #close(): Promise<void> {
    await this.#flushing;
    this.#file?.close();
    if (this.#file) this.#flushed.close();
    this.#file = undefined;
  }

  /** Writes over bytes that are there already. */
  async writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#require().seek(offset, Deno.SeekMode.Start);
    await this.write(bytes);
  }

  /** Reads into the buffer as far as there are bytes; writing goes on behind them. */
  async readAt(into: Uint8Array, offset: number): Promise<number> {
    return await readAt(this.#require(), into, offset);
  }

  /** Drops what lies behind a place and goes on there. */
  async cutAt(offset: number): Promise<void> {
    await this.#require().truncate(offset);
    await this.#require().seek(offset, Deno.SeekMode.Start);
  }

  /** Leaves what was written as it is, for {@linkcode AtomicFile.reopen}. */
  async suspend(): Promise<void> {
    await this.#close();
  }

  /** Flushes to disk, if it is to be durable, and gives the file its name. */
  async commit(): Promise<void> {
    const file = this.#require();
    try {
      if (this.#durable) await file.syncData();
      await this.#close();
      await Deno.rename(this.#part, this.path);
    } catch (cause) {
      await this.abort();
      throw unusable("write", this.path, cause);
    }
  }

  /** Removes what was written; an earlier file of that name stays as it was. */
  async abort(): Promise<void> {
    await this.#close();
    await Deno.remove(this.#part).catch(() => undefined);
  }

  #require(): Deno.FsFile {
    if (!this.#file) throw new Error(`'${this.path}' is finished already`);
    return this.#file;
  }
}
