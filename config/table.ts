/**
 * Reads the small tables of a site: whitespace-separated columns under one line
 * of column names, `#` comments, `-` for a value that is not given.
 *
 * Whatever is wrong is reported with file, line and column.
 *
 * @module
 */

import * as z from "zod";
import { UsageError } from "./errors.ts";

/** What a table holds: its columns, and what identifies a row. */
export interface TableSpec<Row> {
  /** File name in the site folder. */
  readonly file: string;
  /**
   * Names, value checks and descriptions of the columns, which take a while to make. Columns that
   * accept nothing may be absent.
   */
  readonly columns: () => z.ZodObject;
  /** Makes the row from checked cells. */
  readonly toRow: (cells: Readonly<Record<string, unknown>>) => Row;
  /** Rows of a site folder take the place of bundled rows with the same key. */
  readonly key: (row: Row) => string;
}

/** A row and where it stands. */
export interface PlacedRow<Row> {
  /** The row. */
  readonly row: Row;
  /** `file:line`. */
  readonly source: string;
}

/** A cell that holds any text. */
export const textCell: z.ZodString = z.string();

/** A decimal number such as `0.25`, `-30.4725` or `6.5e4`; nothing else. */
export const numberCell: z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> = z.string()
  .transform((text, context) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : NaN;
    if (Number.isFinite(value)) return value;
    context.addIssue({ code: "custom", message: `not a number: "${text}"` });
    return z.NEVER;
  });

/**
 * A number cell within limits.
 *
 * @param limits Smallest and largest value; `above` excludes its own value.
 * @param limits.min Smallest value.
 * @param limits.max Largest value.
 * @param limits.above The value must exceed this.
 * @param limits.integer Whether only whole numbers pass.
 * @returns The schema of the cell.
 */
export function numberWithin(
  limits: { min?: number; max?: number; above?: number; integer?: boolean },
): z.ZodType<number, string> {
  let number = z.number();
  if (limits.integer) number = number.int(`must be a whole number`);
  if (limits.min !== undefined) number = number.min(limits.min, `must be at least ${limits.min}`);
  if (limits.max !== undefined) number = number.max(limits.max, `must be at most ${limits.max}`);
  if (limits.above !== undefined) {
    number = number.gt(limits.above, `must be above ${limits.above}`);
  }
  return numberCell.pipe(number);
}

/**
 * A cell that holds an angle: decimal degrees, or `hh:mm:ss` and `dd:mm:ss`.
 *
 * @param kind Right ascension (hours when in sexagesimal form) or declination.
 * @returns The schema of the cell; gives degrees.
 */
export function angleCell(kind: "ra" | "dec"): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const value = parseAngle(text, kind);
    if (value !== undefined) return value;
    const example = kind === "ra" ? '83.63 or "05:34:31.9"' : '22.01 or "+22:00:52"';
    context.addIssue({ code: "custom", message: `not an angle such as ${example}: "${text}"` });
    return z.NEVER;
  });
}

function parseAngle(text: string, kind: "ra" | "dec"): number | undefined {
  const limit = kind === "ra" ? 360 : 90;
  const sexagesimal = /^([+-]?)(\d{1,3}):([0-5]?\d):([0-5]?\d(?:\.\d*)?)$/.exec(text);
  let degrees: number;
  if (sexagesimal) {
    const [, sign, first, minutes, seconds] = sexagesimal;
    const size = Number(first) + Number(minutes) / 60 + Number(seconds) / 3600;
    degrees = (sign === "-" ? -size : size) * (kind === "ra" ? 15 : 1);
  } else {
    const decimal = numberCell.safeParse(text);
    if (!decimal.success) return undefined;
    degrees = decimal.data;
  }
  const lowest = kind === "ra" ? 0 : -90;
  return degrees >= lowest && degrees <= limit ? degrees : undefined;
}

interface Line {
  readonly number: number;
  readonly cells: readonly string[];
}

/**
 * Reads a table.
 *
 * @param text The whole file.
 * @param where Its name, for messages.
 * @param spec What it holds.
 * @returns Its rows in order.
 * @throws {UsageError} On an unknown, missing or doubled column, a missing or
 *   surplus cell, a value that its column refuses, and on a doubled row.
 */
export function parseTable<Row>(
  text: string,
  where: string,
  spec: TableSpec<Row>,
): PlacedRow<Row>[] {
  const [head, ...body] = splitLines(text, where);
  if (head === undefined) throw problem(where, 1, "there is no line of column names");
  checkColumns(head, where, spec);
  const seen = new Map<string, number>();
  return body.map((line) => {
    const row = readRow(line, head.cells, where, spec);
    const key = spec.key(row);
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      throw problem(where, line.number, `"${key}" stands already on line ${earlier}`);
    }
    seen.set(key, line.number);
    return { row, source: `${where}:${line.number}` };
  });
}

function splitLines(text: string, where: string): Line[] {
  const lines: Line[] = [];
  text.replace(/^\uFEFF/, "").split(/\r?\n/).forEach((line, index) => {
    const cells = splitCells(line);
    if (cells === undefined) throw problem(where, index + 1, 'a quotation mark " is not closed');
    if (cells.length > 0) lines.push({ number: index + 1, cells });
  });
  return lines;
}

/** Cells of one line; undefined when a quotation mark is not closed. */
function splitCells(line: string): string[] | undefined {
  const cells: string[] = [];
  const pattern = /\s*(?:"([^"]*)"(?=\s|$)|(#.*)|([^\s"#][^\s"]*))/y;
  let rest = 0;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    rest = pattern.lastIndex;
    if (match[2] !== undefined) return cells;
    cells.push(match[1] ?? match[3] ?? "");
  }
  return line.slice(rest).trim() === "" ? cells : undefined;
}

function checkColumns<Row>(head: Line, where: string, spec: TableSpec<Row>): void {
  const known = Object.keys(spec.columns().shape);
  for (const [index, name] of head.cells.entries()) {
    if (!known.includes(name)) {
      const hint = `known columns are ${known.join(", ")}`;
      throw problem(where, head.number, `unknown column "${name}"; ${hint}`, name);
    }
    if (head.cells.indexOf(name) !== index) {
      throw problem(where, head.number, `column "${name}" stands twice`, name);
    }
  }
  for (const [name, schema] of Object.entries(spec.columns().shape)) {
    const optional = z.safeParse(schema, undefined).success;
    if (!optional && !head.cells.includes(name)) {
      throw problem(where, head.number, `column "${name}" is missing`, name);
    }
  }
}

function readRow<Row>(
  line: Line,
  columns: readonly string[],
  where: string,
  spec: TableSpec<Row>,
): Row {
  if (line.cells.length !== columns.length) {
    const counts = `${line.cells.length} values for ${columns.length} columns`;
    throw problem(where, line.number, counts);
  }
  const given: Record<string, string> = {};
  line.cells.forEach((cell, index) => {
    if (cell !== "-") given[columns[index] ?? ""] = cell;
  });
  const result = spec.columns().safeParse(given);
  if (result.success) return spec.toRow(result.data);
  const issue = result.error.issues[0];
  const column = String(issue?.path[0] ?? "");
  const value = given[column];
  const what = value === undefined
    ? "a value is required"
    : quoteOnce(issue?.message ?? "wrong", value);
  throw problem(where, line.number, `column "${column}": ${what}`, column, value);
}

function quoteOnce(message: string, value: string): string {
  return message.includes(`"${value}"`) ? message : `${message}, found "${value}"`;
}

function problem(
  where: string,
  line: number,
  what: string,
  column?: string,
  value?: string,
): UsageError {
  return new UsageError(`Cannot read the table ${where}:${line}: ${what}`, {
    details: {
      file: where,
      line,
      ...(column === undefined ? {} : { column }),
      ...(value === undefined ? {} : { value }),
    },
  });
}

/**
 * Says that a row refers to something that does not exist.
 *
 * @param source `file:line` of the row.
 * @param column The column of the reference.
 * @param what What is wrong with it.
 * @returns The error, to be thrown.
 */
export function rowProblem(source: string, column: string, what: string): UsageError {
  const at = source.lastIndexOf(":");
  return problem(
    source.slice(0, at),
    Number(source.slice(at + 1)),
    `column "${column}": ${what}`,
    column,
  );
}

/**
 * Joins rows of a site with bundled ones.
 *
 * @param own Rows of the site folder; they come first and win.
 * @param bundled Rows that come with gppy.
 * @param key What identifies a row.
 * @returns All rows, each key once.
 */
export function mergeRows<Row>(
  own: readonly PlacedRow<Row>[],
  bundled: readonly PlacedRow<Row>[],
  key: (row: Row) => string,
): PlacedRow<Row>[] {
  const taken = new Set(own.map(({ row }) => key(row)));
  return [...own, ...bundled.filter(({ row }) => !taken.has(key(row)))];
}
