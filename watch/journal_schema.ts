/**
 * The tables of the journal, in SQLite. All times are milliseconds of UTC since 1970.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { DataError } from "../config/errors.ts";

const FIRST = `
CREATE TABLE nights (
  id            INTEGER PRIMARY KEY,
  unit          TEXT NOT NULL,
  date          TEXT NOT NULL,                  -- YYYY-MM-DD
  folder        TEXT NOT NULL,                  -- name of the folder
  path          TEXT NOT NULL UNIQUE,           -- the raw folder, absolute
  priority      INTEGER NOT NULL DEFAULT 0,     -- 1: target of opportunity
  state         TEXT NOT NULL,                  -- see NightState
  run           INTEGER NOT NULL DEFAULT 0,     -- 1: first run, more: addenda; 0: none yet
  step          INTEGER NOT NULL DEFAULT 0,     -- the next step of this run; 0 reads the frames
  attempts      INTEGER NOT NULL DEFAULT 0,     -- failed tries of that step
  lost          INTEGER NOT NULL DEFAULT 0,     -- tries of it that ended with a killed watcher
  not_before    INTEGER,                        -- when it is tried again
  wait_ms       INTEGER NOT NULL DEFAULT 0,     -- length of that wait; bounds it when the clock jumps
  signature     TEXT NOT NULL DEFAULT '',       -- of the files as last seen
  still_since   INTEGER,                        -- since when the signature is the same
  run_signature TEXT,                           -- of the files that the run took
  files         INTEGER NOT NULL DEFAULT 0,
  bytes         INTEGER NOT NULL DEFAULT 0,
  waiting_for   TEXT,                           -- why an arriving night is not ready
  left_behind   INTEGER NOT NULL DEFAULT 0,     -- frames or groups of the last run
  error_class   TEXT,
  error         TEXT,
  first_seen    INTEGER NOT NULL,
  started       INTEGER,                        -- of the present or last run
  finished      INTEGER,
  log_due       TEXT                            -- note for the CSV log, until it is written
) STRICT;
CREATE INDEX nights_state ON nights(state);

CREATE TABLE stages (                           -- one row a try of one step
  id          INTEGER PRIMARY KEY,
  night       INTEGER NOT NULL REFERENCES nights(id) ON DELETE CASCADE,
  run         INTEGER NOT NULL,
  step        INTEGER NOT NULL,
  name        TEXT NOT NULL,
  attempt     INTEGER NOT NULL,
  holder      TEXT NOT NULL,
  started     INTEGER NOT NULL,
  ended       INTEGER,                          -- NULL while it runs
  elapsed_s   REAL,
  outcome     TEXT,                             -- done, skipped, failed, interrupted, lost, restarted
  left_behind INTEGER,
  manifest    TEXT,
  error_class TEXT,
  error       TEXT
) STRICT;
CREATE INDEX stages_night ON stages(night);

CREATE TABLE frames (                           -- every raw frame of the last run
  night      INTEGER NOT NULL REFERENCES nights(id) ON DELETE CASCADE,
  id         TEXT NOT NULL,
  path       TEXT NOT NULL,
  image_type TEXT,
  object     TEXT,
  filter     TEXT,
  state      TEXT NOT NULL,                     -- used, left, unaccounted
  reached    TEXT,                              -- the farthest kind of product made from it
  stage      TEXT,                              -- the stage that left it behind
  reason     TEXT,
  PRIMARY KEY (night, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (                           -- who works on a night
  night   INTEGER PRIMARY KEY REFERENCES nights(id) ON DELETE CASCADE,
  token   TEXT NOT NULL UNIQUE,                 -- fences every later write
  host    TEXT NOT NULL,
  boot    TEXT NOT NULL,
  pid     INTEGER NOT NULL,
  started TEXT NOT NULL,                        -- start time of the process, to know it again
  beat    INTEGER NOT NULL DEFAULT 0,           -- counted up by the holder
  taken   INTEGER NOT NULL
) STRICT;

CREATE TABLE notices (                          -- the outbox
  id         INTEGER PRIMARY KEY,
  night      INTEGER REFERENCES nights(id) ON DELETE SET NULL,
  kind       TEXT NOT NULL,                     -- see NoticeKind
  body       TEXT NOT NULL,                     -- JSON, see NoticeBody
  once       TEXT UNIQUE,                       -- two notices of one event have the same
  created    INTEGER NOT NULL,
  sent       INTEGER,                           -- NULL until it was taken
  attempts   INTEGER NOT NULL DEFAULT 0,
  next_try   INTEGER,                           -- not before this time
  last_error TEXT
) STRICT;
CREATE INDEX notices_unsent ON notices(id) WHERE sent IS NULL;

CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** So that nobody counts millions of rows: how many frames of a night came to what; sums of stages. */
const SUMS = `
CREATE INDEX IF NOT EXISTS stages_sums ON stages(name, outcome, error_class, elapsed_s);
CREATE TABLE frame_counts (
  night INTEGER NOT NULL REFERENCES nights(id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  n     INTEGER NOT NULL,
  PRIMARY KEY (night, state)
) STRICT, WITHOUT ROWID;
INSERT INTO frame_counts SELECT night, state, count(*) FROM frames GROUP BY night, state;
`;

/** What leads from each version of the tables to the next, the first from none. */
const STEPS: readonly string[] = [FIRST, SUMS];

/** Version of the tables; a journal of an earlier version is brought up to it, a later one is refused. */
export const JOURNAL_VERSION: number = STEPS.length;

/**
 * Sets the connection up for several processes and power loss, and makes the tables or brings them up to date.
 *
 * @param db An open connection.
 * @param path For messages.
 * @throws {DataError} If the journal was written by a later version of gppy.
 */
export function prepareJournal(db: DatabaseSync, path: string): void {
  db.exec("PRAGMA busy_timeout = 20000");
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = FULL"); // a commit survives power loss
  db.exec("PRAGMA foreign_keys = ON");
  const read = () => Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (read() < JOURNAL_VERSION) {
    db.exec("BEGIN IMMEDIATE");
    try {
      for (const step of STEPS.slice(read())) db.exec(step); // read again: nobody else writes now
      db.exec(`PRAGMA user_version = ${JOURNAL_VERSION}`);
      db.exec("COMMIT");
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }
  const version = read();
  if (version <= JOURNAL_VERSION) return;
  throw new DataError(
    `Cannot use the journal "${path}": it is of version ${version}, this program knows ${JOURNAL_VERSION}`,
    { details: { file: path } },
  );
}
