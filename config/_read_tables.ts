/**
 * Reads the tables of a site.
 *
 * @module
 */

import { join } from "node:path";
import { BUNDLED_FILES } from "./bundled_files.ts";
import { UsageError } from "./errors.ts";
import { once } from "./once.ts";
import {
  type Camera,
  ccdTable,
  type FringeFrame,
  fringeTable,
  type HeaderRule,
  obsTable,
  ruleTable,
  type Target,
  targetTable,
  type Unit,
} from "./site_tables.ts";
import { mergeRows, parseTable, type PlacedRow, rowProblem, type TableSpec } from "./table.ts";

/** Rows of a table with where each stands; bundled ones are read when they are first asked for. */
type Rows<Row> = () => readonly PlacedRow<Row>[];

/** The tables of a site. */
export interface SiteTables {
  /** Telescopes. */
  readonly units: Rows<Unit>;
  /** Cameras. */
  readonly ccd: Rows<Camera>;
  /** Fringe patterns. */
  readonly fringe: Rows<FringeFrame>;
  /** Fields. */
  readonly targets: Rows<Target>;
  /** Corrections of headers. */
  readonly rules: Rows<HeaderRule>;
}

/**
 * Reads the tables of a site folder; to their rows come the bundled ones that they do not replace.
 *
 * @param folder The site folder, or null for none.
 * @returns The tables, all that the site refers to in them checked.
 * @throws {UsageError} With file and line, if a table of the site is wrong.
 */
export function readTables(folder: string | null): SiteTables {
  const units = readMerged(folder, obsTable);
  const codes = once(() => new Set(["*", ...units().map(({ row }) => row.code)]));
  const check = ({ row, source }: PlacedRow<{ readonly unit: string }>): void => {
    if (codes().has(row.unit)) return;
    const known = [...codes()].join(", ");
    throw rowProblem(source, "unit", `unknown unit "${row.unit}"; known are ${known}`);
  };
  return {
    units,
    ccd: readMerged(folder, ccdTable, check),
    fringe: readMerged(folder, fringeTable, check),
    targets: readMerged(folder, targetTable),
    rules: readMerged(folder, ruleTable, check),
  };
}

function readMerged<Row>(
  folder: string | null,
  spec: TableSpec<Row>,
  check: (row: PlacedRow<Row>) => void = () => {},
): Rows<Row> {
  const { file, key } = spec;
  const bundled = once(() => parseTable(BUNDLED_FILES.get(file) ?? "", `bundled ${file}`, spec));
  const path = folder === null ? undefined : join(folder, file);
  const text = path === undefined ? undefined : readOwn(path);
  if (path === undefined || text === undefined) return bundled;
  const own = parseTable(text, path, spec);
  own.forEach(check);
  return once(() => mergeRows(own, bundled(), key));
}

function readOwn(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new UsageError(`Cannot read the table ${path}: ${String(error)}`, {
      details: { file: path },
      cause: error,
    });
  }
}
