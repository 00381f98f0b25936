/**
 * Notices as the journal keeps them until somebody has taken them: the outbox.
 *
 * @module
 */

import type { Journal } from "./journal.ts";

/** One thing that was left behind. */
export interface LeftNotice {
  /** The stage that left it. */
  readonly stage: string;
  /** Name of the frame or group. */
  readonly id: string;
  /** Why. */
  readonly message: string;
}

/**
 * What a notice is about.
 *
 * - `start`: a night, or an addendum to it, begins
 * - `finish`: it went through every stage
 * - `failure`: a step failed and is tried again
 * - `parked`: a night is not tried any more
 * - `paused`, `resumed`: disk or memory ran short, and came back
 * - `incomplete`: a night goes on without files that never became whole
 * - `vanished`: the folder of a night is gone
 * - `unaccounted`: raw lights are neither in a product nor have a reason
 */
export type NoticeKind =
  | "start"
  | "finish"
  | "failure"
  | "parked"
  | "paused"
  | "resumed"
  | "incomplete"
  | "vanished"
  | "unaccounted";

/** One thing that was left behind. */
export interface LeftNotice {
  /** The stage that left it. */
  readonly stage: string;
  /** Name of the frame or group. */
  readonly id: string;
  /** Why. */
  readonly message: string;
}

/** A gate that failed. */
export interface GateNotice {
  /** The product. */
  readonly id: string;
  /** What was judged. */
  readonly gate: string;
  /** Null when it could not be measured. */
  readonly value: number | null;
  /** The condition to pass, in words and numbers. */
  readonly threshold?: string;
}

/** The facts of a notice; which ones there are follows from its kind. */
export interface NoticeBody {
  /** Code of the telescope; absent when the notice is about all. */
  readonly unit?: string;
  /** Night, YYYY-MM-DD. */
  readonly date?: string;
  /** Name of the raw folder. */
  readonly folder?: string;
  /** 1 for the first run of a night, more for addenda. */
  readonly run?: number;
  /** The stage that failed. */
  readonly stage?: string;
  /** Class of the error. */
  readonly errorClass?: string;
  /** For the reader: what is the matter. */
  readonly message?: string;
  /** Failed tries so far. */
  readonly attempts?: number;
  /** In how many seconds it is tried again. */
  readonly retryInS?: number;
  /** Frames the notice is about. */
  readonly frames?: readonly string[];
  /** Wall-clock time of the run, seconds. */
  readonly elapsedS?: number;
  /** Seconds each stage took. */
  readonly stages?: readonly { readonly stage: string; readonly s: number }[];
  /** Number of products by kind, `raw` included. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Candidates that passed; null when nothing was searched. */
  readonly transients?: number | null;
  /** Of the transients, in images that are doubted as a whole. */
  readonly suspect?: number | null;
  /** Candidates before the cuts; null when nothing was searched. */
  readonly candidates?: number | null;
  /** 5σ depth of each stack, mag. */
  readonly depths?: readonly { readonly id: string; readonly depth5: number }[];
  /** Gates that failed. */
  readonly gates?: readonly GateNotice[];
  /** What was left behind. */
  readonly left?: readonly LeftNotice[];
  /** Pictures that may be shown, absolute paths. */
  readonly pictures?: readonly string[];
}

/** A notice that waits. */
export interface Notice {
  readonly id: number;
  readonly night: number | null;
  readonly kind: NoticeKind;
  readonly body: NoticeBody;
  /** Milliseconds of UTC since 1970. */
  readonly created: number;
  readonly attempts: number;
  readonly nextTry: number | null;
  readonly lastError: string | null;
}

/** What a notice is made of. */
export interface NewNotice {
  readonly kind: NoticeKind;
  readonly body: NoticeBody;
  readonly night?: number;
  /** Two notices of one event have the same; the second is not kept. */
  readonly once?: string;
}

/**
 * Puts a notice into the outbox; within a transaction it is kept exactly when that is.
 *
 * @param journal The journal.
 * @param notice What happened.
 * @param now Milliseconds of UTC since 1970.
 * @returns False when a notice of the same event is there already.
 */
export function addNotice(journal: Journal, notice: NewNotice, now: number): boolean {
  return journal.run(
    "INSERT INTO notices (night, kind, body, once, created) VALUES (?, ?, ?, ?, ?) " +
      "ON CONFLICT (once) DO NOTHING",
    notice.night ?? null,
    notice.kind,
    JSON.stringify(notice.body),
    notice.once ?? null,
    Math.round(now),
  ) === 1;
}

/**
 * The notices that nobody has taken yet.
 *
 * @param journal The journal.
 * @returns Oldest first.
 */
export function unsentNotices(journal: Journal): Notice[] {
  return journal.all("SELECT * FROM notices WHERE sent IS NULL ORDER BY id").map((row) => ({
    id: Number(row["id"]),
    night: row["night"] === null ? null : Number(row["night"]),
    kind: String(row["kind"]) as NoticeKind,
    body: JSON.parse(String(row["body"])) as NoticeBody,
    created: Number(row["created"]),
    attempts: Number(row["attempts"]),
    nextTry: row["next_try"] === null ? null : Number(row["next_try"]),
    lastError: row["last_error"] === null ? null : String(row["last_error"]),
  }));
}
