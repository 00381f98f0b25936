/**
 * `gppy clean`: frees the work folders of nights whose products stand in the processed tree.
 *
 * @module
 */

import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { type Retained, retainNights } from "../../stages/curate/retain_nights.ts";
import type { Site } from "../../config/site.ts";
import type { Journal } from "../../watch/journal.ts";
import { openExisting } from "../journal_options.ts";
import { openSession } from "../session.ts";
import { print } from "../terminal.ts";

interface CleanFlags {
  readonly config?: string;
  readonly base?: string;
  readonly days: number;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
}

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function cleanCommand(): Command {
  return new Command("clean")
    .summary("Free work folders of curated nights")
    .description(
      "Removes the intermediates of nights that were curated some days ago.\n\n" +
        "A file goes only when a manifest of its night lists it, it is what the manifest says, and\n" +
        "the curated form of its product was read again and has the right digest. Raw frames and\n" +
        "masters never go, nor anything of a night that a watcher works on. Stages that are done\n" +
        "stay done.",
    )
    .argument("[unit...]", "telescopes; all if left out")
    .option("--days <n>", "nights curated longer ago than this", parseDays, 14)
    .option("--dry-run", "list what would go, and remove nothing")
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)")
    .option("-q, --quiet", "log warnings and errors only")
    .action(async (units: string[], flags: CleanFlags) => {
      const { dryRun = false, days } = flags;
      using session = await openSession({ ...flags, device: "cpu", logFormat: "text" });
      const { site, log, signal } = session;
      for (const unit of units) site.unit(unit);
      const done: Retained[] = [];
      using journal = await openExisting(flags);
      const except = nightsAtWork(journal, site);
      for (const unit of units.length > 0 ? units : site.units.keys()) {
        const rule = { days, nowMs: Date.now(), except };
        const folder = join(site.paths.work, unit);
        done.push(...await retainNights(folder, rule, { dryRun, log, signal }));
      }
      if (dryRun) { for (const { plan } of done) listPlan(plan); }
      print(describe(done, dryRun));
    });
}

/**
 * The work folders of nights that a watcher has begun and not ended.
 *
 * @param journal The journal; undefined where no watcher has run yet.
 * @param site Knows where nights are worked on.
 * @returns Folders that are to be left alone.
 */
export function nightsAtWork(journal: Journal | undefined, site: Pick<Site, "paths">): string[] {
  return (journal?.nights() ?? [])
    .filter(({ running, state, started }) =>
      running || (started !== null && (state === "ready" || state === "retry"))
    ).map(({ unit, folder }) => join(site.paths.work, unit, folder));
}

function parseDays(text: string): number {
  const days = Number(text);
  if (text.trim() !== "" && days >= 0) return days;
  throw new InvalidArgumentError("It is a number of days.");
}

function listPlan({ removable, kept }: Retained["plan"]): void {
  for (const { product, curated } of removable) {
    print(`goes  ${product.path}  ${product.bytes} bytes; stands in ${curated.path}`);
  }
  for (const { path, reason } of kept) print(`stays ${path}: ${reason}`);
}

function describe(done: readonly Retained[], dryRun: boolean): string {
  const sum = (of: (one: Retained) => number) => done.reduce((total, one) => total + of(one), 0);
  const went = `${sum((one) => one.removed)} files, ` +
    `${(sum((one) => one.removedBytes) / 1e9).toFixed(3)} GB`;
  return `${done.length} nights: ${went} ${dryRun ? "would go" : "removed"}, ` +
    `${sum((one) => one.kept)} stay`;
}
