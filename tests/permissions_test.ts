/** gppy with the least permissions: what they let it do, and what they keep it from. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { compiledFlags, permissionFlags } from "../cli/permissions.ts";
import { loadSite } from "../config/site.ts";
import { CHANNEL, SlackServer, TOKEN } from "../watch/_slack_server.ts";
import { ROOT, runGppy } from "./run_program.ts";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  // Not where temporary files are: those may be written to.
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "gppy-least-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runConfined(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(join(ROOT, "scripts", "gppy_confined"), {
    args: [...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("a night is watched, taken through every stage, told and verified with the least permissions", () =>
  withFolder(async (folder) => {
    await using server = new SlackServer();
    const env = {
      GPPY_SLACK_TOKEN: TOKEN,
      GPPY_SLACK_CHANNEL: CHANNEL.name,
      GPPY_SLACK_API_URL: server.url,
    };
    const small = ["--size", "700", "--filters", "m600", "--lights", "2"];
    assert.equal((await runGppy(["simulate", "--out", folder, "-q", ...small])).code, 0);
    const config = ["--config", join(folder, "site")];
    const watch = ["watch", "7DT07", "--once", "--grace-s", "0", "--min-free-disk-gb", "0"];
    const watched = await runConfined([...watch, "--metrics-port", "0", ...config], env);
    assert.equal(watched.code, 0, watched.stderr);
    assert.doesNotMatch(watched.stderr, /NotCapable|Requires .* access|left behind/);
    assert.match(watched.stderr, /Metrics at http/);
    const status = JSON.parse((await runConfined(["status", "--json", ...config])).stdout);
    assert.deepEqual(status.counts, { done: 1 }, watched.stderr);
    assert.equal(status.nights[0].leftBehind, 0);
    const told = server.messages.map(({ text }) =>
      /started|digest|done/.exec(text.split("\n")[0] ?? "")?.[0]
    );
    assert.deepEqual(told.filter((word) => word !== "digest"), ["started", "done"]);
    assert.equal(server.files.length, 1, "the picture was shown");
    const verified = await runConfined(["verify", ...config]);
    assert.equal(verified.code, 0, verified.stdout);
    assert.match(verified.stderr, /nothing wrong/);
  }));

/** Tries what a step must not do, and what it must; prints the names of what was possible. */
const PROBE = `
const [raw, work, keys, home] = Deno.args;
const tries = {
  "write raw data": () => Deno.writeTextFileSync(raw + "/new.fits", ""),
  "remove raw data": () => Deno.removeSync(raw + "/light_1.fits"),
  "read the token": () => Deno.readTextFileSync(keys),
  "read elsewhere": () => Deno.readTextFileSync("/etc/passwd"),
  "write elsewhere": () => Deno.writeTextFileSync(home + "/x", ""),
  "run a shell": () => new Deno.Command("sh", { args: ["-c", "true"] }).outputSync(),
  "run deno": () => new Deno.Command(Deno.execPath(), { args: ["-V"] }).outputSync(),
  "use the network": () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
  "call libraries": () => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {}),
  "read raw data": () => Deno.readTextFileSync(raw + "/light_1.fits"),
  "write products": () => Deno.writeTextFileSync(work + "/a.fits", ""),
  "run a program of astronomy": () =>
    new Deno.Command("source-extractor", { args: ["--version"], stdout: "null" }).outputSync(),
};
for (const [name, attempt] of Object.entries(tries)) {
  try {
    await attempt();
    console.log(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) console.log(name + ": " + error);
  }
}`;

Deno.test("a step of a confined watcher can neither touch raw data, token and network nor run other programs", () =>
  withFolder(async (folder) => {
    const config = join(folder, "site");
    const raw = join(folder, "obsdata");
    await Deno.mkdir(config);
    await Deno.mkdir(raw);
    await Deno.writeTextFile(join(raw, "light_1.fits"), "");
    await Deno.writeTextFile(join(config, "keys.dat"), `slack_token ${TOKEN}\n`, { mode: 0o600 });
    const paths = { path_base: join(folder, "gppy"), path_obsdata: raw };
    await Deno.writeTextFile(join(config, "path.json"), JSON.stringify(paths));
    const site = await loadSite({ folder: config, env: {} });
    await Deno.mkdir(site.paths.work, { recursive: true });
    const settings = { journal: null, metrics: null };
    const flags = permissionFlags({ site, settings, env: Deno.env.toObject() }, "step");
    const probe = join(folder, "probe.ts");
    await Deno.writeTextFile(probe, PROBE);
    const args = [raw, site.paths.work, join(config, "keys.dat"), folder];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--quiet", ...flags, probe, ...args],
      env: { NO_COLOR: "1" },
    }).output();
    const done = new TextDecoder().decode(stdout).trim().split("\n");
    assert.deepEqual(
      done,
      ["read raw data", "write products", "run a program of astronomy"],
      new TextDecoder().decode(stderr),
    );
  }));

Deno.test("deno task compile packs the program with the least permissions that fit every site", async () => {
  const settings = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const words = String(settings.tasks.compile).split(" ");
  const flags = words.filter((word) => /^--(allow|deny|no-prompt)|^-A$/.test(word));
  assert.deepEqual(flags, compiledFlags());
});
