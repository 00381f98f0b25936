/**
 * A watcher as a process of its own, to be killed by tests.
 *
 *   _test_watcher.ts BASE watch [local|process] SETTINGS [SPEED]   watches with the two plain stages
 *   _test_watcher.ts BASE step [cpu|webgpu]                one step, as a worker
 *   _test_watcher.ts BASE race UNIT                        when the journal says go: takes tasks until
 *                                                          there are none; prints the nights
 *
 * With `GPPY_TEST_CURATE` the real `curate` comes after the two plain stages.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { setUpLogging } from "../cli/logging.ts";
import { note, print } from "../cli/terminal.ts";
import { loadSite } from "../config/site.ts";
import { CURATED_CHAIN, FAKE_CHAIN, localExecutor, UNITS } from "./_watch_world.ts";
import { fastClock } from "./clock.ts";
import { processExecutor } from "./executor.ts";
import { Journal, journalPath } from "./journal.ts";
import { createNotifier } from "./notify.ts";
import { watchSchema } from "./settings.ts";
import { stepNames } from "./steps.ts";
import { takeTask } from "./tasks.ts";
import { watch } from "./watcher.ts";
import { serveStep } from "./worker.ts";

const [base = "", what = "", how = "", settings = "{}", speed = "1"] = Deno.args;
await setUpLogging({ format: what === "step" ? "json" : "text", level: "info", write: note });
const slack = Object.entries(Deno.env.toObject()).filter(([name]) => name.startsWith("GPPY_SLACK"));
const site = await loadSite({ base, env: Object.fromEntries(slack) });
const chain = Deno.env.has("GPPY_TEST_CURATE") ? CURATED_CHAIN : FAKE_CHAIN;
const log = getLogger(["gppy"]);
if (what === "step") {
  const device = how === "webgpu" ? how : "cpu";
  Deno.exit(await serveStep({ chain, site, log, device, write: print }));
}
using journal = Journal.open(journalPath(site.paths));
if (what === "race") {
  const filter = { units: [how], steps: ["ingest"], order: "oldest" as const };
  journal.setFact(`ready/${Deno.pid}`, "");
  while (journal.fact("go") === undefined) { /* all begin at one instant */ }
  for (;;) {
    const task = takeTask(journal, filter, Date.now());
    if (!task) break;
    print(String(task.night.id));
    // Now and then it lets the others in: SQLite favours who wrote last.
    if (Math.random() < 0.1) await new Promise((resolve) => setTimeout(resolve, 20));
  }
} else {
  const clock = fastClock(Number(speed));
  const stop = new AbortController();
  const hurry = new AbortController();
  Deno.addSignalListener("SIGTERM", () => (stop.signal.aborted ? hurry : stop).abort());
  const script = new URL(import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", script, base, "step"];
  await using notifier = createNotifier(site, log, { courier: { gapMs: 5 } });
  await watch({
    journal,
    settings: watchSchema.parse(JSON.parse(settings)),
    site,
    units: UNITS,
    steps: stepNames(chain),
    executor: how === "local"
      ? localExecutor(site, chain)
      : processExecutor({ command, clock, log, timeLimitS: 3 * Number(speed) }),
    clock,
    log,
    notifier,
    stop: stop.signal,
    hurry: hurry.signal,
    once: false,
  });
  Deno.exit(0);
}
