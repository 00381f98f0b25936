/**
 * The two single-file forms of the program.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { VERSION } from "../config/version.ts";
import { ROOT } from "./run_program.ts";

async function run(args: readonly string[], cwd: string, env = {}): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd, env });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("The bundle runs from a folder of its own", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bundle = join(folder, "gppy.js");
    await run(["bundle", "--quiet", "-o", bundle, "cli/main.ts"], ROOT);
    assert.equal(await run(["run", "-A", bundle, "--version"], folder), `${VERSION}\n`);
    const config = await run(["run", "-A", bundle, "config", "--base", folder], folder);
    assert.match(config, /bundled changehdr.dat/);
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
