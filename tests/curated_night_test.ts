/**
 * What comes after the night, by the program itself: notices to a real HTTP server, `gppy verify`
 * on what it made and on what was damaged, `gppy clean`, and that done stays done after it.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { readManifest } from "../stages/manifest_file.ts";
import { CHANNEL, SlackServer, TOKEN } from "../watch/_slack_server.ts";
import { type Ended, ROOT } from "./run_program.ts";

interface World {
  readonly folder: string;
  readonly server: SlackServer;
  gppy(args: readonly string[], env?: Record<string, string>): Promise<Ended>;
}

async function withNight(test: (world: World) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "gppy-curated-" }));
  await using server = new SlackServer();
  const shared = {
    NO_COLOR: "1",
    GPPY_CONFIG: join(folder, "site"),
    GPPY_SLACK_TOKEN: TOKEN,
    GPPY_SLACK_CHANNEL: CHANNEL.name,
    GPPY_SLACK_API_URL: server.url,
  };
  const gppy = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", join(ROOT, "cli", "main.ts"), ...args],
      env: { ...shared, ...env },
      cwd: folder,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  try {
    await test({ folder, server, gppy });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

async function assertNoToken({ folder }: World, ...runs: readonly Ended[]): Promise<void> {
  for (const { stdout, stderr } of runs) assert.ok(!(stdout + stderr).includes("very-secret"));
  for await (const path of filesBelow(folder)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(path));
    assert.ok(!text.includes("very-secret"), path);
  }
}

/** Where the simulated site has its processed tree. */
const TREE = "processed_1x1_gain2750";
const RUN = ["run", "7DT07", "2024-04-23", "-o", "night.json", "-q"];

/** Asserts that a notice has the times of the stages that ran for half a second since then, and of no other. */
async function assertTimes(text: string, path: string, began: string): Promise<void> {
  const { stages } = await readManifest(path);
  const times = /\nTimes: (.*)/.exec(text)?.[1]?.split(", ") ?? [];
  assert.ok(times.every((time) => /^[a-z]+ \d+ (s|min)/.test(time)), text);
  const named = times.map((time) => time.split(" ")[0]!);
  const ran = stages.filter(({ started }) => started >= began);
  const long = ran.filter(({ elapsedS }) => elapsedS >= 0.5).map(({ name }) => name);
  assert.ok(long.every((name) => named.includes(name)), `${long} in: ${text}`);
  assert.ok(named.every((name) => ran.some((stage) => stage.name === name)), text);
}

Deno.test("After the night: notices, verify, clean", async (t) => {
  await withNight(async (world) => {
    const { folder, server, gppy } = world;
    const small = ["--size", "700", "--lights", "2", "--filters", "m600"];
    const simulated = await gppy(["simulate", "--out", folder, "-q", ...small], {
      GPPY_CONFIG: "",
    });
    assert.equal(simulated.code, 0, simulated.stderr);
    await t.step("a night that fails says so at once, with stage and error", async () => {
      const failed = await gppy(RUN, { PATH: "/nowhere" });
      assert.equal(failed.code, 30, failed.stderr);
      assert.deepEqual(server.messages.map(({ text }) => text.split("\n")[0]), [
        ":telescope: *7DT07* 2024-04-23: started",
        ":red_circle: *7DT07* 2024-04-23: failed in astrom: ExternalToolError",
      ]);
      await assertNoToken(world, failed);
    });
    await t.step("the next run goes on, and tells what came of it, with a picture", async () => {
      server.messages.length = 0;
      server.fail("chat.postMessage", { status: 429, headers: { "retry-after": "2" } });
      const began = new Date().toISOString();
      const done = await gppy(RUN);
      assert.equal(done.code, 0, done.stderr);
      const [start, finish] = server.messages;
      assert.equal(server.messages.length, 2);
      assert.match(start!.text, /: started$/);
      assert.match(finish!.text, /: done in \d+ s: 2 frames from 17 raw ones, 1 stacks, 1 diff/);
      assert.match(finish!.text, /\nDepth \(5σ\): 1\d\.\d\d mag\n/);
      assert.match(finish!.text, /\nTransients: \d+ of \d+ candidates\n/);
      await assertTimes(finish!.text, join(folder, "night.json"), began);
      assert.deepEqual(server.files.map(({ thread }) => thread), [finish!.ts]);
      await assertNoToken(world, done);
    });
    await t.step("what it made is in order", () => checkOrder(world));
    await t.step("damage is named, with exit code 20", () => checkDamage(world));
    await t.step("clean frees the work folder, and done stays done", () => checkClean(world));
    await t.step("the digest goes out once, and the list says what was sent", async () => {
      server.messages.length = 0;
      for (let i = 0; i < 2; i++) assert.equal((await gppy(["notices", "--digest"])).code, 0);
      assert.equal(server.messages.length, 1);
      assert.match(server.messages[0]!.text, /Morning digest/);
      const list = await gppy(["notices", "-q"]);
      assert.match(list.stdout, /sent {5}:sunrise:.*Morning digest.*\n0 wait\n$/);
      await assertNoToken(world, list);
    });
  });
});

async function checkOrder({ folder, gppy }: World): Promise<void> {
  const verified = await gppy(["verify", "-q"]);
  assert.equal(verified.code, 0, verified.stdout);
  assert.equal(verified.stdout, "");
  assert.match(verified.stderr, /\d+ files, .* MB, nothing wrong\n$/);
  assert.equal((await gppy(["verify", "night.json", "-q"])).code, 0);
  const csv = await Deno.readTextFile(join(folder, TREE, "index.csv"));
  const rows = parse(csv, { columns: true }) as Record<string, string>[];
  const stack = rows.find(({ kind }) => kind === "stack");
  assert.ok(Number(stack?.["depth"]) > 17 && Number(stack?.["t_exptime"]) === 200);
  assert.ok(Math.abs(Number(stack?.["s_ra"]) - 185.9) < 0.1, `${stack?.["s_ra"]}`);
}

async function checkDamage({ folder, gppy }: World): Promise<void> {
  const csv = await Deno.readTextFile(join(folder, TREE, "index.csv"));
  const rows = parse(csv, { columns: true }) as Record<string, string>[];
  const name = rows.find(({ kind }) => kind === "stack")!["access_url"]!;
  const path = join(folder, TREE, name);
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.with(bytes.length - 3000, 77));
  const found = await gppy(["verify", "--json", "-q"]);
  assert.equal(found.code, 20);
  const { problems } = JSON.parse(found.stdout) as { problems: { path: string; what: string }[] };
  assert.deepEqual([...new Set(problems.map((problem) => problem.path))], [path]);
  assert.match(problems.map(({ what }) => what).join(), /has the digest .*DATASUM is wrong/);
  await Deno.writeFile(path, bytes);
  assert.equal((await gppy(["verify", "-q"])).code, 0);
}

async function checkClean(world: World): Promise<void> {
  const { folder, gppy } = world;
  const work = join(folder, "gppy", "work", "7DT07", "2024-04-23_gain2750");
  const fits = async () =>
    (await Array.fromAsync(filesBelow(work))).filter((path) => path.endsWith(".fits"));
  const before = (await fits()).length;
  const dry = await gppy(["clean", "7DT07", "--days", "0", "--dry-run", "-q"]);
  assert.match(dry.stdout, /^goes {2}.*calib\/.*\.fits .* stands in /m);
  assert.match(dry.stdout, /1 nights: \d+ files, .* GB would go, \d+ stay\n$/);
  assert.equal((await fits()).length, before);
  assert.equal((await gppy(["clean", "--days", "0", "-q"])).code, 0);
  assert.ok((await fits()).length < before / 10, `${(await fits()).length} of ${before} stay`);
  for (const what of [work, join(folder, TREE)]) {
    const verified = await gppy(["verify", what, "-q"]);
    assert.equal(verified.code, 0, verified.stdout);
  }
  const again = await gppy(RUN);
  assert.equal(again.code, 0, again.stderr);
  assert.equal((again.stderr.match(/done before/g) ?? []).length, 8);
}
