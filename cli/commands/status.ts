/**
 * `gppy status`: what the watchers do, and where each night stands.
 *
 * @module
 */

import { Command } from "commander";
import type { Night } from "../../watch/journal.ts";
import { readStatus, type RunningStage, type Status } from "../../watch/status.ts";
import { addJournalOptions, type JournalOptions, openExisting } from "../journal_options.ts";
import { alignColumns } from "../table_text.ts";
import { print } from "../terminal.ts";

interface StatusOptions extends JournalOptions {
  readonly json?: boolean;
}

const DONE_SHOWN = 10;

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function statusCommand(): Command {
  const command = new Command("status")
    .summary("Tell what the watchers do, and where each night stands")
    .description(
      "Tells what the watchers do at this moment, which nights arrive, wait, failed or are parked,\n" +
        `and the last ${DONE_SHOWN} that are done.`,
    )
    .argument("[unit...]", "only these telescopes", [])
    .option("--json", "print JSON");
  addJournalOptions(command);
  return command.action(async (units: string[], options) => {
    using journal = await openExisting(options as JournalOptions);
    if (!journal) {
      return print((options as StatusOptions).json ? "null" : "no watcher has run here yet");
    }
    const status = readStatus(journal, { units, doneShown: DONE_SHOWN });
    print(
      (options as StatusOptions).json ? JSON.stringify(status, null, 2) : describeStatus(status),
    );
  });
}

/**
 * Describes the status for people.
 *
 * @param status What the journal says.
 * @param now Milliseconds of UTC since 1970.
 * @returns Lines of text.
 */
export function describeStatus(status: Status, now: number = Date.now()): string {
  const counts = Object.entries(status.counts).map(([state, count]) => `${count} ${state}`);
  const rows = status.nights.map((night) => [
    night.unit,
    night.folder,
    night.running ? "running" : night.state,
    nightFacts(night, now),
  ]);
  const account = status.reconciliation;
  return [
    `Nights: ${counts.join(", ") || "none"}`,
    ...status.running.map((stage) => describeRunning(stage, now)),
    ...(status.paused === null ? [] : [`Paused: too little ${status.paused}`]),
    ...(status.noticesWaiting === 0 ? [] : [`Notices waiting: ${status.noticesWaiting}`]),
    ...(account === null ? [] : [
      `Account of ${time(account.at)}: ${account.lights} lights of ${account.nights} nights: ` +
      `${account.used} used, ${account.left} left with a reason, ${account.unaccounted} unaccounted`,
    ]),
    ...(rows.length === 0 ? [] : [alignColumns(rows, 2)]),
  ].join("\n");
}

function describeRunning(stage: RunningStage, now: number): string {
  const minutes = Math.max(0, Math.round((now - stage.since) / 60_000));
  const dead = stage.alive === false ? ", which is dead: the next watcher takes it over" : "";
  return `Running: ${stage.unit} ${stage.folder}: ${stage.stage} for ${minutes} min ` +
    `(process ${stage.pid} on ${stage.host}${dead})`;
}

function nightFacts(night: Night, now: number): string {
  const error = night.error?.split("\n")[0] ?? "";
  switch (night.state) {
    case "arriving":
      return `${night.files} files; ${night.waitingFor ?? ""}`;
    case "ready":
      return night.step === 0 ? `${night.files} files` : `${night.step} steps done`;
    case "retry": {
      const minutes = Math.max(0, Math.ceil(((night.notBefore ?? now) - now) / 60_000));
      return `try ${night.attempts} failed, again in ${minutes} min: ${error}`;
    }
    case "parked":
      return error;
    case "done":
    case "partial": {
      const left = night.leftBehind > 0 ? `, ${night.leftBehind} left behind` : "";
      return `${time(night.finished ?? 0)}${left}${night.run > 1 ? `, run ${night.run}` : ""}`;
    }
    default:
      return "";
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}
