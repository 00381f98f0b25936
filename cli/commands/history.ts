/**
 * `gppy history`: every try of every stage.
 *
 * @module
 */

import { Command } from "commander";
import { UsageError } from "../../config/errors.ts";
import { readHistory } from "../../watch/status.ts";
import {
  addJournalOptions,
  findJournalNights,
  type JournalOptions,
  openRequired,
} from "../journal_options.ts";
import { alignColumns } from "../table_text.ts";
import { print } from "../terminal.ts";

interface HistoryOptions extends JournalOptions {
  readonly json?: boolean;
  readonly limit: string;
}

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function historyCommand(): Command {
  const command = new Command("history")
    .summary("List every try of every stage")
    .description("Lists what the watcher has tried, oldest first, each with how it ended.")
    .argument("[unit]", "code of the telescope")
    .argument("[night]", "a date or the name of the folder")
    .option("--json", "print JSON")
    .option("--limit <n>", "only the last ones", "50");
  addJournalOptions(command);
  return command.action(async (unit: string | undefined, night: string | undefined, options) => {
    const { json, limit, ...where } = options as HistoryOptions;
    if (!/^\d+$/.test(limit)) throw new UsageError(`Cannot take "${limit}" for --limit`);
    using journal = await openRequired(where);
    const nights = unit === undefined
      ? undefined
      : findJournalNights(journal, unit, night).map(({ id }) => id);
    const attempts = readHistory(journal, { nights, limit: Number(limit) });
    if (json) return print(JSON.stringify(attempts, null, 2));
    const rows = attempts.map((attempt) => [
      new Date(attempt.started).toISOString().slice(0, 19),
      attempt.unit,
      attempt.folder + (attempt.run > 1 ? ` +${attempt.run - 1}` : ""),
      attempt.stage,
      attempt.outcome ?? "running",
      attempt.elapsedS === null ? "" : `${attempt.elapsedS.toFixed(1)} s`,
      attempt.error?.split("\n")[0] ?? (attempt.leftBehind ? `${attempt.leftBehind} left` : ""),
    ]);
    print(rows.length === 0 ? "nothing was tried yet" : alignColumns(rows));
  });
}
