/** Nights that arrive and are done. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { allSettled, World } from "./_watch_world.ts";
import { parkNight, redoNight, retryNight } from "./nights.ts";
import { unsentNotices } from "./notices.ts";
import { reconcile } from "./reconcile.ts";
import { realClock } from "./clock.ts";

const NIGHT = "2024-04-23_gain2750";
const LATER = "2024-04-24_gain2750";
const TOO = "2024-04-25_ToO_gain2750";

function kinds(world: World): string[] {
  return world.told.map(({ kind }) => kind);
}

Deno.test("a night that has arrived goes through every stage, once", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1", "T1", "BAD"]);
  const nights = await world.watch(allSettled);
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} partial 1`]);
  assert.deepEqual(await world.joined("7DT01", NIGHT), ["copy_light_1", "copy_light_2"]);
  using journal = world.journal();
  const tries = journal.all("SELECT name, outcome FROM stages ORDER BY id");
  assert.deepEqual(tries.map(({ name, outcome }) => `${name} ${outcome}`), [
    "ingest done",
    "copy done",
    "join done",
  ]);
  const frames = journal.all("SELECT id, state, reached, stage FROM frames ORDER BY id");
  assert.deepEqual(frames.map((row) => Object.values(row)), [
    ["light_1", "used", "stack", null],
    ["light_2", "used", "stack", null],
    ["light_3", "left", null, "copy"],
  ]);
  assert.deepEqual(kinds(world), ["start", "finish"]);
  assert.deepEqual(world.told[1]?.body.counts, { raw: 3, frame: 2, stack: 1 });
  const log = await Deno.readTextFile(world.site.paths.log("7DT01"));
  assert.match(log, /^date,start,end,note\n2024-04-23,[^,]+,[^,]+,partial\n$/);
  const metrics = await Deno.readTextFile(join(world.site.paths.base, "journal", "gppy.prom"));
  assert.match(metrics, /^gppy_nights\{unit="7DT01",state="partial"\} 1$/m);
  assert.match(metrics, /^gppy_queue_length 0$/m);
  assert.match(metrics, /^gppy_disk_free_bytes\{folder="[^"]+"\} \d+$/m);
});

Deno.test("test nights, other names and files are left alone", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  await world.addLights("7DT01", "2024-04-23_test_gain2750", ["T1"]);
  await world.addLights("7DT01", "2024-04-23_gain0", ["T1"]);
  await Deno.writeTextFile(world.night("7DT01", LATER), "no folder");
  const nights = await world.watch(allSettled);
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
});

Deno.test("a target of opportunity overtakes at the border of a stage", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["SLOW", "SLOW", "SLOW"]);
  await world.addLights("7DT02", LATER, ["T1"]);
  let added: Promise<string[]> | undefined;
  await world.watch((nights) => {
    const first = nights.find((night) => night.folder === NIGHT);
    if (first?.running && first.step === 1) added ??= world.addLights("7DT03", TOO, ["T1"]);
    return nights.length === 3 && allSettled(nights);
  });
  using journal = world.journal();
  const rows = journal.all(
    "SELECT n.folder, s.name FROM stages s JOIN nights n ON n.id = s.night ORDER BY s.id",
  ).map(({ folder, name }) => `${folder} ${name}`);
  assert.deepEqual(rows, [
    `${NIGHT} ingest`,
    `${NIGHT} copy`,
    `${TOO} ingest`,
    `${TOO} copy`,
    `${TOO} join`,
    `${NIGHT} join`,
    `${LATER} ingest`,
    `${LATER} copy`,
    `${LATER} join`,
  ]);
});

Deno.test("a night waits for a truncated file and takes it when it is whole", async () => {
  await using world = await World.make();
  const [path = ""] = await world.addLights("7DT01", NIGHT, ["T1", "T1"]);
  const whole = await Deno.readFile(path);
  await Deno.writeFile(path, whole.subarray(0, 2900));
  let seen = "";
  await world.watch(([night]) => {
    seen = night?.waitingFor ?? "";
    return /not whole/.test(seen);
  }, { settings: { brokenGraceS: 60 } });
  assert.match(seen, /^1 files are not whole, such as light_1\.fits: .*truncated/);
  await Deno.writeFile(path, whole);
  const nights = await world.watch(allSettled, { settings: { brokenGraceS: 60 } });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
  assert.equal((await world.joined("7DT01", NIGHT)).length, 2);
});

Deno.test("a file that stays truncated is left behind after a while, and makes an addendum later", async () => {
  await using world = await World.make();
  const [path = ""] = await world.addLights("7DT01", NIGHT, ["T1", "T1"]);
  const whole = await Deno.readFile(path);
  await Deno.writeFile(path, whole.subarray(0, 2900));
  const first = await world.watch(allSettled);
  assert.deepEqual(World.states(first), [`7DT01 ${NIGHT} partial 1`]);
  assert.deepEqual(kinds(world), ["incomplete", "start", "finish"]);
  assert.deepEqual(world.told[0]?.body.frames, ["light_1.fits"]);
  await Deno.writeFile(path, whole);
  const second = await world.watch(([night]) => night?.run === 2 && allSettled([night]));
  assert.deepEqual(World.states(second), [`7DT01 ${NIGHT} done 2`]);
  assert.equal((await world.joined("7DT01", NIGHT)).length, 2);
  const log = await Deno.readTextFile(world.site.paths.log("7DT01"));
  assert.deepEqual(log.trim().split("\n").map((line) => line.split(",").at(-1)), [
    "note",
    "partial",
    "done (addendum 1)",
  ]);
});

Deno.test("a late file makes an addendum, also when it comes while the night is worked on", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["SLOW", "SLOW"]);
  let added: Promise<string[]> | undefined;
  const nights = await world.watch(([night]) => {
    if (night?.running && night.step === 1) added ??= world.addLights("7DT01", NIGHT, ["T1"]);
    return night?.run === 2 && allSettled([night]);
  });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 2`]);
  assert.equal((await world.joined("7DT01", NIGHT)).length, 3);
  assert.deepEqual(kinds(world), ["start", "finish", "start", "finish"]);
  assert.deepEqual(world.told.map(({ body }) => body.run), [1, 1, 2, 2]);
});

Deno.test("a parked night stays aside until it is retried, and a done one can be done again", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  await world.watch((nights) => nights.length === 1, { settings: { graceS: 60 } });
  {
    using journal = world.journal();
    assert.equal(parkNight(journal, 1, "clouds"), true);
  }
  await world.addLights("7DT01", NIGHT, ["T1"]);
  await world.addLights("7DT02", NIGHT, ["T1"]);
  const aside = await world.watch((nights) => nights.length === 2 && allSettled(nights));
  assert.deepEqual(World.states(aside), [`7DT01 ${NIGHT} parked 0`, `7DT02 ${NIGHT} done 1`]);
  {
    using journal = world.journal();
    assert.equal(retryNight(journal, 1), true);
  }
  const done = await world.watch((nights) => allSettled(nights) && nights[0]?.state === "done");
  assert.deepEqual(World.states(done), [`7DT01 ${NIGHT} done 1`, `7DT02 ${NIGHT} done 1`]);
  {
    using journal = world.journal();
    assert.equal(redoNight(journal, 1), true);
  }
  const again = await world.watch(([night]) => night?.run === 2 && allSettled([night]));
  assert.equal(again[0]?.state, "done");
});

Deno.test("the daily account finds a light that a run has lost", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1", "T1", "BAD"]);
  await world.watch(allSettled);
  using journal = world.journal();
  const options = { units: ["7DT01"], nights: 7 };
  const { lights, used, left, unaccounted } = reconcile(journal, options, realClock);
  assert.deepEqual({ lights, used, left, unaccounted }, {
    lights: 3,
    used: 2,
    left: 1,
    unaccounted: 0,
  });
  journal.run("UPDATE frames SET state = 'unaccounted' WHERE id = 'light_2'");
  assert.equal(reconcile(journal, options, realClock).unaccounted, 1);
  assert.equal(reconcile(journal, options, realClock).unaccounted, 1);
  const notices = unsentNotices(journal);
  assert.deepEqual(notices.map(({ kind, body }) => [kind, body.frames]), [
    ["unaccounted", ["light_2"]],
  ]);
});

Deno.test("several nights run at once when that is allowed", async () => {
  await using world = await World.make();
  for (const unit of ["7DT01", "7DT02", "7DT03"]) await world.addLights(unit, NIGHT, ["SLOW"]);
  let most = 0;
  await world.watch((nights) => {
    most = Math.max(most, nights.filter(({ running }) => running).length);
    return nights.length === 3 && allSettled(nights);
  }, { settings: { concurrency: 2 } });
  assert.equal(most, 2);
});

Deno.test("raw folders are never written to", async () => {
  await using world = await World.make();
  const paths = await world.addLights("7DT01", NIGHT, ["T1", "BAD"]);
  await world.watch(allSettled);
  const names = [...Deno.readDirSync(world.night("7DT01", NIGHT))].map(({ name }) => name).sort();
  assert.deepEqual(names, paths.map((path) => basename(path)).sort());
});

Deno.test("a new night is seen by its file events, without waiting for the next look", async () => {
  await using world = await World.make();
  let writing: Promise<string[]> | undefined;
  const nights = await world.watch((all) => {
    writing ??= new Promise((resolve) => setTimeout(resolve, 300))
      .then(() => world.addLights("7DT01", NIGHT, ["T1"]));
    return all.length === 1;
  }, { settings: { pollS: 3600 } });
  await writing;
  assert.equal(nights[0]?.state, "arriving");
});

Deno.test("a new night is found by looking where there are no file events", async () => {
  await using world = await World.make();
  let writing: Promise<string[]> | undefined;
  const nights = await world.watch((all) => {
    writing ??= new Promise((resolve) => setTimeout(resolve, 300))
      .then(() => world.addLights("7DT01", NIGHT, ["T1"]));
    return allSettled(all);
  }, { settings: { events: false } });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
});
