/**
 * The chain as pipes in a shell, on a small simulated night.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseManifest, readManifest } from "../stages/manifest_file.ts";
import { ROOT, runGppy } from "./run_program.ts";

const PIPE = [
  "calib $NIGHT --config $SITE",
  ...["astrom", "phot", "stack", "phot", "subtract", "detect", "curate"]
    .map((stage) => `${stage} --config $SITE`),
].map((command) => `"$GPPY" ${command} -q`).join(" | ");

Deno.test("Stages pipe from raw frames to the curated tree, and run does the same", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const simulated = await runGppy(
      ["simulate", "--out", folder, "--size", "1024", "--filters", "m600", "--lights", "2"],
    );
    assert.equal(simulated.code, 0, simulated.stderr);
    const night = simulated.stdout.trim();
    const site = join(folder, "site");
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", `set -o pipefail; ${PIPE}`],
      env: { GPPY: join(ROOT, "scripts", "gppy"), NIGHT: night, SITE: site, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const piped = parseManifest(new TextDecoder().decode(stdout), { where: "pipe", folder });
    assert.deepEqual(
      piped.stages.map((record) => record.name),
      ["calib", "astrom", "phot", "stack", "phot", "subtract", "detect", "curate"],
    );
    assert.ok(piped.products.some((product) => product.kind === "transients"));
    const output = join(folder, "night.json");
    const ended = await runGppy(["run", "7DT07", night, "--config", site, "-o", output]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal((ended.stderr.match(/done before/g) ?? []).length, 8, "run takes over the work");
    assert.deepEqual((await readManifest(output)).products, piped.products);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
