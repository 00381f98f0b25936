/**
 * Effective values as lines for people: rows of tables that are alike stand together.
 *
 * @module
 */

import type { Explained, JsonValue } from "../config/explain.ts";
import { alignColumns } from "./table_text.ts";

/**
 * Formats effective values: name, value, where it came from.
 *
 * Rows of tables get a line a column. Rows that differ in nothing but the unit
 * stand together as `unit.7DT01…7DT20`.
 *
 * @param values The values.
 * @returns Aligned lines.
 */
export function formatValues(values: readonly Explained[]): string {
  const lines = groupAlike(values).flatMap(({ name, value, source }) => {
    const row = asRow(value);
    if (row === undefined) return [[name, formatValue(value), source]];
    return Object.entries(row).filter(([key]) => !NAME_KEYS.includes(key))
      .map(([key, item]) => [`${name}.${key}`, formatValue(item), source]);
  });
  return alignColumns(lines);
}

/** Columns that the name of a row already tells. */
const NAME_KEYS: readonly string[] = ["code", "unit", "object", "keyword", "from"];

type Row = Readonly<Record<string, JsonValue>>;

function asRow(value: JsonValue): Row | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Row
    : undefined;
}

function groupAlike(values: readonly Explained[]): Explained[] {
  const groups = new Map<string, Explained[]>();
  for (const entry of values) {
    const row = asRow(entry.value);
    const unit = unitOf(entry.value);
    const key = row === undefined || unit === undefined
      ? entry.name
      : JSON.stringify([entry.name.replace(unit, ""), { ...row, code: "", unit: "" }]);
    groups.set(key, [...groups.get(key) ?? [], entry]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined || first === last) return group;
    const [from = "", to = ""] = [unitOf(first.value), unitOf(last.value)];
    const lastLine = last.source.slice(last.source.lastIndexOf(":") + 1);
    return [{
      name: first.name.replace(from, `${from}…${to}`),
      value: first.value,
      source: `${first.source}…${lastLine}`,
    }];
  });
}

function unitOf(value: JsonValue): string | undefined {
  const row = asRow(value);
  const unit = row?.["code"] ?? row?.["unit"];
  return typeof unit === "string" && unit !== "*" ? unit : undefined;
}

function formatValue(value: JsonValue): string {
  if (value === null) return "-";
  if (Array.isArray(value)) return value.map((item: JsonValue) => formatValue(item)).join(",");
  if (typeof value === "number") return String(Number(value.toPrecision(10)));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
