/**
 * Combined real frames beside those of numpy and astropy.
 *
 * @module
 */

import { join } from "node:path";
import type { Method } from "./combine_race.ts";
import { ask, gppy, ROOT } from "./programs.ts";
import { measure } from "./race.ts";

/** How a combined image agrees with Python's. */
export interface Agreement {
  /** Rows that were compared. */
  readonly rows: number;
  /** Largest difference, relative to the value. */
  readonly relative: number;
  /** Pixels whose bits differ. */
  readonly different: number;
  readonly pixels: number;
}

const DATA = Deno.env.get("GPPY_TESTDATA") ?? join(ROOT, "..", "shared", "data");

/** Frames of one kind, below the test data. */
const SETS = [
  { what: "biases", folder: "arcsat-20250602-xo1b", pattern: /^Bias/ },
  { what: "dome flats", folder: "arcsat-20250602-xo1b", pattern: /^domeflat/ },
  { what: "lights", folder: "arcsat-20250602-xo1b", pattern: /^XO1-b/ },
  { what: "lights of a crowded field", folder: "saao-kb13475/Images", pattern: /\.fits$/ },
];

/**
 * Combines real frames by gppy and compares.
 *
 * @param output A file to write to.
 * @returns A table in Markdown; nothing where there are no such frames.
 */
export async function compareReal(method: Method, output: string): Promise<string[]> {
  const rows: string[] = [];
  for (const { what, folder, pattern } of SETS) {
    const inputs = await filesOf(join(DATA, folder), pattern);
    if (inputs.length === 0) continue;
    const command = gppy("combine_gppy.ts", "cpu", method, "buffered", output, ...inputs);
    await measure({ name: what, command });
    const { relative, different, pixels } = await ask<Agreement>(
      "agree.py",
      method,
      output,
      ...inputs,
    );
    const cells = [inputs.length, relative.toExponential(1), `${different} of ${pixels}`];
    rows.push(`| ${what} (${folder}) | ${cells.join(" | ")} |`);
  }
  if (rows.length === 0) return [];
  return [
    "Real frames, compared in the same way:",
    "",
    "| frames | number | largest relative difference | other bits |",
    "|---|---|---|---|",
    ...rows,
  ];
}

async function filesOf(folder: string, pattern: RegExp): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  return entries.map(({ name }) => name).filter((name) => pattern.test(name)).sort()
    .map((name) => join(folder, name));
}
