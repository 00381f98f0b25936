/**
 * The outbox of notices: what is to be said waits in SQLite until it was said once.
 *
 * It is a table of its own in whatever database it is given: a file beside the site for
 * `gppy run`, the journal for the watcher. Several processes may share one.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  messageIdOf,
  type NewNotice,
  type Notice,
  type NoticeState,
  OUTBOX_SCHEMA,
  type Pause,
  toNotice,
} from "./outbox_notice.ts";
import { isAlive, ownMark, type ProcessMark } from "../config/process_mark.ts";

export type { NewNotice, Notice, NoticeFile, NoticeState, Pause } from "./outbox_notice.ts";

/** Broken answers to a notice after which others go before it. */
const PATIENCE = 5;
/** Days that sent notices are remembered, so that their keys stay taken. */
const REMEMBERED_DAYS = 90;
const DAY_MS = 86_400_000;

/** Who may send. */
interface Lease {
  readonly holder: string;
  readonly mark: ProcessMark;
  readonly untilMs: number;
}

/** The outbox of notices. */
export class Outbox implements Disposable {
  readonly #database: DatabaseSync;
  readonly #owned: boolean;
  readonly #holder = randomUUID();

  /**
   * Opens an outbox; its tables are made if needed.
   *
   * @param database A file, made if needed; or an open database, which stays open.
   */
  constructor(database: string | DatabaseSync) {
    this.#owned = typeof database === "string";
    if (typeof database === "string") {
      if (database !== ":memory:") Deno.mkdirSync(dirname(database), { recursive: true });
      this.#database = new DatabaseSync(database, { timeout: 10_000 });
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    } else this.#database = database;
    this.#database.exec(OUTBOX_SCHEMA);
  }

  /** Closes the file if this object opened it. */
  [Symbol.dispose](): void {
    if (this.#owned && this.#database.isOpen) this.#database.close();
  }

  /**
   * Puts a notice in. One statement: it may stand inside a transaction of the caller, so
   * that an event and its notice are recorded together or not at all.
   *
   * @param notice What to send; no secrets.
   * @param nowMs The time.
   * @returns False if the key was taken, so that nothing was put in.
   */
  put(notice: NewNotice, nowMs: number = Date.now()): boolean {
    const { changes } = this.#database.prepare(
      `INSERT OR IGNORE INTO outbox (key, text, thread, file_name, file, message_id, created_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      notice.key,
      notice.text,
      notice.thread ?? null,
      notice.file?.name ?? null,
      notice.file?.bytes ?? null,
      messageIdOf(notice.key, nowMs),
      nowMs,
    );
    return changes === 1;
  }

  /**
   * Takes the right to send; one process has it at a time.
   *
   * @param nowMs The time.
   * @param leaseMs How long it is held if it is neither renewed nor released.
   * @returns False if another process has it.
   */
  acquire(nowMs: number, leaseMs: number): boolean {
    return this.#transaction(() => {
      const lease = this.#read<Lease>("lease");
      const free = lease === undefined || lease.holder === this.#holder ||
        lease.untilMs <= nowMs || lease.untilMs > nowMs + 10 * leaseMs || // the clock was set back
        isAlive(lease.mark) === false;
      if (free) {
        const mine: Lease = { holder: this.#holder, mark: ownMark(), untilMs: nowMs + leaseMs };
        this.#write("lease", mine);
      }
      return free;
    });
  }

  /** Gives the right to send back. */
  release(): void {
    this.#transaction(() => this.#releaseOwn());
  }

  /**
   * Takes the next notice to be sent, and records that an attempt begins. Without one, or in a
   * pause, the right to send is given back in the same transaction, so that a notice put in by
   * another process meanwhile is seen by one of the two.
   *
   * @param nowMs The time.
   * @returns The notice; undefined if there is none or nothing may be sent now.
   */
  take(nowMs: number): Notice | undefined {
    return this.#transaction(() => {
      const pause = this.pause();
      const waits = pause !== undefined && pause.sinceMs <= nowMs && nowMs < pause.untilMs;
      const row = waits ? undefined : this.#database.prepare(
        // A notice that was being sent when its process died may have arrived.
        `UPDATE outbox SET unsure = unsure OR state = 'sending', state = 'sending',
           attempts = attempts + 1, first_try_ms = coalesce(first_try_ms, ?)
         WHERE id = (
           SELECT id FROM outbox AS o WHERE state IN ('waiting', 'sending') AND (thread IS NULL
             OR NOT EXISTS (SELECT 1 FROM outbox AS t WHERE t.key = o.thread)
             OR EXISTS (SELECT 1 FROM outbox AS t WHERE t.key = o.thread
               AND t.state IN ('sent', 'refused')))
           ORDER BY strikes / ${PATIENCE}, id LIMIT 1)
         RETURNING *`,
      ).get(nowMs);
      if (row !== undefined) return toNotice(row);
      this.#releaseOwn();
      return undefined;
    });
  }

  /** Records that Slack has a notice. */
  sent(id: number, answer: { channel: string | null; ts: string | null }, nowMs: number): void {
    this.#transaction(() => {
      this.#database.prepare(
        `UPDATE outbox SET state = 'sent', channel = ?, ts = ?, sent_ms = ?, reason = NULL,
           file = NULL WHERE id = ?`,
      ).run(answer.channel, answer.ts, nowMs, id);
      this.#remove("pause");
    });
  }

  /** Records that an attempt failed; `unsure` if Slack may have the notice all the same. */
  failed(id: number, reason: string, unsure: boolean): void {
    this.#database.prepare(
      `UPDATE outbox SET state = 'waiting', reason = ?, unsure = unsure OR ?, strikes = strikes + ?
       WHERE id = ?`,
    ).run(reason, unsure ? 1 : 0, unsure ? 1 : 0, id);
  }

  /** Gives a notice up. */
  refused(id: number, reason: string): void {
    this.#database.prepare(
      "UPDATE outbox SET state = 'refused', reason = ?, file = NULL WHERE id = ?",
    ).run(reason, id);
  }

  /** Why nothing is sent at the moment, if so. */
  pause(): Pause | undefined {
    return this.#read<Pause>("pause");
  }

  /** Sends nothing for a while, in all processes. */
  setPause(pause: Pause): void {
    this.#write("pause", pause);
  }

  /** Ends a pause, such as one that waited for a new token. */
  endPause(): void {
    this.#remove("pause");
  }

  /** The id by which Slack knows the channel of that name, once it has taken a notice for it. */
  channelId(name: string): string | undefined {
    return this.#read<Record<string, string>>("channels")?.[name];
  }

  /** Remembers the id of a channel. */
  rememberChannel(name: string, id: string): void {
    this.#write("channels", { ...this.#read<Record<string, string>>("channels"), [name]: id });
  }

  /** A notice by its key. */
  find(key: string): Notice | undefined {
    const row = this.#database.prepare("SELECT * FROM outbox WHERE key = ?").get(key);
    return row === undefined ? undefined : toNotice(row);
  }

  /** Notices in order of arrival, all or those in some states. */
  list(states: readonly NoticeState[] = ["waiting", "sending", "sent", "refused"]): Notice[] {
    const marks = states.map(() => "?").join(", ");
    return this.#database.prepare(`SELECT * FROM outbox WHERE state IN (${marks}) ORDER BY id`)
      .all(...states).map(toNotice);
  }

  /** How many notices wait. */
  waiting(): number {
    const row = this.#database.prepare(
      "SELECT count(*) AS n FROM outbox WHERE state IN ('waiting', 'sending')",
    ).get();
    return Number(row?.["n"] ?? 0);
  }

  /**
   * Forgets notices that were done with months ago, and gives up what waited for too long.
   *
   * @param nowMs The time.
   * @param giveUpDays How long a notice may wait.
   * @returns How many were given up.
   */
  tidy(nowMs: number, giveUpDays: number): number {
    this.#database.prepare(
      "DELETE FROM outbox WHERE state IN ('sent', 'refused') AND created_ms < ?",
    ).run(nowMs - REMEMBERED_DAYS * DAY_MS);
    const { changes } = this.#database.prepare(
      `UPDATE outbox SET state = 'refused', file = NULL,
         reason = 'not sent for days: ' || coalesce(reason, 'never tried')
       WHERE state = 'waiting' AND created_ms < ?`,
    ).run(nowMs - giveUpDays * DAY_MS);
    return Number(changes);
  }

  #releaseOwn(): void {
    const lease = this.#read<Lease>("lease");
    if (lease?.holder === this.#holder) this.#remove("lease");
  }

  #read<Value>(name: string): Value | undefined {
    const row = this.#database.prepare("SELECT value FROM outbox_state WHERE name = ?").get(name);
    return row === undefined ? undefined : JSON.parse(String(row["value"])) as Value;
  }

  #write(name: string, value: unknown): void {
    this.#database.prepare("INSERT OR REPLACE INTO outbox_state VALUES (?, ?)")
      .run(name, JSON.stringify(value));
  }

  #remove(name: string): void {
    this.#database.prepare("DELETE FROM outbox_state WHERE name = ?").run(name);
  }

  #transaction<Result>(work: () => Result): Result {
    if (this.#database.isTransaction) return work();
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}
