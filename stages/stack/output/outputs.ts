/**
 * The three files of a stack: image, mask and weight.
 *
 * @module
 */

import { join } from "node:path";
import type { FitsHeader } from "../../../fits/header.ts";
import type { StackStrip } from "../combine/combine.ts";
import type { Grid } from "../frames/grid.ts";
import type { StackStatistics } from "./stack_statistics.ts";
import { isWhole, StackWriters } from "./stack_writers.ts";
import { StripJournal } from "./strip_journal.ts";

/** Where the files of a stack lie. */
export interface StackPaths {
  readonly image: string;
  readonly mask: string;
  readonly weight: string;
  /** Which strips are done, while it is written. */
  readonly journal: string;
  /** Artefacts that were found, until it is finished. */
  readonly artefacts: string;
}

/** The paths of a stack in a folder. */
export function stackPaths(folder: string, id: string): StackPaths {
  return {
    image: join(folder, `${id}.fits`),
    mask: join(folder, `${id}.mask.fits`),
    weight: join(folder, `${id}.weight.fits`),
    journal: join(folder, `.${id}.strips`),
    artefacts: join(folder, `.${id}.artefacts`),
  };
}

/** How a stack is written. */
export interface WriteOptions {
  /** Of all that the stack depends on; without it nothing is taken over or left to be so. */
  readonly digest?: string;
  /** Told how many rows are done. */
  readonly onRows?: (rows: number) => void;
  /** Its abortion leaves the finished strips for the next time. */
  readonly signal?: AbortSignal;
}

/**
 * Writes a stack that comes in strips.
 *
 * When it is aborted, or the process is killed, the next call with the same digest goes on behind
 * the last whole strip; a finished stack is not made again as long as its journal is there, which
 * {@linkcode removeJournals} removes. When it fails nothing is left behind.
 *
 * @param paths Where to.
 * @param grid Size and map.
 * @param header Header of the image, with cards NOISEADU and NOISCORR to be filled in.
 * @param strips Gives the stack from a row to its last.
 * @param options Digest, progress and signal.
 * @returns Noise and coverage.
 */
export async function writeStack(
  paths: StackPaths,
  grid: Grid,
  header: FitsHeader,
  strips: (fromRow: number) => AsyncIterable<StackStrip>,
  { digest, onRows, signal }: WriteOptions = {},
): Promise<StackStatistics> {
  using journal = await StripJournal.open(paths.journal, digest ?? crypto.randomUUID());
  if (journal.finished && await isWhole(paths, journal)) return journal.finished;
  const writers = await StackWriters.open(paths, grid, header, journal);
  // a strip is written while the next one is made
  let writing = Promise.resolve();
  try {
    for await (const strip of strips(writers.rows)) {
      await writing;
      onRows?.(strip.firstRow);
      writing = writers.write(strip);
      writing.catch(() => undefined); // told where it is waited for
    }
    await writing;
    const found = writers.counter.result;
    setNoise(writers.header, found);
    await writers.finish(found);
    return found;
  } catch (error) {
    await writing.catch(() => undefined);
    if (signal?.aborted && digest !== undefined) await writers.suspend();
    else await writers.abort();
    throw error;
  }
}

function setNoise(header: FitsHeader, { noiseAdu, noiseCorrelation }: StackStatistics): void {
  header.set("NOISEADU", Number.isFinite(noiseAdu) ? noiseAdu : 0);
  if (Number.isFinite(noiseCorrelation)) header.set("NOISCORR", noiseCorrelation);
}

/**
 * Removes the journals of stacks, and what ended processes have left of others.
 *
 * @param folder Where no stack is being written.
 */
export async function removeJournals(folder: string): Promise<void> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  for (const name of names.filter((one) => /^\..*\.artefacts(\.part)?$/.test(one))) {
    await Deno.remove(join(folder, name)).catch(() => undefined);
  }
  for (const name of names.filter((one) => /^\..*\.strips$/.test(one))) {
    const paths = stackPaths(folder, name.slice(1, -".strips".length));
    for (const path of [paths.image, paths.mask, paths.weight]) {
      const part = join(folder, `.${path.slice(folder.length + 1)}.part`);
      await Deno.remove(part).catch(() => undefined);
    }
    await Deno.remove(join(folder, name)).catch(() => undefined);
  }
}
