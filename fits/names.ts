/**
 * Names of FITS files, packed ones too.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";

const FITS_NAME = /\.(fits|fit|fts)(\.fz)?$/i;

/** Whether a file is called as FITS files are: `.fits`, `.fit` or `.fts`, and `.fz` behind it if packed. */
export function isFitsName(path: string): boolean {
  return FITS_NAME.test(path);
}

/**
 * The name of a file without its folder and without what says that it is FITS.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(bareName("/data/a.com.fits.fz"), "a.com");
 * ```
 */
export function bareName(path: string): string {
  return basename(path).replace(FITS_NAME, "");
}

/**
 * The file `<name>.<kind>.fits`, or the same packed (`.fz`), beside an image.
 *
 * @param path The image.
 * @param kind Such as `mask`.
 * @returns Its path, of the plain one if both are there; undefined if there is none.
 */
export async function companionBeside(path: string, kind: string): Promise<string | undefined> {
  const plain = join(dirname(path), `${bareName(path)}.${kind}.fits`);
  for (const companion of [plain, `${plain}.fz`]) {
    if (await isFile(companion)) return companion;
  }
  return undefined;
}

/**
 * Leaves out packed files that are there unpacked as well.
 *
 * @param paths Paths or names.
 * @returns Those that remain, in the same order.
 */
export function withoutPackedCopies(paths: readonly string[]): string[] {
  const all = new Set(paths);
  return paths.filter((path) => !/\.fz$/i.test(path) || !all.has(path.slice(0, -".fz".length)));
}

async function isFile(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isFile ?? false;
}
