/**
 * Catalogues: photometric references, and tables of text as Source Extractor writes them.
 *
 * @module
 */

import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parse } from "csv-parse/sync";
import { DataError } from "../config/errors.ts";

/** A star of known magnitude in one filter. */
export interface ReferenceStar {
  /** Identifier in the catalogue; "" where there is none. */
  readonly id: string;
  /** Right ascension, as the catalogue has it. */
  readonly raDeg: number;
  /** Declination, as the catalogue has it. */
  readonly decDeg: number;
  /** AB or Vega as the catalogue has it; never NaN. */
  readonly mag: number;
  /** NaN where the catalogue gives none. */
  readonly magError: number;
}

/**
 * Reads the stars of a photometric reference that have a magnitude in a filter.
 *
 * @param path Comma-separated, with a line of column names: `ra`, `dec`, `mag_<filter>`,
 *   perhaps `err_<filter>`, `magerr_<filter>`, `e_mag_<filter>` or `mag_<filter>_err`, `source_id`.
 * @param filter Name of the filter as in the column's name.
 * @returns The stars; rows without a position or a magnitude are left out.
 * @throws {DataError} If the file cannot be read or lacks a column; it lists the filters there are.
 */
export async function readReferenceCsv(path: string, filter: string): Promise<ReferenceStar[]> {
  const rows = parseCsv(path, await readText(path));
  const names = (rows[0] ?? []).map((name) => name.toLowerCase());
  const column = (...wanted: string[]) =>
    wanted.map((name) => names.indexOf(name.toLowerCase())).find((at) => at >= 0) ?? -1;
  const [ra, dec, mag] = [column("ra"), column("dec"), column(`mag_${filter}`)];
  for (const [at, name] of [[ra, "ra"], [dec, "dec"], [mag, `mag_${filter}`]] as const) {
    if (at < 0) throw missingColumn(path, name, names);
  }
  const error = column(
    `err_${filter}`,
    `magerr_${filter}`,
    `e_mag_${filter}`,
    `mag_${filter}_err`,
    `mag_err_${filter}`,
  );
  const id = column("source_id", "id");
  const number = (row: readonly string[], at: number) => {
    const text = row[at]?.trim() ?? "";
    return text === "" ? NaN : Number(text);
  };
  return rows.slice(1)
    .map((row) => ({
      id: row[id] ?? "",
      raDeg: number(row, ra),
      decDeg: number(row, dec),
      mag: number(row, mag),
      magError: number(row, error),
    }))
    .filter(({ raDeg, decDeg, mag }) => Number.isFinite(raDeg + decDeg + mag));
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(`Cannot read catalogue "${path}": ${state}`, {
      details: { file: path },
      cause,
    });
  }
}

function parseCsv(path: string, text: string): string[][] {
  try {
    return parse(text, { bom: true, trim: true, skip_empty_lines: true, comment: "#" });
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(`Cannot read catalogue "${path}": ${state}`, {
      details: { file: path },
      cause,
    });
  }
}

function missingColumn(path: string, name: string, names: readonly string[]): DataError {
  const filters = names.filter((column) => column.startsWith("mag_")).map((column) =>
    column.slice(4)
  );
  const known = filters.length === 0 ? "no magnitudes at all" : `filters ${filters.join(", ")}`;
  return new DataError(`Cannot use catalogue "${path}": no column "${name}", ${known}`, {
    details: { file: path, column: name },
  });
}

/** A column to write. */
export interface AsciiColumn {
  /** Without blanks. */
  readonly name: string;
  /** Unit as Source Extractor names it: pixel, deg, mag, count… */
  readonly unit?: string;
  /** What the column holds, for the head of the file. */
  readonly comment?: string;
  /** Numbers, written with `digits` after the point, or text without blanks. */
  readonly values: ArrayLike<number> | readonly string[];
  /** Digits after the point; left out: as many as the number needs. */
  readonly digits?: number;
}

/** A table of text with named columns. */
export interface AsciiTable {
  /** Names in the order of the columns. */
  readonly names: readonly string[];
  /** Unit by column name, where one is given. */
  readonly units: Readonly<Record<string, string>>;
  /** How many rows of values there are. */
  readonly rows: number;
  /** Whether there is a column of this name. */
  has(name: string): boolean;
  /** Numbers of a column; NaN for `nan` and `-`. */
  column(name: string): Float64Array;
  /** A column as it stands. */
  text(name: string): string[];
}

/**
 * Writes a table in the form of Source Extractor's ASCII_HEAD.
 *
 * @param path Where to; written beside and renamed.
 * @param columns Columns of one length; blanks inside text become `_`, empty text becomes `-`.
 */
export async function writeAsciiTable(
  path: string,
  columns: readonly AsciiColumn[],
): Promise<void> {
  const head = columns.map(({ name, comment = "", unit }, i) =>
    `# ${String(i + 1).padStart(3)} ${name.padEnd(22)} ${comment.padEnd(58)}` +
    (unit === undefined ? "" : ` [${unit}]`)
  );
  const cells = columns.map(formatColumn);
  const rows = cells[0]?.length ?? 0;
  const lines = Array.from(
    { length: rows },
    (_, row) => cells.map((column) => column[row]).join(" "),
  );
  const text = [...head.map((line) => line.trimEnd()), ...lines, ""].join("\n");
  const part = join(dirname(path), `.${basename(path)}.part`);
  try {
    await writeFile(part, text);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function formatColumn({ values, digits }: AsciiColumn): string[] {
  const texts = Array.from<number | string, string>(values, (value) => {
    if (typeof value === "string") return value.trim().replace(/\s+/g, "_") || "-";
    if (!Number.isFinite(value)) return "nan";
    return digits === undefined ? String(value) : value.toFixed(digits);
  });
  const width = texts.reduce((most, text) => Math.max(most, text.length), 1);
  return texts.map((text) => text.padStart(width));
}

/**
 * Reads a table in the form of Source Extractor's ASCII_HEAD.
 *
 * A column that holds several values is taken apart as NAME, NAME_1, NAME_2….
 *
 * @param path The table.
 * @returns Its columns.
 * @throws {DataError} If it has no column names or a line has too few values.
 */
export async function readAsciiHead(path: string): Promise<AsciiTable> {
  const lines = (await readText(path)).split("\n").filter((line) => line.trim() !== "");
  const head = lines.filter((line) => line.startsWith("#"));
  const rows = lines.filter((line) => !line.startsWith("#")).map((line) =>
    line.trim().split(/\s+/)
  );
  const { names, units } = columnNames(head, rows[0]?.length);
  if (names.length === 0) {
    throw new DataError(`Cannot read catalogue "${path}": no column names`, {
      details: { file: path },
    });
  }
  const short = rows.findIndex((row) => row.length < names.length);
  if (short >= 0) {
    const state = `row ${short + 1} has ${rows[short]!.length} of ${names.length} values`;
    throw new DataError(`Cannot read catalogue "${path}": ${state}`, { details: { file: path } });
  }
  const indexOf = (name: string) => {
    const at = names.indexOf(name);
    if (at < 0) throw missingColumn(path, name, names);
    return at;
  };
  const text = (name: string) => {
    const at = indexOf(name);
    return rows.map((row) => row[at]!);
  };
  return {
    names,
    units,
    rows: rows.length,
    has: (name) => names.includes(name),
    column: (name) => Float64Array.from(text(name), Number),
    text,
  };
}

function columnNames(
  head: readonly string[],
  width: number | undefined,
): { names: string[]; units: Record<string, string> } {
  const starts: { at: number; name: string }[] = [];
  const units: Record<string, string> = {};
  for (const line of head) {
    const parts = /^#\s*(\d+)\s+(\S+)(?:.*\[([^\]]*)\]\s*)?/.exec(line);
    if (parts === null) continue;
    starts.push({ at: Number(parts[1]) - 1, name: parts[2]! });
    if (parts[3] !== undefined) units[parts[2]!] = parts[3];
  }
  const names: string[] = [];
  for (const [i, { at, name }] of starts.entries()) {
    const end = starts[i + 1]?.at ?? width ?? at + 1;
    for (let k = 0; at + k < end; k++) names[at + k] = k === 0 ? name : `${name}_${k}`;
  }
  return { names, units };
}

/** Sources of a photometric catalogue, with the positions that every user of it needs. */
export interface PhotCat {
  /** All columns as they stand in the file. */
  readonly table: AsciiTable;
  /** Right ascension, J2000. */
  readonly raDeg: Float64Array;
  /** Declination, J2000. */
  readonly decDeg: Float64Array;
  /** Columns, counted from 0. */
  readonly x: Float64Array;
  /** Rows, counted from 0. */
  readonly y: Float64Array;
  /** Source Extractor's FLAGS; 0 where the file has none. */
  readonly flags: Float64Array;
}

/**
 * Reads the catalogue of an image (`….phot.cat`).
 *
 * @param path Table with X_IMAGE, Y_IMAGE and ALPHA_J2000, DELTA_J2000 (or X_WORLD, Y_WORLD).
 * @returns The table, and its positions with pixels counted from 0.
 * @throws {DataError} If it cannot be read or lacks a position.
 */
export async function readPhotCat(path: string): Promise<PhotCat> {
  const table = await readAsciiHead(path);
  const [ra, dec] = table.has("ALPHA_J2000")
    ? ["ALPHA_J2000", "DELTA_J2000"] as const
    : ["X_WORLD", "Y_WORLD"] as const;
  return {
    table,
    raDeg: table.column(ra),
    decDeg: table.column(dec),
    x: table.column("X_IMAGE").map((x) => x - 1),
    y: table.column("Y_IMAGE").map((y) => y - 1),
    flags: table.has("FLAGS") ? table.column("FLAGS") : new Float64Array(table.rows),
  };
}
