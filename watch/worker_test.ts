/** Steps in processes of their own that lose their device or their memory, or hang. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { TEST_WEBGPU } from "../gpu/testing.ts";
import { readManifest } from "../stages/manifest_file.ts";
import { countMarked, workers } from "./_processes.ts";
import { allSettled, World } from "./_watch_world.ts";
import { classify } from "./failures.ts";
import type { Night } from "./journal.ts";

const NIGHT = "2024-04-23_gain2750";
const HEALTHY = "2024-04-24_gain2750";

/** The first night waits for another try, the one after it is done. */
function firstFailed([first, second]: readonly Night[]): boolean {
  return first?.state === "retry" && second?.state === "done";
}

function classOf({ errorClass, error }: Night): string {
  const known = { name: errorClass ?? "", message: error ?? "", retryable: false, exitCode: 70 };
  return classify(known);
}

Deno.test({
  name:
    "a graphics device that is lost within a stage, twice: the stage ends well on the processor",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    await using world = await World.make();
    await world.addLights("7DT01", NIGHT, ["T1", "GPU"]);
    const executor = workers(world, { device: "webgpu" });
    const [night] = await world.watch(allSettled, { executor, limitMs: 60_000 });
    assert.deepEqual([night?.state, night?.error], ["done", null]);
    const path = join(world.site.paths.work, "7DT01", NIGHT, "01-copy.json");
    const { stages } = await readManifest(path);
    assert.match(stages.at(-1)?.device ?? "", /^webgpu .*, then webgpu .*, then cpu/);
  },
});

Deno.test("a graphics device that cannot be had fails the stage, loses no frame and is tried again", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1", "GPU"]);
  const env = { DENO_WEBGPU_BACKEND: "metal" };
  const broken = workers(world, { device: "webgpu", env });
  const [night] = await world.watch(([first]) => first?.state === "retry", { executor: broken });
  assert.deepEqual([night?.state, night?.errorClass], ["retry", "GpuError"]);
  using journal = world.journal();
  journal.run("UPDATE nights SET state = 'ready'");
  const done = await world.watch(allSettled, { executor: workers(world) });
  assert.deepEqual(World.states(done), [`7DT01 ${NIGHT} done 1`]);
  assert.equal((await world.joined("7DT01", NIGHT)).length, 2);
});

for (const [object, what] of [["PIXELS", "arrays"], ["OBJECTS", "objects"]] as const) {
  Deno.test(`memory that is gone, in ${what}, is a failure of the place, and the next night is done`, async () => {
    await using world = await World.make();
    await world.addLights("7DT01", NIGHT, [object]);
    await world.addLights("7DT01", HEALTHY, ["T1"]);
    const executor = workers(world, { prefix: ["prlimit", `--data=${700 << 20}`, "--core=0"] });
    const nights = await world.watch(firstFailed, { executor, limitMs: 60_000 });
    assert.deepEqual(World.states(nights), [
      `7DT01 ${NIGHT} retry 1`,
      `7DT01 ${HEALTHY} done 1`,
    ]);
    assert.equal(classOf(nights[0]!), "place", nights[0]!.error ?? "");
    assert.equal(world.told.filter(({ kind }) => kind === "failure").length, 1);
  });
}

Deno.test("a program that hangs and does not heed SIGTERM is ended with all that it started", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["HANG"]);
  await world.addLights("7DT01", HEALTHY, ["T1"]);
  let token = "";
  let most = 0;
  const executor = workers(world, { timeLimitS: 3 });
  const nights = await world.watch((all, journal) => {
    const lease = journal.get("SELECT token FROM leases WHERE night = 1")?.["token"];
    if (lease) {
      token = String(lease);
      most = Math.max(most, countMarked(token));
    }
    return firstFailed(all);
  }, { executor, limitMs: 60_000 });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} retry 1`, `7DT01 ${HEALTHY} done 1`]);
  assert.equal(nights[0]?.errorClass, "timeout");
  assert.ok(most >= 4, `the worker, the shell and two programs ran: ${most}`);
  assert.equal(countMarked(token), 0);
});

Deno.test("a folder that vanishes while its night is worked on is said once, and nothing else stops", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["SLOW", "SLOW", "SLOW", "SLOW", "SLOW"]);
  await world.addLights("7DT02", NIGHT, ["T1"]);
  const path = world.night("7DT01", NIGHT);
  const away = join(world.folder, "away");
  let gone = false;
  const nights = await world.watch((all) => {
    const [first, second] = all;
    if (!gone && first?.running && first.step === 1) {
      gone = true;
      Deno.renameSync(path, away);
    }
    return first?.state === "vanished" && second?.state === "done";
  }, { settings: { concurrency: 2 } });
  assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} vanished 1`, `7DT02 ${NIGHT} done 1`]);
  const about = world.told.filter(({ body }) => body.unit === "7DT01").map(({ kind }) => kind);
  assert.deepEqual(about, ["start", "failure", "vanished"]);
  await Deno.rename(away, path);
  const back = await world.watch(allSettled);
  assert.deepEqual(World.states(back), [`7DT01 ${NIGHT} done 1`, `7DT02 ${NIGHT} done 1`]);
  assert.equal((await world.joined("7DT01", NIGHT)).length, 5);
});
