/**
 * Judges whether a night has arrived: nothing changes any more, and every FITS file is whole.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { scanFits } from "../fits/file.ts";
import { isFitsName } from "../fits/names.ts";
import type { FolderState } from "./nights.ts";

/** A file of a night. */
export interface NightFile {
  readonly path: string;
  readonly bytes: number;
  /** Time of the last change, milliseconds since 1970. */
  readonly changed: number;
}

/** A folder of a night as it stands. */
export interface FolderContent extends FolderState {
  readonly list: readonly NightFile[];
}

/**
 * Reads names, sizes and times of all files below a folder; hidden ones too, as a transfer
 * that goes on shows in them.
 *
 * @param folder The raw folder.
 * @param again Whether to try once more when a folder within vanishes meanwhile.
 * @returns Its files, or undefined when it does not exist.
 */
export function readFolder(folder: string, again = true): FolderContent | undefined {
  const list: NightFile[] = [];
  try {
    collect(folder, list);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return isThere(folder) && again ? readFolder(folder, false) : undefined;
  }
  list.sort((a, b) => a.path < b.path ? -1 : 1);
  const hash = createHash("sha1");
  let bytes = 0;
  for (const file of list) {
    hash.update(`${file.path}\0${file.bytes}\0${file.changed}\n`);
    bytes += file.bytes;
  }
  return { list, bytes, files: list.length, signature: hash.digest("hex") };
}

function isThere(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch {
    return false;
  }
}

function collect(folder: string, list: NightFile[]): void {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) {
      collect(path, list);
      continue;
    }
    try {
      const info = Deno.statSync(path);
      if (info.isFile) list.push({ path, bytes: info.size, changed: info.mtime?.getTime() ?? 0 });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue; // renamed meanwhile
      list.push({ path, bytes: 0, changed: 0 }); // such as a link that leads in a circle
    }
  }
}

/** Remembers which files were found whole, as long as they do not change. */
export class WholeFiles {
  readonly #whole = new Map<string, string>();

  /**
   * Looks for files that are not whole: cut off, empty, or without a readable header.
   *
   * @param content The files of a night.
   * @param signal Ends the search when aborted.
   * @returns Each with the reason.
   */
  async findBroken(
    content: FolderContent,
    signal: AbortSignal,
  ): Promise<{ path: string; reason: string }[]> {
    const broken: { path: string; reason: string }[] = [];
    for (const file of content.list) {
      const name = basename(file.path);
      if (name.startsWith(".") || !isFitsName(name)) continue;
      const state = `${file.bytes} ${file.changed}`;
      if (this.#whole.get(file.path) === state) continue;
      signal.throwIfAborted();
      const reason = await whyBroken(file.path);
      if (reason === undefined) this.#whole.set(file.path, state);
      else broken.push({ path: file.path, reason });
    }
    return broken;
  }

  /** Forgets the files of a night that is done. */
  forget(folder: string): void {
    for (const path of this.#whole.keys()) {
      if (path.startsWith(`${folder}/`)) this.#whole.delete(path);
    }
  }
}

async function whyBroken(path: string): Promise<string | undefined> {
  try {
    await scanFits(path);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Whether a night has any FITS file.
 *
 * @param content Its files.
 */
export function hasFrames(content: FolderContent): boolean {
  return content.list.some(({ path }) => !basename(path).startsWith(".") && isFitsName(path));
}
