/**
 * What the commands on the journal share: where it is, and how nights are named.
 *
 * @module
 */

import type { Command } from "commander";
import { UsageError } from "../config/errors.ts";
import { loadSite, type Site } from "../config/site.ts";
import { Journal, journalPath, type Night } from "../watch/journal.ts";
import { resolveParameters } from "../stages/parameters.ts";
import { WATCH_PARAMETERS, type WatchSettings } from "../watch/settings.ts";

/** The options that say which journal. */
export interface JournalOptions {
  readonly config?: string;
  readonly base?: string;
  readonly journal?: string;
}

/**
 * Adds the options that say which journal.
 *
 * @param command Where to add them.
 * @returns The same command.
 */
export function addJournalOptions(command: Command): Command {
  return command
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)")
    .option("--journal <file>", "the journal; else [watch] journal, or <path_base>/journal");
}

/**
 * The settings of the watcher.
 *
 * @param site Has section `[watch]`.
 * @param flags By schema key.
 */
export function watchSettings(site: Site, flags: Record<string, unknown>): WatchSettings {
  const { values } = resolveParameters(WATCH_PARAMETERS, {
    flags,
    environment: Deno.env.toObject(),
    config: site.stageSettings("watch"),
  });
  return values as WatchSettings;
}

/**
 * Opens the journal of a site for a command that looks or changes.
 *
 * @param options Which one.
 * @returns The journal, or undefined when no watcher has made one yet.
 */
export async function openExisting(options: JournalOptions): Promise<Journal | undefined> {
  const site = await loadSite({ folder: options.config, base: options.base });
  const flags = options.journal === undefined ? {} : { journal: options.journal };
  const path = watchSettings(site, flags).journal ?? journalPath(site.paths);
  try {
    Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return Journal.open(path);
}

/**
 * Opens the journal of a site for a command that needs one.
 *
 * @param options Which one.
 * @throws {UsageError} If no watcher has made one yet.
 */
export async function openRequired(options: JournalOptions): Promise<Journal> {
  const journal = await openExisting(options);
  if (journal) return journal;
  throw new UsageError("Cannot find the journal: gppy watch has not run here yet");
}

/**
 * Finds the nights that a command line means.
 *
 * @param journal The journal.
 * @param unit Code of a telescope; any if left out.
 * @param night A date or the name of a folder; all if left out.
 * @returns At least one night.
 * @throws {UsageError} If there is none.
 */
export function findJournalNights(journal: Journal, unit?: string, night?: string): Night[] {
  const name = night?.replace(/\/+$/, "").split("/").at(-1);
  const found = journal.nights().filter((each) =>
    (unit === undefined || each.unit === unit) &&
    (name === undefined || each.folder === name || each.date === name)
  );
  if (found.length > 0) return found;
  throw new UsageError(
    `Cannot find the night "${[unit, night].filter((text) => text !== undefined).join(" ")}" ` +
      "in the journal; gppy status lists those that are known",
  );
}
