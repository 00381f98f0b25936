/**
 * The second reader that tests compare with: `npm:fitsjs`, in the little that it is used for.
 *
 * Why it does not read frames for the pipeline is told in docs/decisions/0001-fits-reader.md.
 *
 * @module
 */

import { createRequire } from "node:module";

/** A header as fitsjs gives it. */
interface ForeignHeader {
  readonly cards: Readonly<Record<string, { readonly value: unknown } | readonly string[]>>;
}

/** A table as fitsjs gives it. */
interface ForeignTable {
  readonly rows: number;
  getRows(first: number, count: number, done: (rows: Record<string, unknown>[]) => void): void;
}

/** One unit as fitsjs gives it. */
export interface ForeignUnit {
  readonly header: ForeignHeader;
  readonly data?: ForeignTable;
}

interface Astro {
  FITS: new (blob: Blob, done: (this: { hdus: ForeignUnit[] }) => void) => unknown;
}

/** Reads a file's units with fitsjs. */
export async function readWithFitsjs(path: string): Promise<ForeignUnit[]> {
  const { FITS } = loadAstro();
  const blob = new Blob([await Deno.readFile(path)]);
  return await new Promise((resolve) => {
    new FITS(blob, function () {
      resolve(this.hdus);
    });
  });
}

/** Reads all rows of a table with fitsjs. */
export function rowsOf(table: ForeignTable): Promise<Record<string, unknown>[]> {
  return new Promise((resolve) => table.getRows(0, table.rows, resolve));
}

function loadAstro(): Astro {
  // It looks for its own parts in a global variable.
  if (!("astro" in globalThis)) Object.assign(globalThis, { astro: {} });
  const loaded: { astro: Astro } = createRequire(import.meta.url)("fitsjs");
  Object.assign(globalThis, { astro: loaded.astro });
  return loaded.astro;
}
