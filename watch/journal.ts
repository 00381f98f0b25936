/**
 * The journal: what the watcher knows of nights, in one SQLite file that several
 * processes share and that survives a kill or a power cut at any instant.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { DataError } from "../config/errors.ts";
import type { SitePaths } from "../config/site.ts";
import { prepareJournal } from "./journal_schema.ts";

/**
 * Where a night stands. Whether it is being worked on is told by its lease.
 *
 * - `arriving`: files still come, or some are not whole
 * - `ready`: its next step may be taken
 * - `retry`: failed, and waits for its next try
 * - `done`, `partial`: went through every stage; `partial` left frames behind
 * - `parked`: failed too often, or was put aside; waits for `gppy retry` or for new files
 * - `vanished`: its folder is gone
 */
export type NightState =
  | "arriving"
  | "ready"
  | "retry"
  | "done"
  | "partial"
  | "parked"
  | "vanished";

/** A value of a row. */
export type Value = string | number | null;

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, Value>>;

/** A night as the journal holds it; times in milliseconds of UTC since 1970. */
export interface Night {
  readonly id: number;
  readonly unit: string;
  readonly date: string;
  readonly folder: string;
  readonly path: string;
  readonly priority: number;
  readonly state: NightState;
  /** 1 for the first run, more for addenda; 0 before the first. */
  readonly run: number;
  /** The next step; 0 reads the frames, 1 is the first stage. */
  readonly step: number;
  readonly attempts: number;
  readonly lost: number;
  readonly notBefore: number | null;
  readonly waitMs: number;
  readonly signature: string;
  readonly stillSince: number | null;
  readonly runSignature: string | null;
  readonly files: number;
  readonly bytes: number;
  readonly waitingFor: string | null;
  readonly leftBehind: number;
  readonly errorClass: string | null;
  readonly error: string | null;
  readonly firstSeen: number;
  readonly started: number | null;
  readonly finished: number | null;
  readonly logDue: string | null;
  /** Whether somebody holds its lease. */
  readonly running: boolean;
}

/** All columns of a night and whether it is under a lease. */
export const SELECT_NIGHTS: string =
  "SELECT n.*, EXISTS (SELECT 1 FROM leases l WHERE l.night = n.id) AS running FROM nights n";

/** An open journal; dispose of it to close the file. */
export class Journal implements Disposable {
  /** The file. */
  readonly path: string;
  readonly #db: DatabaseSync;
  #depth = 0;

  private constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
  }

  /**
   * Opens a journal, and makes it if it does not exist.
   *
   * @param path The file; on a local disk, as SQLite's WAL does not work on network file systems.
   * @returns The journal.
   * @throws {DataError} If it cannot be opened or is of a later version.
   */
  static open(path: string): Journal {
    const full = resolve(path);
    try {
      Deno.mkdirSync(dirname(full), { recursive: true });
      const db = new DatabaseSync(full);
      prepareJournal(db, full);
      return new Journal(full, db);
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      throw new DataError(`Cannot open the journal "${full}": ${(cause as Error).message}`, {
        cause,
        details: { file: full },
      });
    }
  }

  /** The connection, for tables of others in the same file. */
  get database(): DatabaseSync {
    return this.#db;
  }

  /** All rows of a query. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#db.prepare(sql).all(...values) as Row[];
  }

  /** The first row of a query. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#db.prepare(sql).get(...values) as Row | undefined;
  }

  /** Changes rows and tells how many. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#db.prepare(sql).run(...values).changes);
  }

  /** Does all of it or nothing; nobody else writes meanwhile. Transactions may be nested. */
  transaction<Result>(work: () => Result): Result {
    if (this.#depth > 0) return work();
    this.#db.exec("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /** Changes whenever anybody has written, through this connection or another. */
  version(): string {
    const others = this.get("PRAGMA data_version")?.["data_version"];
    return `${others}/${this.get("SELECT total_changes() AS n")?.["n"]}`;
  }

  /** Nights in order of unit and folder. */
  nights(): Night[] {
    return this.all(`${SELECT_NIGHTS} ORDER BY n.unit, n.folder`).map(toNight);
  }

  /** One night by its number. */
  night(id: number): Night | undefined {
    const row = this.get(`${SELECT_NIGHTS} WHERE n.id = ?`, id);
    return row && toNight(row);
  }

  /** One night by its raw folder. */
  nightAt(path: string): Night | undefined {
    const row = this.get(`${SELECT_NIGHTS} WHERE n.path = ?`, path);
    return row && toNight(row);
  }

  /** A fact under a name, or undefined. */
  fact(key: string): string | undefined {
    const value = this.get("SELECT value FROM facts WHERE key = ?", key)?.["value"];
    return value === undefined ? undefined : String(value);
  }

  /** Keeps a fact under a name. */
  setFact(key: string, value: string): void {
    this.run(
      "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      key,
      value,
    );
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/**
 * Where the journal of a site stands.
 *
 * @param paths The folders of the site.
 * @returns The file, below `path_base`.
 */
export function journalPath(paths: Pick<SitePaths, "base">): string {
  return join(paths.base, "journal", "journal.sqlite");
}

/**
 * Turns a row of the table of nights into a night.
 *
 * @param row With all columns of {@linkcode SELECT_NIGHTS}.
 * @returns The night.
 */
export function toNight(row: Row): Night {
  const text = (key: string) => row[key] === null ? null : String(row[key]);
  const number = (key: string) => row[key] === null ? null : Number(row[key]);
  return {
    id: Number(row["id"]),
    unit: String(row["unit"]),
    date: String(row["date"]),
    folder: String(row["folder"]),
    path: String(row["path"]),
    priority: Number(row["priority"]),
    state: String(row["state"]) as NightState,
    run: Number(row["run"]),
    step: Number(row["step"]),
    attempts: Number(row["attempts"]),
    lost: Number(row["lost"]),
    notBefore: number("not_before"),
    waitMs: Number(row["wait_ms"]),
    signature: String(row["signature"]),
    stillSince: number("still_since"),
    runSignature: text("run_signature"),
    files: Number(row["files"]),
    bytes: Number(row["bytes"]),
    waitingFor: text("waiting_for"),
    leftBehind: Number(row["left_behind"]),
    errorClass: text("error_class"),
    error: text("error"),
    firstSeen: Number(row["first_seen"]),
    started: number("started"),
    finished: number("finished"),
    logDue: text("log_due"),
    running: Number(row["running"]) === 1,
  };
}
