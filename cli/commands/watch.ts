/**
 * `gppy watch`: nights are taken through every stage as they arrive.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import { getLogger, type Logger } from "@logtape/logtape";
import { UsageError } from "../../config/errors.ts";
import { loadSite, type Site } from "../../config/site.ts";
import { CHAIN } from "../../stages/registry.ts";
import { realClock } from "../../watch/clock.ts";
import { processExecutor } from "../../watch/executor.ts";
import { Journal, journalPath } from "../../watch/journal.ts";
import { createNotifier } from "../../watch/notify.ts";
import { WATCH_PARAMETERS } from "../../watch/settings.ts";
import { stepNames } from "../../watch/steps.ts";
import { watch } from "../../watch/watcher.ts";
import { serveStep } from "../../watch/worker.ts";
import { addStageFlags, readStageFlags } from "../flags.ts";
import { watchSettings } from "../journal_options.ts";
import { setUpLogging } from "../logging.ts";
import { permissionFlags, type PermissionSite } from "../permissions.ts";
import { note, print } from "../terminal.ts";
import type { SetExitCode } from "../command_list.ts";

interface WatchOptions {
  readonly config?: string;
  readonly base?: string;
  readonly all?: boolean;
  readonly once?: boolean;
  readonly device: "auto" | "webgpu" | "cpu";
  readonly logFormat: "text" | "json";
  readonly verbose?: boolean;
  readonly quiet?: boolean;
}

/** How long the last notices may take to leave, in seconds. */
const FLUSH_S = 10;

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function watchCommand(): Command {
  const command = new Command("watch")
    .summary("Take nights through every stage as they arrive")
    .description(
      "Looks for night folders of one or more telescopes, waits until their files are whole and\n" +
        "still, and takes each through every stage. A night that fails is tried again with growing\n" +
        "waits, then parked; it never holds up the others. Targets of opportunity go first.\n\n" +
        "All that happens is kept in a journal: a watcher that was killed goes on where it was.\n" +
        "SIGTERM or Ctrl-C lets running stages end for a while; a second one ends them at once.",
    )
    .argument("[unit...]", "codes of telescopes, such as 7DT07")
    .option("--all", "all telescopes of obs.dat")
    .option("--once", "do what can be done now, and end: for cron");
  addStageFlags(command, WATCH_PARAMETERS);
  addWatchOptions(command.optionsGroup("Shared options:"));
  command.addHelpText(
    "after",
    "\nExamples:\n  gppy watch 7DT07\n  gppy watch --all --concurrency 2\n" +
      "  gppy status                  what it is doing\n" +
      "  gppy retry 7DT07 2024-04-23  after the cause of a failure is gone",
  );
  return command.action(async (units: string[], options: WatchOptions) => {
    await startLogging(options);
    const site = await loadSite({ folder: options.config, base: options.base });
    const wanted = chooseUnits(site, units, options.all ?? false);
    const settings = watchSettings(site, readStageFlags(command, WATCH_PARAMETERS));
    const log = getLogger(["gppy"]);
    const path = settings.journal ?? journalPath(site.paths);
    using journal = Journal.open(path);
    await using notifier = createNotifier(site, log, { outbox: path });
    using signals = new StopSignals(log);
    const own = await ownCommand({ site, settings, env: Deno.env.toObject() });
    const executor = processExecutor({
      command: [...own, ...stepArguments(site, options, options.device)],
      commandOnCpu: [...own, ...stepArguments(site, options, "cpu")],
      gpuStages: settings.gpuStages,
      clock: realClock,
      log,
      timeLimitS: settings.stageLimitS,
      env: { GPPY_PATH_BASE: site.paths.base },
    });
    log.info("Watching {units} below {obsdata}; journal {path}", {
      units: wanted.join(", "),
      obsdata: site.paths.obsdata,
      path,
    });
    await watch({
      journal,
      settings,
      site,
      units: wanted,
      steps: stepNames(CHAIN),
      executor,
      clock: realClock,
      log,
      notifier,
      stop: signals.stop,
      hurry: signals.hurry,
      once: options.once ?? false,
    });
    await notifier.flush(FLUSH_S);
  });
}

/**
 * Makes the command that a watcher starts for one step of one night.
 *
 * @param setExitCode Told the outcome.
 * @returns The command.
 */
export function watchStepCommand(setExitCode: SetExitCode): Command {
  return addWatchOptions(new Command("watch-step"))
    .summary("One step of a night, for gppy watch")
    .action(async (options: WatchOptions) => {
      await startLogging(options);
      const site = await loadSite({ folder: options.config, base: options.base });
      const { device } = options;
      const log = getLogger(["gppy"]);
      setExitCode(await serveStep({ chain: CHAIN, site, log, device, write: print }));
    });
}

function addWatchOptions(command: Command): Command {
  return command
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)")
    .addOption(
      new Option("--device <device>", "where pixels are computed")
        .choices(["auto", "webgpu", "cpu"]).default("auto"),
    )
    .addOption(
      new Option("--log-format <format>", "form of the log on stderr")
        .choices(["text", "json"]).default("text"),
    )
    .option("-v, --verbose", "log what the programs are called with")
    .option("-q, --quiet", "log warnings and errors only");
}

async function startLogging(options: WatchOptions): Promise<void> {
  const level = options.quiet ? "warning" : options.verbose ? "debug" : "info";
  await setUpLogging({ format: options.logFormat, level, write: note });
}

function chooseUnits(site: Site, units: readonly string[], all: boolean): readonly string[] {
  if (all) return [...site.units.keys()];
  if (units.length === 0) {
    throw new UsageError("Cannot watch: say which telescopes, such as 7DT07, or --all");
  }
  return [...new Set(units)].map((code) => site.unit(code).code);
}

function stepArguments(site: Site, options: WatchOptions, device: string): string[] {
  return [
    "watch-step",
    ...(site.folder === null ? [] : ["--config", site.folder]),
    "--device",
    device,
    "--log-format",
    "json", // read by the watcher, which passes it on in the form that was asked for
    ...(options.verbose ? ["--verbose"] : []),
    ...(options.quiet ? ["--quiet"] : []),
  ];
}

/**
 * How this very program is started again: the compiled binary itself, or Deno with its script.
 * A program that was given permissions gives its steps fewer.
 */
async function ownCommand(where: PermissionSite): Promise<string[]> {
  const command = Deno.execPath();
  const run = await Deno.permissions.query({ name: "run", command });
  if (run.state !== "granted") {
    throw new UsageError(
      `Cannot watch: permission to run "${command}" is needed, for each step is a process of its own`,
    );
  }
  if (Deno.build.standalone) return [command];
  const all = (await Deno.permissions.query({ name: "run" })).state === "granted";
  const script = fileURLToPath(Deno.mainModule);
  const config = join(dirname(script), "..", "deno.json");
  return [
    command,
    "run",
    "--quiet",
    ...(all ? ["--allow-all"] : permissionFlags(where, "step")),
    ...(existsSync(config) ? ["--config", config] : []),
    script,
  ];
}

/** SIGTERM and SIGINT: the first asks to stop, the second to hurry. */
class StopSignals implements Disposable {
  readonly #stop = new AbortController();
  readonly #hurry = new AbortController();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, this.#on);
  }

  readonly #on = (): void => {
    if (this.#stop.signal.aborted) this.#hurry.abort();
    else this.#log.info("Asked to stop");
    this.#stop.abort();
  };

  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  get hurry(): AbortSignal {
    return this.#hurry.signal;
  }

  [Symbol.dispose](): void {
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(name, this.#on);
  }
}
