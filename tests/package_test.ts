/**
 * The two forms of the program besides its sources: a bundle and a single file.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { VERSION } from "../config/version.ts";
import { parseManifest } from "../stages/manifest_file.ts";
import { ROOT } from "./run_program.ts";

async function run(args: readonly string[], cwd: string, env = {}): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd, env });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Whatever is bundled from here must be among what the launcher looks at. */
async function checkSources(folder: string): Promise<void> {
  const launch = await Deno.readTextFile(join(ROOT, "scripts/launch"));
  const sources = /^sources=\((.*)\)$/m.exec(launch)?.[1]?.split(" ") ?? [];
  const bundled = new Set<string>();
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(join(folder, name));
    for (const [, from = ""] of text.matchAll(/^\/\/ (\w+)\/\S+$/gm)) bundled.add(from);
  }
  assert.ok(bundled.has("cli") && bundled.has("config"));
  const packages = ["node_modules", "imported", "required"];
  assert.deepEqual([...bundled].filter((name) => ![...sources, ...packages].includes(name)), []);
}

Deno.test("The bundle takes a simulated night through every stage", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bundle = join(folder, "gppy.js");
    await run(["run", "-A", "scripts/bundle.ts", folder], ROOT);
    await checkSources(folder);
    assert.equal(await run(["run", "-A", bundle, "--version"], folder), `${VERSION}\n`);
    const config = await run(["run", "-A", bundle, "config", "--base", folder], folder);
    assert.match(config, /bundled changehdr.dat/);
    // fonts and the picture writer are found below the folder it is run from
    const gppy = (...args: string[]) => run(["run", "-A", bundle, ...args], ROOT);
    const night = join(folder, "night");
    const small = ["--size", "1024", "--filters", "m600", "--lights", "2"];
    await gppy("simulate", "--out", night, ...small);
    const made = await gppy("run", "7DT07", "2024-04-23", "--config", join(night, "site"), "-q");
    const manifest = parseManifest(made, { where: "stdout", folder });
    assert.equal(manifest.stages.length, 8);
    assert.equal(manifest.left.length, 0);
    assert.ok(manifest.products.some(({ kind, path }) => kind === "stamp" && /\.png$/.test(path)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno compile packs the whole program (the run-time binary is a stand-in)", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const output = join(folder, "gppy");
    const settings = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
    const args = settings.tasks.compile.split(" ").slice(1);
    args[args.indexOf("--output") + 1] = output;
    await run(args, ROOT, { DENORT_BIN: Deno.execPath() });
    assert.ok((await Deno.stat(output)).size > (await Deno.stat(Deno.execPath())).size);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
