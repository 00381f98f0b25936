/**
 * Reads the tables of a site.
 *
 * @module
 */

import { join } from "node:path";
import { BUNDLED_FILES } from "./bundled_files.ts";
import { UsageError } from "./errors.ts";
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

/** The tables of a site, each row with where it stands. */
export interface SiteTables {
  /** Telescopes. */
  readonly units: readonly PlacedRow<Unit>[];
  /** Cameras. */
  readonly ccd: readonly PlacedRow<Camera>[];
  /** Fringe patterns. */
  readonly fringe: readonly PlacedRow<FringeFrame>[];
  /** Fields. */
  readonly targets: readonly PlacedRow<Target>[];
  /** Corrections of headers. */
  readonly rules: readonly PlacedRow<HeaderRule>[];
}

/**
 * Reads all tables: rows of the site folder first, then bundled ones that they do not replace.
 *
 * @param folder The site folder, or null for none.
 * @returns The tables, all references between them checked.
 * @throws {UsageError} With file and line, if a table is wrong.
 */
export function readTables(folder: string | null): SiteTables {
  const units = readMerged(folder, obsTable);
  const codes = new Set(["*", ...units.map(({ row }) => row.code)]);
  const known = <Row extends { unit: string }>(rows: PlacedRow<Row>[]): PlacedRow<Row>[] => {
    for (const { row, source } of rows) {
      if (codes.has(row.unit)) continue;
      throw rowProblem(
        source,
        "unit",
        `unknown unit "${row.unit}"; known are ${[...codes].join(", ")}`,
      );
    }
    return rows;
  };
  return {
    units,
    ccd: known(readMerged(folder, ccdTable)),
    fringe: known(readMerged(folder, fringeTable)),
    targets: readMerged(folder, targetTable),
    rules: known(readMerged(folder, ruleTable)),
  };
}

function readMerged<Row>(folder: string | null, spec: TableSpec<Row>): PlacedRow<Row>[] {
  const bundled = parseTable(BUNDLED_FILES.get(spec.file) ?? "", `bundled ${spec.file}`, spec);
  if (folder === null) return bundled;
  const path = join(folder, spec.file);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return bundled;
    throw new UsageError(`Cannot read the table ${path}: ${String(error)}`, {
      details: { file: path },
      cause: error,
    });
  }
  return mergeRows(parseTable(text, path, spec), bundled, spec.key);
}
