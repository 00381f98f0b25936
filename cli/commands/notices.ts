/**
 * `gppy notices`: what was said to Slack, what waits, and the morning digest.
 *
 * @module
 */

import { Command, InvalidArgumentError } from "commander";
import { EXIT_CODES, UsageError } from "../../config/errors.ts";
import { describeDigest, gatherDigest, sendDigest } from "../../watch/digest.ts";
import { journalPath } from "../../watch/journal.ts";
import { createNotifier } from "../../watch/notify.ts";
import { type Notice, Outbox } from "../../watch/outbox.ts";
import { openSession, type Session } from "../session.ts";
import { print } from "../terminal.ts";
import type { SetExitCode } from "../command_list.ts";

interface NoticesFlags {
  readonly config?: string;
  readonly base?: string;
  readonly send?: boolean;
  readonly digest?: boolean;
  readonly dryRun?: boolean;
  readonly test?: boolean;
  readonly wait: number;
  readonly quiet?: boolean;
}

/** Notices that are listed besides those that wait. */
const SHOWN = 20;

/**
 * Makes the command.
 *
 * @param setExitCode Told 30 when something could not be sent.
 * @returns The command.
 */
export function noticesCommand(setExitCode: SetExitCode): Command {
  return new Command("notices")
    .summary("What was told to Slack, what waits")
    .description(
      "Lists the last notices and those that wait for Slack. With --send it sends what waits, with\n" +
        "--digest the digest of the last 24 hours as well (once a day, for cron), with --test a word.",
    )
    .option("--send", "send what waits")
    .option("--digest", "send the morning digest; with --dry-run print it")
    .option("--test", "send a test message")
    .option("--dry-run", "with --digest: print it, and send nothing")
    .option("--wait <seconds>", "how long to wait for Slack", parseSeconds, 60)
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)")
    .option("-q, --quiet", "log warnings and errors only")
    .addHelpText(
      "after",
      "\nExit code: 30 when notices still wait after --send, --digest or --test.\n\n" +
        "Examples:\n  0 22 * * * gppy notices --digest    in the crontab\n" +
        "  gppy notices --test                 after a change of keys.dat",
    )
    .action(async (flags: NoticesFlags) => {
      using session = await openSession({ ...flags, device: "cpu", logFormat: "text" });
      if (flags.digest && flags.dryRun) {
        print(describeDigest(await gatherDigest(session.site, Date.now())));
      } else if (flags.send || flags.digest || flags.test) {
        setExitCode(await send(session, flags) ? EXIT_CODES.done : EXIT_CODES.externalTool);
      } else await list(session);
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== "" && seconds >= 0) return seconds;
  throw new InvalidArgumentError("It is a number of seconds.");
}

/** True when nothing waits any more. */
async function send({ site, log }: Session, flags: NoticesFlags): Promise<boolean> {
  await using notifier = createNotifier(site, log);
  if (!notifier.active) {
    const status = site.keysStatus();
    const reason = status.state === "ok" ? "see the warning above" : status.message;
    throw new UsageError(`Cannot send notices: ${reason}`);
  }
  if (flags.digest) await sendDigest(site, notifier, Date.now());
  if (flags.test) {
    const at = new Date().toISOString();
    notifier.say({ key: `test/${at}`, text: `:wave: gppy can speak here (${at})` });
  }
  const { sent, waiting } = await notifier.flush(flags.wait);
  print(`${sent} sent, ${waiting} wait`);
  return waiting === 0;
}

async function list({ site }: Session): Promise<void> {
  const path = journalPath(site.paths);
  if (!await Deno.stat(path).catch(() => undefined)) return print("nothing was told yet");
  using outbox = new Outbox(path);
  const open = outbox.list(["waiting", "sending"]);
  const done = outbox.list(["sent", "refused"]).slice(-SHOWN);
  for (const notice of [...done, ...open]) print(describe(notice));
  const pause = outbox.pause();
  const until = pause && new Date(pause.untilMs).toISOString();
  print(
    `${open.length} wait${
      pause && open.length > 0 ? `, not before ${until}: ${pause.reason}` : ""
    }`,
  );
}

function describe(notice: Notice): string {
  const time = new Date(notice.sentMs ?? notice.createdMs).toISOString().slice(0, 19) + "Z";
  const tries = notice.attempts > 1 ? `, ${notice.attempts} tries` : "";
  const why = notice.reason === null ? "" : ` (${notice.reason})`;
  const text = notice.text.split("\n")[0] ?? "";
  return `${time}  ${notice.state.padEnd(7)}  ${text}${tries}${why}`;
}
