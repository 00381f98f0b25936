/**
 * Measures what an idle watcher costs: an hour of 20 telescopes with 10 000 files, run 60 times as fast.
 *
 *   deno run -A scripts/measure_idle.ts
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { getLogger } from "@logtape/logtape";
import { print } from "../cli/terminal.ts";
import { loadSite, type Site } from "../config/site.ts";
import { fastClock } from "../watch/clock.ts";
import { Journal, journalPath } from "../watch/journal.ts";
import { createNotifier } from "../watch/notify.ts";
import { watchSchema } from "../watch/settings.ts";
import { watch } from "../watch/watcher.ts";

const SPEED = 60;
async function measure(site: Site, units: readonly string[], state: string): Promise<void> {
  using journal = Journal.open(journalPath(site.paths));
  if (state === "done") {
    journal.run("UPDATE nights SET state = 'done', run_signature = signature");
  }
  const clock = fastClock(SPEED);
  const stop = new AbortController();
  const log = getLogger(["gppy"]);
  const watching = watch({
    journal,
    settings: watchSchema.parse({ graceS: 1e9 }),
    site,
    units,
    steps: ["ingest"],
    executor: () => Promise.reject(new Error("nothing to do")),
    clock,
    log,
    notifier: createNotifier(site, log, { env: {} }),
    stop: stop.signal,
    hurry: stop.signal,
    once: false,
  });
  await clock.sleep(120_000, stop.signal);
  const cpu = process.cpuUsage();
  const memory: number[] = [];
  for (let minute = 0; minute < 60; minute++) {
    await clock.sleep(60_000, stop.signal);
    if (minute % 10 === 9) memory.push(Math.round(Deno.memoryUsage().rss / 1e6));
  }
  const { user, system } = process.cpuUsage(cpu);
  stop.abort();
  await watching;
  const seconds = (user + system) / 1e6;
  print(
    `${state}: ${units.length} units, ${units.length * 500} files, one hour: ` +
      `${seconds.toFixed(2)} s CPU = ${(seconds / 36).toFixed(3)} % of a core; ` +
      `memory each 10 min: ${memory.join(", ")} MB`,
  );
}

const folder = await Deno.makeTempDir({ prefix: "gppy-idle-" });
try {
  const site = await loadSite({ base: join(folder, "gppy"), env: {} });
  const units = [...site.units.keys()].slice(0, 20);
  while (units.length < 20) units.push(`8DT${String(units.length).padStart(2, "0")}`);
  for (const unit of units) {
    const night = join(site.paths.obsdata, unit, "2024-04-23_gain2750");
    await Deno.mkdir(night, { recursive: true });
    for (let i = 0; i < 500; i++) Deno.writeTextFileSync(join(night, `f${i}.fits`), "x".repeat(i));
  }
  for (const state of ["arriving", "done"]) await measure(site, units, state);
} finally {
  await Deno.remove(folder, { recursive: true });
}
