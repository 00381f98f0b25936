/** A week of nights that arrive file by file, under watchers that are killed all the time. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readManifest } from "../stages/manifest_file.ts";
import { runGppy } from "../tests/run_program.ts";
import { FAST, output, pause, start, untilStirred, waitUntil } from "./_processes.ts";
import { CHANNEL, SlackServer, TOKEN } from "./_slack_server.ts";
import { allSettled, World } from "./_watch_world.ts";
import type { Journal, Night } from "./journal.ts";
import { Outbox } from "./outbox.ts";

/** Of the clock of the week: a minute takes a tenth of a second. */
const SPEED = 600;
const KILLS = 50;
const NAMES = ["7DT01", "7DT02", "7DT03"];
const POISONED = "2024-05-03_gain2750";
const TOO = "2024-05-04_ToO_gain2750";
/** One of its lights makes its stage crash, the first time. */
const CRASHING = "2024-05-05_gain2750";
const SETTINGS = {
  ...FAST,
  graceS: 90,
  brokenGraceS: 7200,
  pollS: 30,
  recheckS: 120,
  leaseS: 600,
};

Deno.test("a week of three units, killed at 50 random instants: nothing is lost, doubled or blocked", async () => {
  await using world = await World.make();
  await using server = new SlackServer();
  const env = {
    GPPY_TEST_CURATE: "1",
    GPPY_SLACK_TOKEN: TOKEN,
    GPPY_SLACK_CHANNEL: CHANNEL.name,
    GPPY_SLACK_API_URL: server.url,
  };
  const begin = (how: "local" | "process") =>
    start(world, ["watch", how, JSON.stringify(SETTINGS), String(SPEED)], env);
  watchOrder(world);
  const lights = new Map<string, number>();
  let over = false;
  const arriving = arrive(world, lights).finally(() => over = true);
  let kills = 0;
  using journal = world.journal();
  for (let round = 0; kills < KILLS || !over; round++) {
    const children = [begin(round % 5 === 0 ? "process" : "local")];
    if (round % 10 === 9) children.push(begin("local"));
    await untilStirred(journal, 2000);
    await pause(Math.random() * 400);
    for (const child of children) child.kill("SIGKILL");
    kills += children.length;
    await Promise.all(children.map(output));
  }
  await arriving;
  const last = begin("local");
  const nights = await waitUntil(world, (all) => isOver(world, all, lights.size), 240_000);
  last.kill("SIGTERM");
  const { stderr } = await output(last);
  assert.equal(nights.length, 22, stderr);
  for (const night of nights) await checkNight(world, journal, night, lights.get(night.path) ?? 0);
  checkWatching(journal);
  await checkLogs(world, nights);
  checkNotices(journal, server);
  await checkProducts(world, nights);
});

/** All nights came to their end, all that came of it was said, and no file is left to be taken. */
function isOver(world: World, nights: readonly Night[], wanted: number): boolean {
  if (nights.length !== wanted || !allSettled(nights)) return false;
  if (!nights.every(({ signature, runSignature }) => signature === runSignature)) return false;
  using outbox = new Outbox(world.journalPath);
  using journal = world.journal();
  const told = journal.get("SELECT count(*) AS n FROM notices WHERE sent IS NULL");
  return told?.["n"] === 0 && outbox.waiting() === 0;
}

/**
 * Lets the journal itself watch over each step that is taken: a target of opportunity whose
 * next step could be taken goes before every other night, and no night is taken twice.
 */
function watchOrder(world: World): void {
  using journal = world.journal();
  const free = "n.state = 'ready' AND n.id <> NEW.night AND " +
    "NOT EXISTS (SELECT 1 FROM leases l WHERE l.night = n.id)";
  const isUrgent = "(SELECT priority FROM nights WHERE id = NEW.night)";
  const count = (what: string, when: string) =>
    `CREATE TRIGGER ${what} AFTER INSERT ON stages WHEN ${when} BEGIN
       INSERT INTO facts VALUES ('test ${what}', '1') ON CONFLICT (key) DO UPDATE SET value = value + 1;
     END;`;
  journal.database.exec([
    count("first", `${isUrgent} = 1 AND EXISTS (SELECT 1 FROM nights n WHERE ${free})`),
    count(
      "late",
      `${isUrgent} = 0 AND EXISTS (SELECT 1 FROM nights n WHERE n.priority = 1 AND ${free})`,
    ),
    count(
      "twice",
      "(SELECT count(*) FROM stages WHERE night = NEW.night AND ended IS NULL) > 1",
    ),
  ].join("\n"));
}

function checkWatching(journal: Journal): void {
  const seen = (what: string) => Number(journal.fact(`test ${what}`) ?? 0);
  assert.ok(seen("first") > 0, "the target of opportunity overtook");
  assert.equal(seen("late"), 0, "and nothing went before it");
  assert.equal(seen("twice"), 0, "no night was worked on twice at once");
  const lost = journal.get("SELECT count(*) AS n FROM stages WHERE outcome = 'lost'");
  assert.ok(Number(lost?.["n"]) > 5, `kills that hit a stage: ${lost?.["n"]}`);
  assert.equal(journal.get("PRAGMA integrity_check")?.["integrity_check"], "ok");
}

/** A week arrives file by file at random pace; now and then a file is cut off and completed later. */
async function arrive(world: World, lights: Map<string, number>): Promise<void> {
  await Promise.all(NAMES.map(async (unit) => {
    for (let day = 1; day <= 7; day++) {
      await arriveNight(world, lights, [unit, `2024-05-0${day}_gain2750`]);
      if (unit === "7DT01" && day === 4) await arriveNight(world, lights, [unit, TOO]);
    }
  }));
}

async function arriveNight(
  world: World,
  lights: Map<string, number>,
  [unit, folder]: readonly [string, string],
): Promise<void> {
  const strange = unit === "7DT02" && folder === POISONED
    ? "POISON"
    : unit === "7DT03" && folder === CRASHING
    ? "ONCE"
    : "T2";
  const objects = ["T1", "SLOW", strange, "BAD", "T1"];
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

/** Every run ended, each step done once, one start and one finish, every light accounted for. */
async function checkNight(
  world: World,
  journal: Journal,
  night: Night,
  lights: number,
): Promise<void> {
  const name = `${night.unit} ${night.folder}`;
  const notices = journal.all("SELECT kind FROM notices WHERE night = ? ORDER BY id", night.id)
    .map((row) => String(row["kind"])).filter((kind) => kind !== "incomplete");
  if (night.path === world.night("7DT02", POISONED)) {
    assert.equal(night.state, "parked", name);
    assert.match(night.error ?? "", /a defect that this night brings out/);
    assert.equal(notices.filter((kind) => kind === "parked").length, 1, `${name}: ${notices}`);
    assert.equal(notices.filter((kind) => kind === "finish").length, 0, `${name}: ${notices}`);
    return;
  }
  assert.equal(night.state, "partial", name);
  const crashes = night.path === world.night("7DT03", CRASHING) ? 1 : 0;
  for (let run = 1; run <= night.run; run++) checkRun(journal, night, run);
  const failed = notices.filter((kind) => kind === "failure").length;
  assert.equal(failed, crashes, `${name}: ${notices}`);
  const wanted = Array.from({ length: night.run }, () => ["start", "finish"]).flat();
  assert.deepEqual(notices.filter((kind) => kind !== "failure"), wanted, name);
  const states = journal.all("SELECT state FROM frames WHERE night = ?", night.id)
    .map((row) => row["state"]);
  assert.equal(states.length, lights, name);
  assert.equal(states.filter((state) => state === "used").length, lights - 1, name);
  assert.equal(states.filter((state) => state === "left").length, 1, name);
  assert.equal((await world.joined(night.unit, night.folder)).length, lights - 1, name);
}

function checkRun(journal: Journal, night: Night, run: number): void {
  const rows = journal.all(
    "SELECT step, outcome FROM stages WHERE night = ? AND run = ?",
    night.id,
    run,
  );
  for (const step of [0, 1, 2, 3]) {
    const ends = rows.filter((row) => row["step"] === step).map((row) => String(row["outcome"]));
    const what = `${night.unit} ${night.folder} run ${run} step ${step}: ${ends}`;
    assert.equal(ends.filter((end) => end === "done" || end === "skipped").length, 1, what);
  }
}

/** The CSV log has one line a run. */
async function checkLogs(world: World, nights: readonly Night[]): Promise<void> {
  for (const unit of NAMES) {
    const lines = (await Deno.readTextFile(world.site.paths.log(unit))).trim().split("\n");
    const runs = nights.filter((night) => night.unit === unit).map(({ run }) => run);
    assert.equal(lines.length - 1, runs.reduce((a, b) => a + b), `${unit}: one line a run`);
    assert.ok(lines.slice(1).every((line) => line.split(",").length === 4));
  }
}

/** What the journal noted was said in the channel, each event once. */
function checkNotices(journal: Journal, server: SlackServer): void {
  const said = server.messages.map(({ text }) => text).filter((text) => !/digest/.test(text));
  const noted = Number(journal.get("SELECT count(*) AS n FROM notices")?.["n"]);
  assert.equal(said.length, noted, said.toSorted().join("\n"));
  const parked = said.filter((text) => text.startsWith(":no_entry:"));
  assert.equal(parked.length, 1, parked.join("\n"));
  assert.match(parked[0] ?? "", /7DT02.* 2024-05-03.*parked in copy \(try 3\)/);
}

/** Tree, work folders and manifests are in order, for `gppy verify` itself. */
async function checkProducts(world: World, nights: readonly Night[]): Promise<void> {
  const { processed, work, base } = world.site.paths;
  const done = nights.filter(({ state }) => state !== "parked");
  const works = done.map(({ unit, folder }) => join(work, unit, folder));
  const verified = await runGppy(["verify", "--base", base, processed, ...works]);
  assert.equal(verified.code, 0, verified.stdout);
  assert.match(verified.stderr, /nothing wrong/);
  for (const folder of works) {
    const { products } = await readManifest(join(folder, "03-curate.json"));
    const curated = products.filter(({ path }) => path.startsWith(`${processed}/`));
    const kinds = ["frame", "stack", "header"].map((kind) =>
      curated.filter((product) => product.kind === kind).length
    );
    assert.deepEqual(kinds, [4, 1, 5], folder);
  }
}
