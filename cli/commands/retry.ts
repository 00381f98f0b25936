/**
 * `gppy retry`: nights that failed or were parked go back into the queue.
 *
 * @module
 */

import { Command } from "commander";
import { UsageError } from "../../config/errors.ts";
import { redoNight, retryNight } from "../../watch/nights.ts";
import {
  addJournalOptions,
  findJournalNights,
  type JournalOptions,
  openRequired,
} from "../journal_options.ts";
import { print } from "../terminal.ts";

interface RetryOptions extends JournalOptions {
  readonly parked?: boolean;
  readonly again?: boolean;
}

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function retryCommand(): Command {
  const command = new Command("retry")
    .summary("Put a parked or failed night back into the queue")
    .description(
      "Puts a night that was parked, or that waits after a failure, back into the queue of the\n" +
        "watcher. It goes on with the stage that failed. Safe while a watcher runs.",
    )
    .argument("[unit]", "code of the telescope")
    .argument("[night]", "a date or the name of the folder")
    .option("--parked", "all parked nights, of the telescope if one is given")
    .option("--again", "also a night that is done, from its frames");
  addJournalOptions(command);
  return command.action(async (unit: string | undefined, night: string | undefined, options) => {
    const { parked = false, again = false } = options as RetryOptions;
    if (!parked && night === undefined) {
      throw new UsageError("Cannot retry: say which night, by telescope and date, or --parked");
    }
    using journal = await openRequired(options as RetryOptions);
    const found = findJournalNights(journal, unit, night);
    const chosen = parked ? found.filter((each) => each.state === "parked") : found;
    for (const each of chosen) {
      const done = retryNight(journal, each.id) || (again && redoNight(journal, each.id));
      const name = `${each.unit} ${each.folder}`;
      if (done) print(`${name}: back in the queue`);
      else if (each.state === "done" || each.state === "partial") {
        print(`${name}: is ${each.state}; --again does it once more`);
      } else print(`${name}: is ${each.state}, nothing to retry`);
    }
    if (chosen.length === 0) print("no night is parked");
  });
}
