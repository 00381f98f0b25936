/**
 * `gppy run`: the whole chain on one night, in one process.
 *
 * @module
 */

import { basename, join } from "node:path";
import { Command } from "commander";
import { DataError, UsageError } from "../../config/errors.ts";
import { reasonOf } from "../../config/reason.ts";
import type { Site } from "../../config/site.ts";
import { CHAIN, findStage, STAGES } from "../../stages/registry.ts";
import { describeParameters, resolveParameters } from "../../stages/parameters.ts";
import type { StageDeclaration } from "../../stages/stage.ts";
import { refuseIfWatched } from "../../watch/night_guard.ts";
import { remainingStages, runNight } from "../../watch/run_night.ts";
import { addSharedOptions, openSession, type SharedOptions } from "../session.ts";
import { describeRun } from "../summary.ts";
import { note } from "../terminal.ts";
import type { SetExitCode } from "../command_list.ts";
import { exitCodeFor, loadInput, sendManifest } from "./stage.ts";

interface RunOptions extends SharedOptions {
  readonly output?: string;
  readonly from?: string;
  readonly to?: string;
  readonly set?: readonly string[];
}

/**
 * Makes the command.
 *
 * @param setExitCode Told the outcome.
 * @returns The command.
 */
export function runCommand(setExitCode: SetExitCode): Command {
  const names = STAGES.map((stage) => stage.name).join(", ");
  const command = new Command("run")
    .summary("Take a night through every stage")
    .description(
      "Takes a night through every stage: calib, astrom, phot, stack, phot, subtract, detect, curate.\n\n" +
        "Stages that were done before with the same input and parameters are passed over, so a run\n" +
        "that was cut off goes on where it stopped.",
    )
    .argument("<unit>", "code of the telescope, such as 7DT07")
    .argument("[night...]", "a date, a folder, FITS files or a manifest")
    .option("-o, --output <file>", "write the last manifest here instead of to stdout")
    .option("--from <stage>", `begin with this stage (${names})`)
    .option("--to <stage>", "end with this stage")
    .option(
      "--set <stage.parameter=value>",
      "set a parameter of a stage; may be given again",
      (text: string, list: readonly string[] = []) => [...list, text],
    );
  addSharedOptions(command, { unit: true });
  command.addHelpText(
    "after",
    "\nExamples:\n  gppy run 7DT07 2024-04-23\n  gppy run 7DT07 /data/obsdata/7DT07/2024-04-23_gain2750\n" +
      "  gppy run 7DT07 2024-04-23 --only T09614 --set subtract.engine=native",
  );
  return command.action(async (unit: string, night: string[], options: RunOptions) => {
    using session = await openSession({ ...options, unit });
    const chain = cutChain(options.from, options.to);
    const flags = parseSettings(options.set ?? []);
    const input = await loadInput(
      await findNight(session.site, unit, night),
      chain[0] as StageDeclaration,
      session,
      { ...options, unit },
    );
    refuseIfWatched(session.site, input.manifest.night.source);
    const steps = remainingStages(chain, input.manifest).map((stage) => ({
      stage,
      parameters: resolveParameters(stage, {
        flags: flags.get(stage.name) ?? {},
        environment: Deno.env.toObject(),
        config: session.site.stageSettings(stage.name),
      }),
    }));
    const { site, log, signal, compute, display } = session;
    const { only, force } = options;
    const startProgress = display.start;
    const outcome = await runNight(steps, input.manifest, {
      site,
      log,
      signal,
      compute,
      startProgress,
      only,
      force,
    });
    display.stop();
    note(describeRun(outcome.manifest, outcome.elapsed));
    await sendManifest(outcome.manifest, options.output);
    setExitCode(exitCodeFor([...input.left, ...outcome.left]));
  });
}

function cutChain(from: string | undefined, to: string | undefined): readonly StageDeclaration[] {
  const start = from === undefined ? 0 : CHAIN.indexOf(findStage(from));
  const end = to === undefined ? CHAIN.length : CHAIN.lastIndexOf(findStage(to)) + 1;
  if (start >= end) {
    throw new UsageError(`Cannot run from "${from}" to "${to}": the first comes after the last`);
  }
  return CHAIN.slice(start, end);
}

function parseSettings(texts: readonly string[]): Map<string, Record<string, unknown>> {
  const flags = new Map<string, Record<string, unknown>>();
  for (const text of texts) {
    const match = /^(\w+)\.([\w-]+)=(.*)$/s.exec(text);
    if (!match) {
      throw new UsageError(`Cannot take --set "${text}": write <stage>.<parameter>=<value>`);
    }
    const [, name = "", parameter = "", value = ""] = match;
    const stage = findStage(name);
    const info = describeParameters(stage)
      .find(({ key, flag }) => key === parameter || flag === parameter);
    if (!info) {
      throw new UsageError(`Cannot take --set "${text}": ${name} has no parameter "${parameter}"`);
    }
    flags.set(name, { ...flags.get(name), [info.key]: value });
  }
  return flags;
}

/** Turns a date into the folder of that night; everything else is taken as it is. */
async function findNight(
  site: Site,
  unit: string,
  night: readonly string[],
): Promise<readonly string[]> {
  const date = night[0];
  if (night.length !== 1 || date === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    if (night.length === 0) {
      throw new UsageError("Cannot run: say which night, by its date or its folder");
    }
    return night;
  }
  const parent = join(site.paths.obsdata, unit);
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(parent)) {
      if (entry.isDirectory && entry.name.startsWith(date)) names.push(entry.name);
    }
  } catch (cause) {
    throw new DataError(
      `Cannot look for the night of ${date} in "${parent}" (path_obsdata): ${reasonOf(cause)}`,
      { cause },
    );
  }
  if (names.length !== 1) {
    const state = names.length === 0
      ? "there is none"
      : `there are ${names.sort().join(", ")}; give one as a folder`;
    throw new DataError(`Cannot choose the night of ${date} in "${parent}": ${state}`);
  }
  return names.map((name) => join(parent, basename(name)));
}
