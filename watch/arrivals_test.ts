/** Folders that cannot be looked at, and old nights whose files come late. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { logged, withLog } from "./_log_list.ts";
import { allSettled, localExecutor, World } from "./_watch_world.ts";
import type { Night } from "./journal.ts";

const NIGHT = "2024-04-23_gain2750";
const LATER = "2024-04-24_gain2750";

Deno.test("a file that nobody can read is left behind after a while, and hides no other night", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  const circle = join(world.night("7DT01", NIGHT), "light_0.fits");
  await Deno.symlink(circle, circle);
  await world.addLights("7DT02", LATER, ["T1"]);
  const nights = await world.watch((all) => all.length === 2 && allSettled(all));
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} partial 1`, `7DT02 ${LATER} done 1`]);
  assert.deepEqual(
    world.told.filter(({ kind }) => kind === "incomplete").map(({ body }) => body.frames),
    [["light_0.fits"]],
  );
  using journal = world.journal();
  const left = journal.get("SELECT state, reason FROM frames WHERE id = 'light_0'");
  assert.equal(left?.["state"], "left");
  assert.match(String(left?.["reason"]), /too many|loop|os error 40/i);
});

Deno.test("a night that cannot be looked at says why, and hides no other night", async () => {
  await using world = await World.make();
  // A folder that nobody may list: here a mount that has gone, such as a stale network handle.
  await world.addLights("7DT01", NIGHT, ["T1"]);
  await world.addLights("7DT02", LATER, ["T1"]);
  const readDirSync = Deno.readDirSync;
  let away = true;
  Deno.readDirSync = (path) => {
    if (away && String(path) === world.night("7DT01", NIGHT)) {
      throw new Error("Stale file handle (os error 116)");
    }
    return readDirSync(path);
  };
  try {
    let reason: string | null = null;
    const first = await world.watch((all) => {
      reason = all[0]?.waitingFor ?? null;
      return all[1]?.state === "done" && reason !== null;
    });
    assert.deepEqual(World.states(first), [`7DT01 ${NIGHT} arriving 0`, `7DT02 ${LATER} done 1`]);
    assert.match(reason ?? "", /^Cannot look at ".*": Stale file handle/);
    away = false;
    const nights = await world.watch(allSettled);
    assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`, `7DT02 ${LATER} done 1`]);
  } finally {
    Deno.readDirSync = readDirSync;
  }
});

Deno.test("the folder of a telescope that is away is a warning only when it has had nights", async () => {
  await using world = await World.make();
  await Deno.remove(world.night("7DT03", ""), { recursive: true });
  await world.addLights("7DT02", NIGHT, ["T1"]);
  await world.watch(allSettled);
  await Deno.remove(world.night("7DT02", ""), { recursive: true });
  await withLog(async (records) => {
    const enough = performance.now() + 500;
    const nights = await world.watch(() => performance.now() > enough);
    assert.deepEqual(World.states(nights), [`7DT02 ${NIGHT} done 1`]);
    const said = logged(records).filter((line) => line.includes("Cannot read"));
    assert.deepEqual(said.map((line) => /^(\w+): .*(7DT\d\d)"/.exec(line)?.slice(1)), [
      ["warning", "7DT02"],
      ["debug", "7DT03"],
    ]);
  });
});

Deno.test("a file that comes while an old night is worked on makes an addendum, without file events too", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  await world.addLights("7DT01", LATER, ["T1"]);
  const local = localExecutor(world.site);
  let late: Promise<string[]> | undefined;
  const wanted = ([first]: readonly Night[]) => first?.run === 2 && first.state === "done";
  const nights = await world.watch(wanted, {
    settings: { events: false, recheckNights: 0, recheckS: 0.3 },
    executor: async (task, signal) => {
      const end = await local(task, signal);
      if (task.night.folder === NIGHT && task.name === "join") {
        await (late ??= world.addLights("7DT01", NIGHT, ["T1"]));
      }
      return end;
    },
  });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 2`, `7DT01 ${LATER} done 1`]);
  assert.equal((await world.joined("7DT01", NIGHT)).length, 2);
});
