import assert from "node:assert/strict";
import { join } from "node:path";
import type { Check } from "../doctor_checks.ts";
import { runMain, withFolder } from "./_testing.ts";

const doctor = (args: readonly string[], env?: Record<string, string>) =>
  runMain(["doctor", ...args], env);

function checkNamed(stdout: string, name: string): Check {
  const checks: Check[] = JSON.parse(stdout);
  const check = checks.find((each) => each.name === name);
  assert.ok(check, `no check named ${name}`);
  return check;
}

Deno.test("gppy doctor ends with 0 where the required programs are, and shows their versions", () =>
  withFolder(async (folder) => {
    const run = await doctor(["--base", join(folder, "new"), "--json"]);
    assert.equal(run.code, 0, run.stderr);
    const sextractor = checkNamed(run.stdout, "source-extractor");
    assert.equal(sextractor.state, "ok");
    assert.match(sextractor.found, /^\d+\.\d+/);
    assert.match(checkNamed(run.stdout, "path_base").found, /\(will be made\)$/);
    assert.match(checkNamed(run.stdout, "deno").found, new RegExp(`^${Deno.version.deno}`));
    assert.deepEqual([...Deno.readDirSync(folder)], [], "it leaves nothing behind");
  }));

Deno.test("gppy doctor ends with 30 and says how to get the programs that are missing", () =>
  withFolder(async (folder) => {
    const run = await doctor(["--base", folder], { PATH: folder });
    assert.equal(run.code, 30);
    assert.match(run.stdout, /missing +source-extractor +.*Debian package `source-extractor`/);
    assert.match(run.stdout, /warn +hotpants +.*github\.com\/acbecker\/hotpants/);
    assert.match(
      run.stderr,
      /Cannot process a night: missing or unusable: source-extractor, scamp/,
    );
  }));

Deno.test("gppy doctor finds a base folder that cannot be written to", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const run = await doctor(["--base", join(folder, "file", "gppy"), "--json"]);
    assert.equal(run.code, 30);
    const check = checkNamed(run.stdout, "path_base");
    assert.equal(check.state, "missing");
    assert.match(check.found, /cannot write to/);
  }));

Deno.test("gppy doctor reports a wrong table and goes on with the rest", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "obs.dat"), "unit gain\n");
    const run = await doctor(["--config", folder, "--json"]);
    assert.equal(run.code, 30);
    const check = checkNamed(run.stdout, "site folder");
    assert.equal(check.state, "missing");
    assert.match(check.found, /obs\.dat:1: unknown column "gain"/);
    assert.equal(checkNamed(run.stdout, "source-extractor").state, "ok");
  }));

Deno.test("gppy doctor warns of keys that others may read and of sections no stage knows", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(
      join(folder, "keys.dat"),
      "slack_token xoxb-secret\nslack_channel #n\n",
    );
    await Deno.chmod(join(folder, "keys.dat"), 0o644);
    await Deno.writeTextFile(join(folder, "gppy.toml"), "[stak]\nclipSigma = 3\n");
    const run = await doctor(["--config", folder, "--base", folder, "--json"]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(checkNamed(run.stdout, "keys.dat").found, /mode 644\); run "chmod 600/);
    assert.match(checkNamed(run.stdout, "gppy.toml").found, /no stage is named "stak"/);
    assert.ok(!run.stdout.includes("xoxb-secret"));
  }));
