import assert from "node:assert/strict";
import { join } from "node:path";
import { formatValues } from "../config_text.ts";
import { runMain as gppy, withFolder } from "./_testing.ts";

Deno.test("gppy config prints values with flag, environment, file and default as their source", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "path.json"), '{"path_base": "/d"}');
    await Deno.writeTextFile(join(folder, "gppy.toml"), "[stack]\n\nclipSigma = 4.5\n");
    const run = await gppy(["config", "--config", folder, "--json"], {
      GPPY_PATH_OBSDATA: "/raw",
      GPPY_PHOT_MIN_STARS: "7",
    });
    assert.equal(run.code, 0, run.stderr);
    const values: { name: string; value: unknown; source: string }[] = JSON.parse(run.stdout);
    const find = (name: string) => {
      const found = values.filter((entry) => entry.name === name);
      assert.equal(found.length, 1, name);
      return [found[0]?.value, found[0]?.source];
    };
    assert.deepEqual(find("config"), [folder, "flag --config"]);
    assert.deepEqual(find("path.base"), ["/d", `${folder}/path.json:1`]);
    assert.deepEqual(find("path.obsdata"), ["/raw", "environment GPPY_PATH_OBSDATA"]);
    assert.deepEqual(find("path.work"), ["/d/work", "default"]);
    assert.deepEqual(find("stack.clipSigma"), [4.5, `${folder}/gppy.toml:3`]);
    assert.deepEqual(find("phot.minStars"), [7, "environment GPPY_PHOT_MIN_STARS"]);
  }));

Deno.test("gppy config NAME prints only what begins so, and says when there is nothing", async () => {
  const some = await gppy(["config", "unit.7DT07"]);
  assert.match(some.stdout, /^unit\.7DT07\.gainEAdu +0\.25 +bundled obs\.dat:\d+\n/);
  assert.ok(some.stdout.split("\n").every((line) => line === "" || line.startsWith("unit.7DT07")));
  const none = await gppy(["config", "nonsense"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /Cannot find a value named "nonsense…"/);
});

Deno.test("gppy config never prints a token", () =>
  withFolder(async (folder) => {
    const path = join(folder, "keys.dat");
    await Deno.writeTextFile(path, "slack_token\txoxb-secret\nslack_channel\t#night\n");
    await Deno.chmod(path, 0o600);
    for (const args of [["config"], ["config", "--json"], ["doctor"], ["doctor", "--json"]]) {
      const run = await gppy([...args, "--config", folder, "--base", folder]);
      assert.match(run.stdout, /#night/);
      assert.ok(!(run.stdout + run.stderr).includes("xoxb-secret"), args.join(" "));
    }
  }));

Deno.test("gppy config of a wrong table ends with 2 and names file and line", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "alltarget.dat"), "object ra dec\nM1 x 22\n");
    const run = await gppy(["config", "--config", folder]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /alltarget\.dat:2: column "ra": not an angle .*: "x"/);
    assert.equal(run.stdout, "");
  }));

Deno.test("gppy config --init writes a folder that works, and keeps what is there", () =>
  withFolder(async (folder) => {
    const site = join(folder, "new", "site");
    const first = await gppy(["config", "--init", site]);
    assert.equal(first.code, 0, first.stderr);
    const names = [...Deno.readDirSync(site)].map(({ name }) => name).sort();
    assert.deepEqual(names, [
      ".gitignore",
      "alltarget.dat",
      "ccd.dat",
      "changehdr.dat",
      "fringe.dat",
      "gppy.toml",
      "keys.dat.example",
      "obs.dat",
      "path.json",
    ]);
    assert.equal((Deno.statSync(join(site, "keys.dat.example")).mode ?? 0) & 0o077, 0);
    // every commented parameter must be accepted as it stands
    const toml = await Deno.readTextFile(join(site, "gppy.toml"));
    const lines = toml.split("\n").map((line) =>
      /^# \w+ = (?!.*not set)/.test(line) ? line.slice(2) : line
    );
    await Deno.writeTextFile(join(site, "gppy.toml"), lines.join("\n"));
    const used = await gppy(["config"], { GPPY_CONFIG: site });
    assert.equal(used.code, 0, used.stderr);
    assert.match(used.stdout, /path\.base +\/data\/gppy +.*path\.json:\d+/);
    const again = await gppy(["config", "--init", site]);
    assert.equal(again.stdout, "");
    assert.equal(again.stderr.match(/kept as it is/g)?.length, 9);
    assert.equal(await Deno.readTextFile(join(site, "gppy.toml")), lines.join("\n"));
  }));

Deno.test("formatValues() puts units that are alike on one line", () => {
  const row = (code: string, gainEAdu: number, line: number) => ({
    name: `unit.${code}`,
    value: { code, gainEAdu },
    source: `obs.dat:${line}`,
  });
  const text = formatValues([row("A1", 0.25, 2), row("A2", 0.25, 3), row("B", 1, 4)]);
  assert.deepEqual(text.split("\n"), [
    "unit.A1…A2.gainEAdu  0.25  obs.dat:2…3",
    "unit.B.gainEAdu      1     obs.dat:4",
  ]);
});
