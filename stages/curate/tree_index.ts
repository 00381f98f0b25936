/**
 * The index of the processed tree: `index.sqlite` with one row a product, and its export
 * `index.csv` for those who have no SQLite.
 *
 * Several curating processes may share it. It uses a rollback journal, not WAL, so that it
 * also works where the tree lies on a network file system with locks.
 *
 * @module
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DataError } from "../../config/errors.ts";
import { COLUMN_NAMES, describeColumns, type IndexRow, type IndexValue } from "./obscore.ts";

/** Names of the index's files in the tree. */
export const INDEX_FILES = { database: "index.sqlite", csv: "index.csv" } as const;

/** Version of the tables. */
const VERSION = 1;
/** How long to wait for another process that writes, milliseconds. */
const PATIENCE_MS = 60_000;

const CREATE = `
CREATE TABLE products (
  ${COLUMN_NAMES.map((name) => `"${name}" ${describeColumns()[name].type}`).join(",\n  ")},
  PRIMARY KEY (access_url)
) STRICT;
CREATE INDEX products_field ON products (target_name, em_filter, t_min);
CREATE INDEX products_sky ON products (s_dec, s_ra);
CREATE INDEX products_obs ON products (obs_id);
-- Without the earlier versions of files that were made again.
CREATE VIEW latest AS SELECT * FROM products AS p WHERE NOT EXISTS (
  SELECT 1 FROM products AS n WHERE n.product_id = p.product_id AND n.kind = p.kind
    AND n.unit = p.unit AND n.version > p.version);
PRAGMA user_version = ${VERSION};
`;

/** An open index. */
export class TreeIndex implements Disposable {
  readonly #tree: string;
  readonly #database: DatabaseSync;

  /**
   * Opens the index of a tree.
   *
   * @param tree Folder of the tree, which exists.
   * @param options `readOnly` for looking; otherwise the index is made if needed.
   * @throws {DataError} If there is none to look at, or it cannot be opened.
   */
  constructor(tree: string, options: { readonly readOnly?: boolean } = {}) {
    const path = join(tree, INDEX_FILES.database);
    this.#tree = tree;
    try {
      this.#database = new DatabaseSync(path, {
        readOnly: options.readOnly ?? false,
        timeout: PATIENCE_MS,
      });
      if (!options.readOnly) this.#prepare();
    } catch (cause) {
      throw new DataError(`Cannot open the index "${path}": ${(cause as Error).message}`, {
        cause,
        details: { file: path },
      });
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Writes rows; a row of the same file takes the place of the old one. */
  put(rows: readonly IndexRow[]): void {
    const names = COLUMN_NAMES.map((name) => `"${name}"`).join(", ");
    const marks = COLUMN_NAMES.map(() => "?").join(", ");
    this.#locked(() => {
      const insert = this.#database.prepare(
        `INSERT OR REPLACE INTO products (${names}) VALUES (${marks})`,
      );
      for (const row of rows) insert.run(...COLUMN_NAMES.map((name) => row[name]));
    });
  }

  /** Every row, in order of path. */
  rows(): IndexRow[] {
    return this.#database.prepare("SELECT * FROM products ORDER BY access_url").all()
      .map((row) => row as IndexRow);
  }

  /** Faults that SQLite finds in the file; none when it is sound. */
  check(): string[] {
    return this.#database.prepare("PRAGMA integrity_check").all()
      .map((row) => String(row["integrity_check"])).filter((line) => line !== "ok");
  }

  /** Writes `index.csv` beside and renames it, while nobody else changes the index. */
  exportCsv(): void {
    const target = join(this.#tree, INDEX_FILES.csv);
    const part = join(this.#tree, `.${INDEX_FILES.csv}.part`);
    this.#locked(() => {
      const text = csvOf(this.rows());
      Deno.writeTextFileSync(part, text);
      using file = Deno.openSync(part, { read: true, write: true });
      file.syncSync();
      Deno.renameSync(part, target);
    });
  }

  #prepare(): void {
    this.#database.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;");
    this.#locked(() => {
      const version = Number(
        this.#database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0,
      );
      if (version === 0) this.#database.exec(CREATE);
      else if (version !== VERSION) {
        throw new Error(`it is of version ${version}, this program knows ${VERSION}`);
      }
    });
  }

  #locked(work: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      const path = join(this.#tree, INDEX_FILES.database);
      throw new DataError(`Cannot write the index "${path}": ${(error as Error).message}`, {
        cause: error,
        details: { file: path },
      });
    }
  }
}

/**
 * The text of `index.csv`: a line of names, then one a product (RFC 4180, LF).
 *
 * @param rows Rows in order.
 * @returns The text; an empty cell is a value that is not known.
 */
export function csvOf(rows: readonly IndexRow[]): string {
  const line = (cells: readonly IndexValue[]) => cells.map(cell).join(",") + "\n";
  return line(COLUMN_NAMES) + rows.map((row) => line(COLUMN_NAMES.map((n) => row[n]))).join("");
}

function cell(value: IndexValue): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
