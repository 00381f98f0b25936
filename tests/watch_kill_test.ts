/** The real chain of stages, with the real programs, under a watcher that is killed again and again. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../config/site.ts";
import { readManifest } from "../stages/manifest_file.ts";
import { Journal, journalPath } from "../watch/journal.ts";
import { LEASE_VARIABLE } from "../watch/process_mark.ts";
import { untilStirred } from "../watch/_processes.ts";
import { PROC } from "../config/process_source.ts";
import { ROOT, runGppy } from "./run_program.ts";

const NIGHT = "2024-04-23_gain2750";
const KILLS = 8;
const WATCH = ["watch", "7DT07", "--grace-s", "0", "--min-free-disk-gb", "0", "--quiet"];

function startWatcher(config: string): Deno.ChildProcess {
  return new Deno.Command(join(ROOT, "scripts", "gppy"), {
    args: [...WATCH, "--config", config, "--poll-s", "1"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

Deno.test("the real stages under a watcher that is killed at random instants lose and double nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-kills-" });
  try {
    const small = ["--size", "700", "--filters", "m600", "--lights", "2"];
    const made = await runGppy(["simulate", "--out", folder, "-q", ...small]);
    assert.equal(made.code, 0, made.stderr);
    const config = join(folder, "site");
    await killWatchers(config);
    const { code, stderr } = await runGppy([...WATCH, "--once", "--config", config]);
    assert.equal(code, 0, stderr);
    await checkNight(config);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** At random instants: sometimes within the stage that is at hand, sometimes within the next ones. */
async function killWatchers(config: string): Promise<void> {
  const { paths } = await loadSite({ folder: config, env: {} });
  using journal = Journal.open(journalPath(paths));
  for (let kill = 0; kill < KILLS; kill++) {
    const watcher = startWatcher(config);
    await untilStirred(journal, 30_000);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2000));
    watcher.kill("SIGKILL");
    await watcher.status;
  }
}

async function checkNight(config: string): Promise<void> {
  const { paths } = await loadSite({ folder: config, env: {} });
  using journal = Journal.open(journalPath(paths));
  const [night] = journal.nights();
  assert.deepEqual([night?.state, night?.run, night?.leftBehind], ["done", 1, 0]);
  const ends = journal.all("SELECT step, outcome, holder FROM stages ORDER BY id");
  for (let step = 0; step <= 8; step++) {
    const ended = ends.filter((row) => row["step"] === step).map((row) => row["outcome"]);
    assert.equal(ended.filter((end) => end === "done" || end === "skipped").length, 1, `${ended}`);
    assert.ok(!ended.includes("failed"), `step ${step}: ${ended}`);
  }
  const lost = ends.filter((row) => row["outcome"] === "lost");
  assert.ok(lost.length >= KILLS / 3, `${lost.length} kills hit a stage`);
  for (const { holder } of lost) {
    assert.deepEqual(PROC.withEnvironment(`${LEASE_VARIABLE}=${holder}`), [], "nothing still runs");
  }
  const work = join(paths.work, "7DT07", NIGHT);
  const { products } = await readManifest(join(work, "08-curate.json"));
  const count = (kind: string) => products.filter((product) => product.kind === kind).length;
  assert.deepEqual(
    ["raw", "frame", "stack", "difference"].map(count),
    [17, 2, 1, 1],
  );
  assert.equal(new Set(products.map(({ id }) => id)).size, products.length);
  assert.ok(products.every((product) => (product["version"] ?? 1) === 1), "no second versions");
  const verified = await runGppy(["verify", "--config", config, paths.processed, work]);
  assert.equal(verified.code, 0, verified.stdout);
  assert.match(verified.stderr, /nothing wrong/);
}
