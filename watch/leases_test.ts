/** Whose leases are taken over, and when: other boots, other hosts, reused process numbers. */

import assert from "node:assert/strict";
import { World } from "./_watch_world.ts";
import { type Clock, realClock } from "./clock.ts";
import type { Journal } from "./journal.ts";
import { LeaseWatch, takeLease } from "./leases.ts";
import { knowNight } from "./nights.ts";
import { isAlive, ownMark, type ProcessMark } from "../config/process_mark.ts";
import { killMarked, LEASE_VARIABLE } from "./process_mark.ts";
import { PROC, PS } from "../config/process_source.ts";

const PATIENCE_MS = 120_000;

/** A lease that somebody left, and a watcher that looks at it whenever told to. */
async function withLease(
  mark: ProcessMark,
  test: (look: (afterS: number) => boolean, journal: Journal) => void,
): Promise<void> {
  await using world = await World.make();
  using journal = world.journal();
  const folder = "2024-04-23_gain2750";
  const path = world.night("7DT01", folder);
  const night = knowNight(journal, { unit: "7DT01", date: folder, folder, path, priority: 0 }, 0);
  assert.ok(takeLease(journal, night.id, 0, mark));
  let now = 0;
  const clock: Clock = { ...realClock, mono: () => now };
  const leases = new LeaseWatch(clock, PATIENCE_MS);
  test((afterS) => {
    now += afterS * 1000;
    return leases.endDead(journal).length === 1;
  }, journal);
}

Deno.test("a lease of an earlier boot of this host ends at once, even if the process number is in use", () =>
  withLease({ ...ownMark(), boot: "another-boot/pid:[1]" }, (look, journal) => {
    assert.equal(look(0), true);
    assert.equal(journal.get("SELECT count(*) AS n FROM leases")?.["n"], 0);
    assert.equal(journal.night(1)?.lost, 1);
  }));

Deno.test("a lease of a process whose number another has now ends at once", () =>
  withLease({ ...ownMark(), started: "1" }, (look) => assert.equal(look(0), true)));

Deno.test("the own lease never ends", () =>
  withLease(ownMark(), (look) => {
    for (let i = 0; i < 5; i++) assert.equal(look(1000), false);
  }));

for (
  const [who, mark] of [
    ["another host", { ...ownMark(), host: "elsewhere" }],
    ["another container of this host", {
      ...ownMark(),
      boot: ownMark().boot.replace(/\d+\]$/, "1]"),
    }],
    ["a watcher that knows other times", { ...ownMark(), started: "Mon Jan  1 00:00:00 2024" }],
  ] as const
) {
  Deno.test(`a lease of ${who} ends when its beats stand still for long, by the own clock alone`, () =>
    withLease({ ...mark, pid: 1 }, (look, journal) => {
      assert.equal(look(0), false);
      assert.equal(look(100), false);
      journal.run("UPDATE leases SET beat = beat + 1");
      assert.equal(look(100), false, "it has beaten");
      assert.equal(look(119), false);
      assert.equal(look(2), true);
    }));
}

Deno.test("a process that has ended is known to be dead, through /proc and through ps alike", async () => {
  const child = new Deno.Command("sleep", { args: ["60"], stdout: "null" }).spawn();
  const marks = [PROC, PS].map((source) => ({ source, started: source.startOf(child.pid) }));
  for (const { source, started } of marks) {
    assert.ok(started, source.kind);
    assert.equal(source.kindOf(started), source.kind);
    assert.equal(source.startOf(child.pid), started);
  }
  const mark = { ...ownMark(), pid: child.pid, started: marks[0]!.started! };
  assert.equal(isAlive(mark), true);
  child.kill("SIGKILL");
  await child.status;
  for (const { source } of marks) assert.equal(source.startOf(child.pid), "", source.kind);
  assert.equal(isAlive(mark), false);
});

Deno.test("what was started under a lease is found with all that it started, and killed", async () => {
  const token = `test-${crypto.randomUUID()}`;
  const child = new Deno.Command("sh", {
    args: ["-c", "sh -c 'trap \"\" TERM; sleep 61; sleep 61' & sleep 61"],
    env: { [LEASE_VARIABLE]: token },
    stdout: "null",
  }).spawn();
  const count = () =>
    [PROC, PS].map((source) => source.withEnvironment(`${LEASE_VARIABLE}=${token}`).length);
  for (let i = 0; i < 100 && count()[0]! < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(count(), [4, 4]);
  assert.equal(killMarked(token), 4);
  assert.deepEqual(count(), [0, 0]);
  await child.status;
});
