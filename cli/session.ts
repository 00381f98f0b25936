/**
 * What every command that works on frames needs: the options they share, the
 * site, logging, progress and the signal that interrupts them.
 *
 * @module
 */

import type { Command } from "commander";
import { Option } from "commander";
import { getLogger, type Logger } from "@logtape/logtape";
import { loadSite, type Site } from "../config/site.ts";
import { LazyCompute } from "../gpu/lazy_compute.ts";
import { setUpLogging } from "./logging.ts";
import { makeProgress, type ProgressDisplay } from "./progress.ts";
import { note } from "./terminal.ts";

/** The options that all commands working on frames share. */
export interface SharedOptions {
  readonly config?: string;
  readonly base?: string;
  readonly unit?: string;
  readonly work?: string;
  readonly only?: string;
  readonly force?: boolean;
  readonly device: "auto" | "webgpu" | "cpu";
  readonly logFormat: "text" | "json";
  readonly verbose?: boolean;
  readonly quiet?: boolean;
}

/** An open session; dispose of it to restore the terminal and the signal handlers. */
export interface Session extends Disposable {
  readonly site: Site;
  readonly log: Logger;
  readonly display: ProgressDisplay;
  readonly signal: AbortSignal;
  /** Where pixels are computed, as `--device` asks; opened when a stage needs it. */
  readonly compute: LazyCompute;
}

/**
 * Adds the shared options to a command.
 *
 * @param command Where to add them.
 * @param asks What the command asks for in another way.
 * @returns The same command.
 */
export function addSharedOptions(
  command: Command,
  asks: { readonly unit?: boolean } = {},
): Command {
  command
    .optionsGroup("Shared options:")
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)");
  if (asks.unit !== true) {
    command.option("--unit <code>", "telescope the frames are from; else read from path or cards");
  }
  return command
    .option("--work <dir>", "where the stages work; else <path_base>/work/<unit>/<night>")
    .option("--only <name>", "take one object, one filter or one frame")
    .option("--force", "do it again even if the same was done before")
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

/**
 * Opens a session.
 *
 * @param options The shared options as given.
 * @returns Site, log, progress and signal.
 * @throws {UsageError} If the site folder or one of its tables is wrong.
 */
export async function openSession(options: SharedOptions): Promise<Session> {
  const bar = Deno.stderr.isTerminal() && options.logFormat === "text";
  const display = await makeProgress({ bar, quiet: options.quiet ?? false, write: note });
  const level = options.quiet ? "warning" : options.verbose ? "debug" : "info";
  await setUpLogging({ format: options.logFormat, level, write: display.line });
  const site = await loadSite({
    ...(options.config === undefined ? {} : { folder: options.config }),
    ...(options.base === undefined ? {} : { base: options.base }),
  });
  if (options.unit !== undefined) site.unit(options.unit); // refuses what obs.dat does not know
  const controller = new AbortController();
  const interrupt = () => controller.abort(new DOMException("Interrupted", "AbortError"));
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, interrupt);
  const log = getLogger(["gppy"]);
  const compute = new LazyCompute({
    device: options.device,
    onEvent: (text) => log.warn("{text}", { text }),
  });
  return {
    site,
    log,
    display,
    signal: controller.signal,
    compute,
    [Symbol.dispose]() {
      display.stop();
      compute[Symbol.dispose]();
      for (const name of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(name, interrupt);
    },
  };
}
