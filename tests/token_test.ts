/**
 * The Slack token, looked for wherever it could come out: while a watcher works, Slack is broken in
 * many ways, programs print their environment, and libraries are told to log all they do.
 */

import assert from "node:assert/strict";
import { delimiter, join } from "node:path";
import { CHANNEL, SlackServer, TOKEN } from "../watch/_slack_server.ts";
import { LEASE_VARIABLE } from "../watch/process_mark.ts";
import { type Ended, ROOT } from "./run_program.ts";

const NIGHT = "2024-04-23_gain2750";
const FORMS = [TOKEN, TOKEN.slice(5), btoa(TOKEN), btoa(`Bearer ${TOKEN}`).slice(10, -4)];
/** A program of astronomy that tells all it knows, and fails. */
const TALKATIVE = `#!/bin/sh
env >&2
tr '\\0' ' ' </proc/$PPID/cmdline >&2
{ env; tr '\\0' '\\n' </proc/$PPID/environ; } | grep -aE 'GPPY|SLACK|xoxb' | sort -u | tail -n 10 >&2
touch "$GPPY_TALKED"
exit 1
`;

interface World {
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly server: SlackServer;
  start(...args: readonly string[]): Deno.ChildProcess;
  gppy(...args: readonly string[]): Promise<Ended>;
}

async function withWorld(
  tokenFrom: "environment" | "keys.dat",
  test: (world: World) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-token-" });
  await using server = new SlackServer();
  const [site, bin] = [join(folder, "site"), join(folder, "bin")];
  for (const path of [site, bin]) await Deno.mkdir(path);
  await Deno.writeTextFile(join(bin, "source-extractor"), TALKATIVE, { mode: 0o755 });
  await Deno.writeTextFile(join(site, "path.json"), `{"path_base": "${folder}/gppy"}`);
  const keys = `slack_token ${TOKEN}\nslack_channel ${CHANNEL.name}\n`;
  if (tokenFrom === "keys.dat") {
    await Deno.writeTextFile(join(site, "keys.dat"), keys, { mode: 0o600 });
  }
  const env = {
    NO_COLOR: "1",
    PATH: [bin, Deno.env.get("PATH")].join(delimiter),
    GPPY_CONFIG: site,
    GPPY_SLACK_API_URL: server.url,
    GPPY_TALKED: join(folder, "talked"),
    DEBUG: "*",
    NODE_DEBUG: "*",
    ...(tokenFrom === "keys.dat"
      ? {}
      : { GPPY_SLACK_TOKEN: TOKEN, GPPY_SLACK_CHANNEL: CHANNEL.name }),
  };
  const start = (...args: readonly string[]) =>
    new Deno.Command(join(ROOT, "scripts", "gppy"), {
      args: [...args],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  const gppy = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await start(...args).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  try {
    await test({ folder, env, server, start, gppy });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function assertNone(text: string, where: string): void {
  for (const form of FORMS) assert.ok(!text.includes(form), `the token is in ${where}`);
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

async function assertNotInFiles(folder: string): Promise<void> {
  for await (const path of filesBelow(folder)) {
    if (path.endsWith("/keys.dat")) continue;
    assertNone(new TextDecoder("latin1").decode(await Deno.readFile(path)), path);
  }
}

/** Command lines of all processes, and the environment of those that work on a step. */
function assertNotInProcesses(): number {
  let steps = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      assertNone(Deno.readTextFileSync(`/proc/${name}/cmdline`), `command line of ${name}`);
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`);
      if (!environment.includes(`${LEASE_VARIABLE}=`)) continue;
      steps++;
      assertNone(environment, `the environment of step ${name}`);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error; // others have ended meanwhile
    }
  }
  return steps;
}

for (const source of ["environment", "keys.dat"] as const) {
  Deno.test(`the token of ${source} comes out nowhere: log, journal, manifests, errors, processes, metrics`, () =>
    withWorld(source, async (world) => {
      const { folder, server, start, gppy } = world;
      const night = join(folder, "obsdata", "7DT07", NIGHT);
      const script = join(ROOT, "tests", "tiny_night.ts");
      const made = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "-q", script, night] });
      assert.ok((await made.output()).success);
      for (
        const fault of [
          { error: "invalid_auth" },
          { status: 500, body: `token=${TOKEN}` },
          { error: `cannot use ${TOKEN}` },
          { status: 200, body: `<html>Bearer ${TOKEN}</html>` },
        ]
      ) server.fail("chat.postMessage", fault);
      const watch = ["watch", "7DT07", "--grace-s", "0", "--min-free-disk-gb", "0", "--verbose"];
      // The first watcher is killed while Slack is away.
      const first = start(...watch, "--log-format", "json");
      const printed = first.output();
      let steps = 0;
      for (let i = 0; i < 400 && !(server.requests.length > 0 && steps > 0); i++) {
        steps += assertNotInProcesses();
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      assert.ok(server.requests.length > 0 && steps > 0, "it spoke to Slack, and a step ran");
      first.kill("SIGKILL");
      const { stdout, stderr } = await printed;
      const decoder = new TextDecoder();
      const runs = [
        { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) },
        await gppy(...watch, "--once"),
      ];
      assert.ok((await Deno.stat(world.env["GPPY_TALKED"]!)).isFile, "the program has talked");
      for (
        const args of [
          ["status", "--json"],
          ["history", "--json"],
          ["notices", "--send", "--wait", "0"],
          ["notices"],
          ["config", "--json"],
          ["doctor"],
          ["show", join(folder, "gppy", "work", "7DT07", NIGHT, "02-astrom.json")],
        ]
      ) runs.push(await gppy(...args));
      for (const [index, run] of runs.entries()) {
        assertNone(run.stdout + run.stderr, `what run ${index} printed`);
      }
      assert.match(runs.map((run) => run.stderr).join(), /Slack did not take a notice/);
      assert.match(runs[3]!.stdout, /astrom/);
      await assertNotInFiles(folder);
      const manifest = join(folder, "gppy", "work", "7DT07", NIGHT, "02-astrom.json");
      assert.match(
        await Deno.readTextFile(manifest),
        /GPPY_CONFIG/,
        "the error shows what it was told",
      );
      for (const { form } of server.requests) assertNone([...form].join(), "a request's body");
    }));
}
