/**
 * Reads the tables of a VOTable document, as SCAMP, SWarp and MissFITS write them.
 *
 * @module
 */

import { XMLParser } from "fast-xml-parser";
import { DataError } from "../config/errors.ts";

/** One row: the text of each cell by the name of its field. */
export type VotableRow = Readonly<Record<string, string>>;

/** Rows of each table, by the table's name. */
export type Votable = Readonly<Record<string, readonly VotableRow[]>>;

interface Node {
  readonly [name: string]: unknown;
}

const REPEATED = new Set(["RESOURCE", "TABLE", "FIELD", "PARAM", "TR", "TD"]);

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: (name) => REPEATED.has(name),
});

/**
 * Reads all tables of a VOTable with plain `TABLEDATA`.
 *
 * @param xml The document.
 * @param where Its file, for messages.
 * @returns Rows by table name; cells are trimmed text.
 * @throws {DataError} If it is not a VOTable.
 */
export function parseVotable(xml: string, where: string): Votable {
  let document: Node;
  try {
    document = parser.parse(xml) as Node;
  } catch (cause) {
    throw new DataError(`Cannot read "${where}": not XML`, { details: { file: where }, cause });
  }
  const root = document["VOTABLE"];
  if (!isNode(root)) {
    throw new DataError(`Cannot read "${where}": not a VOTable`, { details: { file: where } });
  }
  const tables: Record<string, VotableRow[]> = {};
  collect(root, tables);
  return tables;
}

function collect(node: Node, tables: Record<string, VotableRow[]>): void {
  for (const table of children(node, "TABLE")) {
    tables[String(table["@name"] ?? table["@ID"] ?? "")] = rowsOf(table);
  }
  for (const resource of children(node, "RESOURCE")) collect(resource, tables);
}

function rowsOf(table: Node): VotableRow[] {
  const names = children(table, "FIELD").map((field) => String(field["@name"]));
  const data = table["DATA"];
  const body = isNode(data) ? data["TABLEDATA"] : undefined;
  if (!isNode(body)) return [];
  return children(body, "TR").map((row) => {
    const cells = row["TD"];
    const values = Array.isArray(cells) ? cells.map(textOf) : [];
    return Object.fromEntries(names.map((name, i) => [name, values[i] ?? ""]));
  });
}

function textOf(cell: unknown): string {
  if (isNode(cell)) return String(cell["#text"] ?? "").trim();
  return String(cell ?? "").trim();
}

function children(node: Node, name: string): Node[] {
  const found = node[name];
  return Array.isArray(found) ? found.filter(isNode) : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
