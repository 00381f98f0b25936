/** The journal's tables over the versions, and what happens to nights between two watchers. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { World } from "./_watch_world.ts";
import { fastClock, realClock } from "./clock.ts";
import { failTask, parkLost } from "./failed_tasks.ts";
import { forwardNotices } from "./forward_notices.ts";
import { Journal } from "./journal.ts";
import { JOURNAL_VERSION } from "./journal_schema.ts";
import { knowNight, needsArrival, parkNight } from "./nights.ts";
import { addNotice, unsentNotices } from "./notices.ts";
import type { Notifier } from "./notify.ts";
import { lastReconciliation, reconcile } from "./reconcile.ts";
import { takeTask } from "./tasks.ts";

const NIGHT = "2024-04-23_gain2750";
const FILTER = { units: ["7DT01"], steps: ["ingest", "copy"], order: "oldest" } as const;

async function withJournal(test: (journal: Journal) => void | Promise<void>): Promise<void> {
  await using world = await World.make();
  using journal = world.journal();
  for (const unit of ["7DT01", "7DT02"]) {
    const path = world.night(unit, NIGHT);
    knowNight(journal, { unit, date: "2024-04-23", folder: NIGHT, path, priority: 0 }, 0);
  }
  journal.run("UPDATE nights SET state = 'ready', run = 1");
  await test(journal);
}

Deno.test("a journal of the first version is brought up to date, its frames counted", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "journal.sqlite");
    {
      using journal = Journal.open(path);
      journal.run(
        "INSERT INTO nights (unit, date, folder, path, state, first_seen) " +
          "VALUES ('7DT01', 'd', 'f', '/p', 'done', 0)",
      );
      for (const [id, state] of [["a", "used"], ["b", "used"], ["c", "left"]] as const) {
        journal.run(
          "INSERT INTO frames (night, id, path, state) VALUES (1, ?, ?, ?)",
          id,
          id,
          state,
        );
      }
      journal.database.exec("DROP TABLE frame_counts; PRAGMA user_version = 1");
    }
    using journal = Journal.open(path);
    assert.deepEqual(
      journal.all("SELECT state, n FROM frame_counts ORDER BY state").map((row) => ({ ...row })),
      [{ state: "left", n: 1 }, { state: "used", n: 2 }],
    );
    assert.equal(journal.get("PRAGMA user_version")?.["user_version"], JOURNAL_VERSION);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("version() tells whether anybody has written, and nothing else changes it", () =>
  withJournal((journal) => {
    const first = journal.version();
    journal.nights();
    assert.equal(journal.version(), first);
    journal.setFact("own", "1");
    const second = journal.version();
    assert.notEqual(second, first);
    {
      using other = Journal.open(journal.path);
      other.nights();
      assert.equal(journal.version(), second);
      other.setFact("other", "1");
    }
    assert.notEqual(journal.version(), second);
    const third = journal.version();
    journal.run("UPDATE nights SET error = 'x' WHERE id = 999");
    assert.equal(journal.version(), third, "no row was changed");
  }));

Deno.test("a journal of a later version is refused and left as it is", async () => {
  const path = await Deno.makeTempFile();
  try {
    {
      using database = new DatabaseSync(path);
      database.exec("CREATE TABLE future (x); PRAGMA user_version = 999");
    }
    assert.throws(() => Journal.open(path), /it is of version 999, this program knows/);
    using database = new DatabaseSync(path);
    assert.deepEqual(database.prepare("SELECT name FROM sqlite_schema").all().length, 1);
  } finally {
    for (const end of ["", "-wal", "-shm"]) await Deno.remove(path + end).catch(() => {});
  }
});

Deno.test("a night put aside while its stage runs stays so when the stage fails, also for new files", () =>
  withJournal((journal) => {
    const task = takeTask(journal, FILTER, 0)!;
    assert.equal(parkNight(journal, task.night.id, "clouds"), true);
    const error = { name: "crash", message: "killed", retryable: true, exitCode: 1 };
    failTask(journal, task, error, { now: 1000, elapsedS: 1 });
    const night = journal.night(task.night.id)!;
    assert.deepEqual([night.state, night.error, night.running], ["parked", "clouds", false]);
    assert.equal(needsArrival(night, { signature: "new", files: 9, bytes: 9 }), false);
    assert.deepEqual(unsentNotices(journal).map(({ kind }) => kind), ["start"]);
  }));

Deno.test("a night that a watcher has taken is not parked as lost by another", () =>
  withJournal((journal) => {
    journal.run("UPDATE nights SET lost = 20");
    // Another watcher takes it after the first has seen it: here, within the same moment.
    const all = journal.all.bind(journal);
    journal.all = (sql, ...values) => {
      const rows = all(sql, ...values);
      journal.all = all;
      assert.ok(takeTask(journal, FILTER, 0));
      return rows;
    };
    parkLost(journal, 1000);
    assert.deepEqual(journal.nights().map(({ state }) => state), ["ready", "parked"]);
    parkLost(journal, 1000);
    const kinds = unsentNotices(journal).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["start", "parked"]);
  }));

Deno.test("each watcher's account of its telescope stands beside the others'", () =>
  withJournal((journal) => {
    journal.run("UPDATE nights SET state = 'done'");
    for (const [night, lights] of [[1, 3], [2, 5]] as const) {
      for (let i = 0; i < lights; i++) {
        journal.run(
          "INSERT INTO frames (night, id, path, image_type, state) VALUES (?, ?, ?, 'light', 'used')",
          night,
          `l${i}`,
          `/l${i}`,
        );
      }
    }
    const clock = fastClock(1);
    for (const unit of ["7DT01", "7DT02"]) reconcile(journal, { units: [unit], nights: 7 }, clock);
    assert.equal(lastReconciliation(journal)?.lights, 8);
    assert.equal(lastReconciliation(journal, ["7DT02"])?.lights, 5);
    assert.equal(lastReconciliation(journal, ["7DT03"]), undefined);
    journal.run("UPDATE nights SET state = 'vanished' WHERE id = 1");
    reconcile(journal, { units: ["7DT01"], nights: 7 }, realClock);
    assert.equal(lastReconciliation(journal)?.lights, 5);
  }));

Deno.test("a notice that the outbox could not keep is offered again, before those after it", () =>
  withJournal((journal) => {
    for (const kind of ["start", "failure"] as const) addNotice(journal, { kind, body: {} }, 0);
    const told: string[] = [];
    let full = true;
    const notifier = {
      tell: (kind: string) => full ? undefined : Boolean(told.push(kind)),
    } as Pick<Notifier, "tell"> as Notifier;
    assert.equal(forwardNotices(journal, notifier, 1), 0);
    full = false;
    assert.equal(forwardNotices(journal, notifier, 1), 2);
    assert.equal(forwardNotices(journal, notifier, 1), 0);
    assert.deepEqual(told, ["start", "failure"]);
  }));
