/** What goes wrong around the watcher: poison, clocks, disks, folders. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fastClock } from "./clock.ts";
import { refuseIfWatched } from "./night_guard.ts";
import { allSettled, localExecutor, World } from "./_watch_world.ts";
import type { Journal, Night } from "./journal.ts";
import { parkNight, retryNight } from "./nights.ts";

const NIGHT = "2024-04-23_gain2750";
const LATER = "2024-04-24_gain2750";

function kinds(world: World): string[] {
  return world.told.map(({ kind }) => kind);
}

Deno.test("a poisoned night is tried with growing waits and parked with one notice; later nights go on", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1", "POISON"]);
  await world.addLights("7DT01", LATER, ["T1"]);
  const clock = fastClock(3000);
  const nights = await world.watch(allSettled, { clock, settings: { graceS: 30, recheckS: 900 } });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} parked 1`, `7DT01 ${LATER} done 1`]);
  const about = world.told.filter(({ body }) => body.folder === NIGHT);
  assert.deepEqual(about.map(({ kind, body }) => `${kind} ${body.retryInS ?? ""}`.trim()), [
    "start",
    "failure 60",
    "failure 3600",
    "parked",
  ]);
  assert.match(about[3]?.body.message ?? "", /a defect that this night brings out/);
  using journal = world.journal();
  const rows = journal.all(
    "SELECT n.folder, s.name, s.outcome FROM stages s JOIN nights n ON n.id = s.night ORDER BY s.id",
  ).map((row) => Object.values(row).join(" "));
  assert.equal(rows.indexOf(`${LATER} join done`) < rows.lastIndexOf(`${NIGHT} copy failed`), true);
  assert.equal(retryNight(journal, nights[0]!.id), true);
  assert.equal(journal.night(nights[0]!.id)?.state, "ready");
});

for (const days of [-30, 30]) {
  const way = days < 0 ? "back" : "on";
  Deno.test(`a wall clock that is set ${way} neither skips nor lengthens a wait`, async () => {
    await using world = await World.make();
    await world.addLights("7DT01", NIGHT, ["POISON"]);
    const clock = fastClock(200);
    let failed = Infinity;
    let again = 0;
    await world.watch(([night]) => {
      if (night?.state === "retry" && failed === Infinity) {
        failed = clock.mono();
        clock.jump(days * 86_400_000);
      }
      if (night?.attempts === 2) again = clock.mono();
      return again > 0;
    }, { clock, settings: { graceS: 5 } });
    assert.ok(again - failed >= 60_000 - 5000, `waited ${again - failed} ms`);
    assert.ok(again - failed < 600_000, `waited ${again - failed} ms`);
  });
}

Deno.test("a wait that outlives its watcher is no longer than it was, though the clock was set back", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["POISON"]);
  const clock = fastClock(200);
  const settings = { graceS: 5 };
  let failed = Infinity;
  await world.watch(([night]) => {
    if (night?.state !== "retry") return false;
    failed = clock.mono();
    return true;
  }, { clock, settings });
  clock.jump(-30 * 86_400_000);
  let again = 0;
  await world.watch(([night]) => {
    if (night?.attempts === 2) again = clock.mono();
    return again > 0;
  }, { clock, settings });
  assert.ok(again - failed >= 60_000 - 1000, `waited ${again - failed} ms`);
  assert.ok(again - failed < 600_000, `waited ${again - failed} ms`);
});

Deno.test("files that still change keep a night from beginning, whatever the wall clock says", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  const clock = fastClock(1000);
  const begin = clock.mono();
  let jumped = false;
  const nights = await world.watch(([night]) => {
    if (night && !jumped) {
      clock.jump(86_400_000);
      jumped = true;
    }
    return allSettled(night ? [night] : []);
  }, { clock, settings: { graceS: 600 } });
  assert.ok(clock.mono() - begin >= 600_000);
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
});

Deno.test("a night folder that vanishes is said once and comes back when it comes back", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  const path = world.night("7DT01", NIGHT);
  await world.watch((nights) => nights.length === 1, { settings: { graceS: 60 } });
  await Deno.rename(path, join(world.folder, "elsewhere"));
  await world.watch(([night]) => night?.state === "vanished", { settings: { graceS: 60 } });
  assert.deepEqual(kinds(world), ["vanished"]);
  await Deno.rename(join(world.folder, "elsewhere"), path);
  const nights = await world.watch(allSettled);
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
  assert.deepEqual(kinds(world), ["vanished", "start", "finish"]);
});

Deno.test("a work folder that was removed makes the run begin again from its frames", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  const local = localExecutor(world.site);
  let removed = false;
  const nights = await world.watch(allSettled, {
    executor: async (task, signal) => {
      if (task.name === "join" && !removed) {
        removed = true;
        await Deno.remove(join(world.site.paths.work, "7DT01", NIGHT), { recursive: true });
      }
      return await local(task, signal);
    },
  });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
  assert.deepEqual(kinds(world), ["start", "finish"]);
});

Deno.test("too little disk or memory pauses, says so once, and goes on by itself", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  let waited: readonly Night[] = [];
  await world.watch((nights, journal) => {
    waited = nights;
    return journal.fact("paused") === "disk";
  }, { settings: { minFreeDiskGb: 1e9 } });
  assert.deepEqual(World.states(waited), [`7DT01 ${NIGHT} ready 1`]);
  await world.watch(() => true, { settings: { minFreeDiskGb: 1e9 } });
  const nights = await world.watch(allSettled);
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
  assert.deepEqual(kinds(world), ["paused", "resumed", "start", "finish"]);
  assert.match(world.told[0]?.body.message ?? "", /^disk: .* GB free in/);
});

Deno.test("a pause ends by itself also when nothing waits any more", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  const paused = (_: unknown, journal: Journal) => journal.fact("paused") === "memory";
  await world.watch(paused, { settings: { minFreeMemoryGb: 1e9 } });
  {
    using journal = world.journal();
    assert.equal(parkNight(journal, 1, "clouds"), true);
  }
  await world.watch((_, journal) => journal.fact("paused") === "");
  assert.deepEqual(kinds(world), ["paused", "resumed"]);
});

Deno.test("a disk that fills up within a stage is tried again for hours before the night is parked", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["FULL"]);
  const clock = fastClock(50_000);
  await world.watch(allSettled, { clock, settings: { graceS: 60, recheckS: 9000 } });
  assert.deepEqual(
    world.told.map(({ kind, body }) => `${kind} ${(body.retryInS ?? 0) / 60}`),
    ["start 0", "failure 5", "failure 30", "failure 120", "failure 360", "parked 0"],
  );
});

Deno.test("an output folder that cannot be written to is tried again, then all is well", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  await Deno.mkdir(world.site.paths.work, { recursive: true });
  const blocked = join(world.site.paths.work, "7DT01");
  await Deno.writeTextFile(blocked, "a file where a folder should be");
  const clock = fastClock(2000);
  const nights = await world.watch(([night]) => {
    if (night?.state === "retry") {
      try {
        Deno.removeSync(blocked);
      } catch {
        // removed already
      }
    }
    return allSettled(night ? [night] : []);
  }, { clock, settings: { graceS: 30 } });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
});

Deno.test("gppy run is kept away from a night that a watcher works on, and from no other", async () => {
  await using world = await World.make();
  const source = world.night("7DT01", NIGHT);
  refuseIfWatched(world.site, source);
  await world.addLights("7DT01", NIGHT, ["SLOW", "SLOW"]);
  let refused = 0;
  await world.watch((nights) => {
    if (nights[0]?.running) {
      assert.throws(() => refuseIfWatched(world.site, source), /a watcher works on it \(process/);
      refused++;
    }
    return allSettled(nights);
  });
  assert.ok(refused > 0);
  refuseIfWatched(world.site, source);
});
