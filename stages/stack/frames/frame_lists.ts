/**
 * Files that name frames or objects: lists of what to stack, and of what to skip.
 *
 * @module
 */

import { join } from "node:path";
import { UsageError } from "../../../config/errors.ts";
import { reasonOf } from "../../../config/reason.ts";
import { bareName } from "../../../fits/names.ts";
import type { Product } from "../../manifest.ts";

/** Names of frames or objects in a file. */
export interface NameList {
  readonly path: string;
  readonly names: readonly string[];
}

/** The list of objects that the original pipeline does not stack; it may name frames too. */
export const SKIP_FILE = "object_to_skip_stacking.txt";

/**
 * Reads a list: one name a line, further columns and what follows a `#` count for nothing, nor does
 * a first line `object` or `file`.
 *
 * @param path The file.
 * @throws {UsageError} If it cannot be read.
 */
export async function readList(path: string): Promise<NameList> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new UsageError(`Cannot read the list "${path}": ${reasonOf(cause)}`, { cause });
  }
  const names = text.split(/\r?\n/).map((line) => nameIn(line)).filter((name) => name !== "");
  return { path, names: /^(object|file|name)$/i.test(names[0] ?? "") ? names.slice(1) : names };
}

/** The first word of a line, which may be quoted. */
function nameIn(line: string): string {
  const [, quoted, plain] = /^\s*(?:"([^"]*)"|([^\s,#"]+))/.exec(line) ?? [];
  return quoted ?? plain ?? "";
}

/**
 * Reads what shall not be stacked: a list, or that of the site folder.
 *
 * @param path The list, if one was given.
 * @param siteFolder The site folder, which may hold `object_to_skip_stacking.txt`.
 * @returns The list; empty if there is none.
 */
export async function readSkipped(
  path: string | null,
  siteFolder: string | null,
): Promise<NameList> {
  if (path !== null) return await readList(path);
  const own = siteFolder === null ? "" : join(siteFolder, SKIP_FILE);
  const there = own !== "" && await Deno.stat(own).then(({ isFile }) => isFile, () => false);
  return there ? await readList(own) : { path: own, names: [] };
}

/**
 * Whether a name in a list is that of a frame: its path, its file name with or without `.fits`.
 *
 * @param name As in the list.
 * @param frame A frame.
 */
export function namesFrame(name: string, { id, path }: Pick<Product, "id" | "path">): boolean {
  const bare = bareName(name);
  return name === path || bare === id;
}

/** Whether a list names a frame or its object, letters of the object in either case. */
export function isListed({ names }: NameList, frame: Product): boolean {
  const object = frame.object?.toLowerCase();
  return names.some((name) => name.toLowerCase() === object || namesFrame(name, frame));
}
