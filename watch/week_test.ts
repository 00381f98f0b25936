/** A week of nights that arrive file by file, under watchers that are killed all the time. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { digestFile, readManifest } from "../stages/manifest_file.ts";
import { FAST, output, pause, start, waitUntil } from "./_processes.ts";
import { allSettled, World } from "./_watch_world.ts";
import type { Journal, Night } from "./journal.ts";

/** Of the clock of the week: a minute takes a tenth of a second. */
const SPEED = 600;

Deno.test("a week of three units, killed at 50 random instants, loses, doubles and redoes nothing", async () => {
  await using world = await World.make();
  const lights = new Map<string, number>();
  let over = false;
  const arriving = arrive(world, lights).finally(() => over = true);
  const settings = {
    ...FAST,
    graceS: 90,
    brokenGraceS: 7200,
    pollS: 30,
    recheckS: 120,
    leaseS: 600,
  };
  const begin = (how: "local" | "process") =>
    start(world, ["watch", how, JSON.stringify(settings), String(SPEED)]);
  for (let kill = 0; kill < 50 || !over; kill++) {
    const children = [begin(kill % 5 === 0 ? "process" : "local")];
    if (kill % 10 === 9) children.push(begin("local"));
    await pause(150 + Math.random() * 500);
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(output));
  }
  await arriving;
  const last = begin("local");
  const settled = (all: readonly Night[]) =>
    all.length === lights.size && allSettled(all) &&
    all.every(({ signature, runSignature }) => signature === runSignature);
  const nights = await waitUntil(world, settled, 60_000);
  await pause(500);
  last.kill("SIGTERM");
  const { stderr } = await output(last);
  assert.equal(nights.length, 22, stderr);
  using journal = world.journal();
  for (const night of nights) await checkNight(world, journal, night, lights.get(night.path) ?? 0);
  assert.deepEqual(nights.filter(({ state }) => state === "parked").map(({ path }) => path), [
    world.night("7DT02", POISONED),
  ]);
  const lost = journal.get("SELECT count(*) AS n FROM stages WHERE outcome = 'lost'");
  assert.ok(Number(lost?.["n"]) > 0, "some kill hit a stage");
  assert.equal(journal.get("PRAGMA integrity_check")?.["integrity_check"], "ok");
  for (const unit of ["7DT01", "7DT02", "7DT03"]) {
    const lines = (await Deno.readTextFile(world.site.paths.log(unit))).trim().split("\n");
    const runs = nights.filter((night) => night.unit === unit).map(({ run }) => run);
    assert.equal(lines.length - 1, runs.reduce((a, b) => a + b), `${unit}: one line a run`);
    assert.ok(lines.slice(1).every((line) => line.split(",").length === 4));
  }
});

const POISONED = "2024-05-03_gain2750";

/** A week arrives file by file at random pace; now and then a file is cut off and completed later. */
async function arrive(world: World, lights: Map<string, number>): Promise<void> {
  const units = ["7DT01", "7DT02", "7DT03"].map(async (unit) => {
    for (let day = 1; day <= 7; day++) {
      await arriveNight(world, lights, [unit, `2024-05-0${day}_gain2750`]);
      if (unit !== "7DT01" || day !== 4) continue;
      await arriveNight(world, lights, [unit, `2024-05-04_ToO_gain2750`]);
    }
  });
  await Promise.all(units);
}

async function arriveNight(
  world: World,
  lights: Map<string, number>,
  [unit, folder]: readonly [string, string],
): Promise<void> {
  const poisoned = unit === "7DT02" && folder === POISONED;
  const objects = ["T1", "SLOW", poisoned ? "POISON" : "T2", "BAD", "T1"];
  lights.set(world.night(unit, folder), objects.length);
  for (const [index, object] of objects.entries()) {
    const [path = ""] = await world.addLights(unit, folder, [object]);
    if (index === 2) {
      const whole = await Deno.readFile(path);
      await Deno.truncate(path, 2900);
      await pause(Math.random() * 800);
      await Deno.writeFile(path, whole);
    }
    await pause(Math.random() * (index === 3 ? 1500 : 250));
  }
}

/** Every run ended, each step done once, one start and one finish, every light accounted for, products whole. */
async function checkNight(
  world: World,
  journal: Journal,
  night: Night,
  lights: number,
): Promise<void> {
  const name = `${night.unit} ${night.folder}`;
  const notices = journal.all("SELECT kind FROM notices WHERE night = ? ORDER BY id", night.id)
    .map((row) => String(row["kind"]));
  if (night.state === "parked") {
    assert.equal(notices.filter((kind) => kind === "parked").length, 1, `${name}: ${notices}`);
    return;
  }
  assert.equal(night.state, "partial", name);
  for (let run = 1; run <= night.run; run++) checkRun(journal, night, run);
  const wanted = Array.from({ length: night.run }, () => ["start", "finish"]).flat();
  assert.deepEqual(notices.filter((kind) => kind !== "incomplete"), wanted, name);
  const states = journal.all("SELECT state FROM frames WHERE night = ?", night.id)
    .map((row) => row["state"]);
  assert.equal(states.length, lights, name);
  assert.equal(states.filter((state) => state === "used").length, lights - 1, name);
  assert.equal(states.filter((state) => state === "left").length, 1, name);
  const work = join(world.site.paths.work, night.unit, night.folder);
  const manifest = await readManifest(join(work, "02-join.json"));
  for (const product of manifest.products) {
    const { bytes, sha256 } = await digestFile(product.path);
    assert.deepEqual([bytes, sha256], [product.bytes, product.sha256], product.path);
  }
}

function checkRun(journal: Journal, night: Night, run: number): void {
  const rows = journal.all(
    "SELECT step, outcome FROM stages WHERE night = ? AND run = ?",
    night.id,
    run,
  );
  for (const step of [0, 1, 2]) {
    const ends = rows.filter((row) => row["step"] === step).map((row) => String(row["outcome"]));
    const what = `${night.unit} ${night.folder} run ${run} step ${step}: ${ends}`;
    assert.equal(ends.filter((end) => end === "done" || end === "skipped").length, 1, what);
    assert.ok(!ends.includes("failed"), what);
  }
}
