/**
 * Finds the folders of nights.
 *
 * @module
 */

import { join } from "node:path";
import type { NightFolder } from "./nights.ts";
import type { WatchSettings } from "./settings.ts";

/** Which names are nights. */
export type NamePatterns = Pick<WatchSettings, "patterns" | "tooPatterns" | "ignore" | "since">;

/**
 * Turns a pattern as in a shell into a regular expression.
 *
 * @param pattern `?` is one character, `*` any number; everything else is itself.
 * @returns An expression that fits whole names.
 */
export function globToRegExp(pattern: string): RegExp {
  const text = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("?", ".").replaceAll("*", ".*");
  return new RegExp(`^${text}$`, "s");
}

/** Tells nights from other folders by their names. */
export class NightNames {
  readonly #wanted: readonly RegExp[];
  readonly #urgent: readonly RegExp[];
  readonly #ignored: readonly RegExp[];
  readonly #since: string;

  /** @param patterns Which names are nights. */
  constructor(patterns: NamePatterns) {
    this.#wanted = patterns.patterns.map(globToRegExp);
    this.#urgent = patterns.tooPatterns.map(globToRegExp);
    this.#ignored = patterns.ignore.map(globToRegExp);
    this.#since = patterns.since ?? "";
  }

  /**
   * Judges a name.
   *
   * @param folder Name of a folder.
   * @returns Date and priority, or undefined when it is no night to be taken.
   */
  parse(folder: string): Pick<NightFolder, "date" | "priority"> | undefined {
    const fits = (list: readonly RegExp[]) => list.some((pattern) => pattern.test(folder));
    if (!fits(this.#wanted) || fits(this.#ignored)) return undefined;
    const date = /\d{4}-\d{2}-\d{2}/.exec(folder)?.[0] ?? "none";
    if (date < this.#since) return undefined;
    return { date, priority: fits(this.#urgent) ? 1 : 0 };
  }
}

/** What was found below the folder of a unit. */
export interface FoundNights {
  readonly nights: readonly NightFolder[];
  /** Why the folder could not be read, if so. */
  readonly problem?: string;
}

/**
 * Lists the nights of a telescope.
 *
 * @param obsdata Folder of all raw data.
 * @param unit Code of the telescope; its nights lie in the folder of that name.
 * @param names Which names are nights.
 * @returns Nights in order of name; none when the folder cannot be read.
 */
export function findNights(obsdata: string, unit: string, names: NightNames): FoundNights {
  const parent = join(obsdata, unit);
  const nights: NightFolder[] = [];
  try {
    for (const entry of Deno.readDirSync(parent)) {
      const found = names.parse(entry.name);
      if (!found || !isFolder(parent, entry)) continue;
      nights.push({ ...found, unit, folder: entry.name, path: join(parent, entry.name) });
    }
  } catch (error) {
    return { nights: [], problem: `Cannot read "${parent}": ${(error as Error).message}` };
  }
  return { nights: nights.sort((a, b) => a.folder < b.folder ? -1 : 1) };
}

function isFolder(parent: string, entry: Deno.DirEntry): boolean {
  if (!entry.isSymlink) return entry.isDirectory;
  try {
    return Deno.statSync(join(parent, entry.name)).isDirectory;
  } catch {
    return false; // a link to nowhere
  }
}
