/** Watchers as real processes: races, signals, programs that hang. */

import assert from "node:assert/strict";
import { countMarked, FAST, output, pause, start, startWatch, waitUntil } from "./_processes.ts";
import { allSettled, World } from "./_watch_world.ts";

const NIGHT = "2024-04-23_gain2750";

Deno.test("four watchers at once never take one of 1000 nights twice", async () => {
  await using world = await World.make();
  {
    using journal = world.journal();
    journal.transaction(() => {
      for (let i = 0; i < 1000; i++) {
        journal.run(
          "INSERT INTO nights (unit, date, folder, path, state, run, first_seen) " +
            "VALUES ('7DT01', '2024-04-23', ?, ?, 'ready', 1, 0)",
          `n${i}`,
          `/n${i}`,
        );
      }
    });
  }
  const racers = [1, 2, 3, 4].map(() => start(world, ["race", "7DT01"]));
  const ready = "SELECT count(*) AS n FROM facts WHERE key GLOB 'ready/*'";
  await waitUntil(world, (_, journal) => journal.get(ready)?.["n"] === racers.length);
  {
    using journal = world.journal();
    journal.setFact("go", "");
  }
  const ended = await Promise.all(racers.map(output));
  const lists = ended.map(({ stdout }) => stdout.trim().split("\n").filter(Boolean));
  const taken = lists.flat();
  assert.equal(taken.length, 1000, ended.map(({ stderr }) => stderr).join(""));
  assert.equal(new Set(taken).size, 1000);
  const shares = lists.map(({ length }) => length);
  assert.ok(shares.filter((share) => share > 10).length >= 2, shares.join(", "));
});

Deno.test("SIGTERM lets the running stage end, and the next watcher goes on after it", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["SLOW", "SLOW", "SLOW", "SLOW"]);
  const child = startWatch(world, "process");
  await waitUntil(world, ([night]) => night?.step === 1 && night.running);
  await pause(350);
  child.kill("SIGTERM");
  const { stderr } = await output(child);
  using journal = world.journal();
  const rows = () =>
    journal.all("SELECT name, outcome FROM stages ORDER BY id")
      .map(({ name, outcome }) => `${name} ${outcome}`);
  assert.deepEqual(rows(), ["ingest done", "copy done"], stderr);
  assert.equal(journal.get("SELECT count(*) AS n FROM leases")?.["n"], 0);
  await world.watch(allSettled);
  assert.deepEqual(rows(), ["ingest done", "copy done", "join done"]);
});

Deno.test("a stage that outlasts the time to stop is interrupted, which is no failure", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["SLEEP"]);
  const child = startWatch(world, "process", { ...FAST, stopWaitS: 0 });
  await waitUntil(world, ([night]) => night?.step === 1 && night.running);
  await pause(500);
  child.kill("SIGTERM");
  await output(child);
  using journal = world.journal();
  const [night] = journal.nights();
  assert.deepEqual([night?.state, night?.attempts, night?.running], ["ready", 0, false]);
  const last = journal.get("SELECT outcome FROM stages ORDER BY id DESC LIMIT 1");
  assert.equal(last?.["outcome"], "interrupted");
});

Deno.test("a stage that hangs is ended at its time limit and tried again", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["SLEEP"]);
  const child = startWatch(world, "process");
  await waitUntil(world, ([night]) => night?.state === "retry");
  child.kill("SIGTERM");
  await output(child);
  using journal = world.journal();
  const [night] = journal.nights();
  assert.equal(night?.errorClass, "timeout", night?.error ?? "");
  assert.match(night?.error ?? "", /still running after 3 s/);
});

Deno.test("a worker that is killed is a failure of its night alone", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["KILL"]);
  await world.addLights("7DT02", NIGHT, ["T1"]);
  const child = startWatch(world, "process");
  const nights = await waitUntil(
    world,
    (all) => all[0]?.state === "retry" && all[1]?.state === "done",
  );
  child.kill("SIGTERM");
  await output(child);
  assert.deepEqual(nights.map(({ state }) => state), ["retry", "done"]);
  assert.match(nights[0]?.error ?? "", /killed by SIGKILL/);
});

Deno.test("what a killed watcher left running is ended before its night is taken over", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["SLEEP"]);
  const child = startWatch(world, "process", { ...FAST, leaseS: 60 });
  await waitUntil(world, ([night]) => night?.step === 1 && night.running);
  await pause(300);
  using journal = world.journal();
  const token = String(journal.get("SELECT token FROM leases")?.["token"]);
  assert.equal(countMarked(token), 1);
  child.kill("SIGKILL");
  await output(child);
  let taken = "";
  await world.watch((_, open) => {
    taken = String(open.get("SELECT token FROM leases")?.["token"] ?? taken);
    return taken !== token && taken !== "";
  });
  assert.equal(countMarked(token), 0);
  const lost = journal.get("SELECT count(*) AS n FROM stages WHERE outcome = 'lost'");
  assert.equal(lost?.["n"], 1);
});
