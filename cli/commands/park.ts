/**
 * `gppy park`: a night is put aside.
 *
 * @module
 */

import { Command } from "commander";
import { parkNight } from "../../watch/nights.ts";
import {
  addJournalOptions,
  findJournalNights,
  type JournalOptions,
  openRequired,
} from "../journal_options.ts";
import { print } from "../terminal.ts";

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function parkCommand(): Command {
  const command = new Command("park")
    .summary("Put a night aside until `gppy retry`")
    .description(
      "Puts a night aside: the watcher leaves it alone until `gppy retry`. A stage that runs at\n" +
        "this moment ends, and no other follows. Safe while a watcher runs.",
    )
    .argument("<unit>", "code of the telescope")
    .argument("<night>", "a date or the name of the folder")
    .option("--reason <text>", "why, for gppy status", "put aside by hand");
  addJournalOptions(command);
  return command.action(async (unit: string, night: string, options) => {
    using journal = await openRequired(options as JournalOptions);
    for (const each of findJournalNights(journal, unit, night)) {
      const done = parkNight(journal, each.id, (options as { reason: string }).reason);
      print(
        `${each.unit} ${each.folder}: ${done ? "parked" : `is ${each.state}, nothing to park`}`,
      );
    }
  });
}
