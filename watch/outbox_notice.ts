/**
 * A notice in the outbox, and how it stands in the database.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { SQLOutputValue } from "node:sqlite";

/** A notice to be sent. */
export interface NewNotice {
  /** Names the event: a second notice with the same key is not taken. */
  readonly key: string;
  /** The text, in Slack's markup; the title of a file. */
  readonly text: string;
  /** A file to be shown in the thread of another notice. */
  readonly file?: NoticeFile;
  /** Key of the notice whose thread this belongs to; it is sent first. */
  readonly thread?: string;
}

/** A picture that goes with a notice. */
export interface NoticeFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What becomes of a notice: waits, is being sent, was sent once, was given up. */
export type NoticeState = "waiting" | "sending" | "sent" | "refused";

/** A notice in the outbox. */
export interface Notice extends NewNotice {
  /** Order of arrival. */
  readonly id: number;
  /** The id that Slack knows doubles by, a UUID that is the same in every attempt. */
  readonly messageId: string;
  readonly state: NoticeState;
  /** When it was put in, milliseconds since 1970. */
  readonly createdMs: number;
  /** When it was first tried, or null. */
  readonly firstTryMs: number | null;
  readonly attempts: number;
  /** Why it was not sent, if it was not. */
  readonly reason: string | null;
  /** Whether an earlier attempt may have reached Slack although its answer did not come. */
  readonly unsure: boolean;
  /** Channel id that Slack answered with. */
  readonly channel: string | null;
  /** Time stamp by which Slack knows the message. */
  readonly ts: string | null;
  /** When Slack had taken it. */
  readonly sentMs: number | null;
}

/** Why nothing is being sent at the moment. */
export interface Pause {
  /** Since when; a clock that was set back behind it ends the pause. */
  readonly sinceMs: number;
  /** Until when, milliseconds since 1970. */
  readonly untilMs: number;
  /** `rate`: Slack asked for it; `outage`: no answer; `settings`: someone must change something. */
  readonly cause: "rate" | "outage" | "settings";
  readonly reason: string;
  /** Failures in a row. */
  readonly failures: number;
}

/** Tables of the outbox. */
export const OUTBOX_SCHEMA = `
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  text TEXT NOT NULL,
  thread TEXT,
  file_name TEXT,
  file BLOB,
  message_id TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'refused')),
  created_ms INTEGER NOT NULL,
  first_try_ms INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  unsure INTEGER NOT NULL DEFAULT 0,
  strikes INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  channel TEXT,
  ts TEXT,
  sent_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_open ON outbox (state, strikes, id);
CREATE TABLE IF NOT EXISTS outbox_state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

/**
 * The id by which Slack knows doubles: a UUID that follows from the event and its time.
 *
 * @param key Key of the notice.
 * @param nowMs When it was put in.
 * @returns A UUID of version 4's form.
 */
export function messageIdOf(key: string, nowMs: number): string {
  const hex = createHash("sha256").update(`${key}\n${nowMs}`).digest("hex");
  const variant = ((parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-` +
    `${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A row of the table as a notice. */
export function toNotice(row: Record<string, SQLOutputValue>): Notice {
  const text = (name: string) => row[name] === null ? null : String(row[name]);
  const number = (name: string) => row[name] === null ? null : Number(row[name]);
  const file = row["file"];
  const [name, thread] = [text("file_name"), text("thread")];
  return {
    id: Number(row["id"]),
    key: String(row["key"]),
    text: String(row["text"]),
    ...(thread === null ? {} : { thread }),
    ...(name === null ? {} : {
      file: { name, bytes: file instanceof Uint8Array ? Uint8Array.from(file) : new Uint8Array() },
    }),
    messageId: String(row["message_id"]),
    state: String(row["state"]) as NoticeState,
    createdMs: Number(row["created_ms"]),
    firstTryMs: number("first_try_ms"),
    attempts: Number(row["attempts"]),
    unsure: row["unsure"] === 1,
    reason: text("reason"),
    channel: text("channel"),
    ts: text("ts"),
    sentMs: number("sent_ms"),
  };
}
