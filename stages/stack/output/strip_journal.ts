/**
 * Which strips of an unfinished stack are on disk.
 *
 * @module
 */

import * as z from "zod";
import { DataError } from "../../../config/errors.ts";
import { reasonOf } from "../../../config/reason.ts";
import type { StackStatistics } from "./stack_statistics.ts";

const stripSchema = z.object({
  /** Rows of the strip. */
  rows: z.int().min(1),
  /** DATASUM of image, mask and weight behind it. */
  sums: z.tuple([z.number(), z.number(), z.number()]),
});

const orNaN = z.number().nullable().transform((value) => value ?? NaN);

const finishSchema = z.object({
  finished: z.object({ noiseAdu: orNaN, coverage: z.number(), noiseCorrelation: orNaN }),
});

const headSchema = z.object({ stack: z.string() });

/** A strip that was written. */
export type WrittenStrip = z.output<typeof stripSchema>;

/**
 * A line of JSON a strip, after one that tells which stack it is, and a last one when all are in
 * their files. What a killed process has written half is ignored, as is the journal of another stack.
 */
export class StripJournal implements Disposable {
  /** The strips that were written before it was opened. */
  readonly written: readonly WrittenStrip[];
  /** What was found of the stack, if it was finished before. */
  readonly finished: StackStatistics | undefined;
  readonly #path: string;
  readonly #digest: string;
  #file: Deno.FsFile | undefined;

  private constructor(
    path: string,
    digest: string,
    left: Pick<StripJournal, "written" | "finished">,
  ) {
    this.#path = path;
    this.#digest = digest;
    this.written = left.written;
    this.finished = left.finished;
  }

  /**
   * Reads a journal, if there is one.
   *
   * @param path Its file.
   * @param digest Of all that the stack depends on.
   */
  static async open(path: string, digest: string): Promise<StripJournal> {
    const text = await Deno.readTextFile(path).catch(() => "");
    const [head, ...lines] = text.split("\n").slice(0, -1).map(parseLine);
    const same = headSchema.safeParse(head).data?.stack === digest;
    const written: WrittenStrip[] = [];
    for (const line of same ? lines : []) {
      const strip = stripSchema.safeParse(line).data;
      if (strip === undefined) break;
      written.push(strip);
    }
    const last = finishSchema.safeParse(same ? lines[written.length] : undefined).data;
    return new StripJournal(path, digest, { written, finished: last?.finished });
  }

  /**
   * Begins to write.
   *
   * @param kept How many of the strips that were written still hold.
   * @throws {DataError} If the folder cannot be written.
   */
  begin(kept: number): void {
    try {
      this.#file = Deno.openSync(this.#path, { write: true, create: true, truncate: true });
    } catch (cause) {
      throw new DataError(`Cannot write "${this.#path}": ${reasonOf(cause)}`, { cause });
    }
    this.#write({ stack: this.#digest });
    for (const strip of this.written.slice(0, kept)) this.#write(strip);
  }

  /** Notes a strip that is in its files. */
  add(strip: WrittenStrip): void {
    this.#write(strip);
  }

  /** Notes that all is in its files, under their final names. */
  finish(finished: StackStatistics): void {
    this.#write({ finished });
  }

  #write(line: object): void {
    this.#file?.writeSync(new TextEncoder().encode(JSON.stringify(line) + "\n"));
  }

  /** Closes it; it stays. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Removes it. */
  async remove(): Promise<void> {
    this[Symbol.dispose]();
    await Deno.remove(this.#path).catch(() => undefined);
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
