/**
 * The program: parses the command line, runs a command, and is the only place that
 * turns an error into an exit code.
 *
 * @module
 */

import { Command, CommanderError } from "commander";
import { EXIT_CODES, GppyError } from "../config/errors.ts";
import { VERSION } from "../config/version.ts";
import { STAGES } from "../stages/registry.ts";
import { addCompletions } from "./completions.ts";
import { cleanCommand } from "./commands/clean.ts";
import { configCommand } from "./commands/config.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { referenceCommand } from "./commands/reference.ts";
import { historyCommand } from "./commands/history.ts";
import { parkCommand } from "./commands/park.ts";
import { retryCommand } from "./commands/retry.ts";
import { noticesCommand } from "./commands/notices.ts";
import { runCommand } from "./commands/run.ts";
import { showCommand } from "./commands/show.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { stageCommand } from "./commands/stage.ts";
import { statusCommand } from "./commands/status.ts";
import { verifyCommand } from "./commands/verify.ts";
import { watchCommand, watchStepCommand } from "./commands/watch.ts";
import { note } from "./terminal.ts";

/**
 * Runs the program.
 *
 * @param args The command line without the program's name.
 * @returns The exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT_CODES.done;
  const program = makeProgram((code) => exitCode = code);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    return reportError(error);
  }
}

/**
 * Makes the command tree.
 *
 * @param setExitCode Told the outcome of a command that ends well.
 * @returns The root command.
 */
export function makeProgram(setExitCode: (code: number) => void): Command {
  const program = new Command("gppy")
    .description(
      "From raw telescope frames to calibrated images, stacks, difference images and transients.",
    )
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    .showHelpAfterError("(gppy --help lists the commands)")
    .configureHelp({ sortSubcommands: false })
    .configureOutput({ outputError: (text) => note(text.trimEnd()) });
  program.commandsGroup("A night:");
  program.addCommand(runCommand(setExitCode));
  program.commandsGroup("Unattended:");
  const unattended = [
    watchCommand(),
    statusCommand(),
    historyCommand(),
    retryCommand(),
    parkCommand(),
    noticesCommand(setExitCode),
  ];
  for (const command of unattended) program.addCommand(command);
  program.addCommand(watchStepCommand(setExitCode), { hidden: true });
  program.commandsGroup("Stages, each from manifest to manifest:");
  for (const stage of STAGES) program.addCommand(stageCommand(stage, setExitCode));
  program.commandsGroup("Around it:");
  const around = [
    showCommand(),
    verifyCommand(setExitCode),
    cleanCommand(),
    referenceCommand(setExitCode),
    simulateCommand(),
    configCommand(),
    doctorCommand(),
  ];
  for (const command of around) program.addCommand(command);
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    command.description(joinLines(command.description()));
  }
  addCompletions(program);
  program.addHelpText("after", EXAMPLES);
  return program;
}

const EXAMPLES = `
Examples:
  gppy simulate --out night                    make a night to try things on
  gppy run 7DT07 2024-04-23                    take a night through every stage
  gppy calib NIGHT | gppy astrom | gppy phot   or stage by stage, through pipes
  gppy doctor                                  what is missing, and how to get it

Exit codes: 0 done or nothing to do, 2 wrong usage, 10 done but frames were left behind,
20 data cannot be used, 30 an external program failed, 40 the GPU failed, 70 a defect of gppy,
130 interrupted.`;

/** Makes one line of each paragraph, so that the help wraps it to the terminal. */
function joinLines(text: string): string {
  return text.replace(/(?<!\n)\n(?!\n)/g, " ");
}

function reportError(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
  }
  if (error instanceof GppyError) {
    note(`gppy: ${error.message}`);
    return error.exitCode;
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    note("gppy: interrupted; finished work is kept");
    return EXIT_CODES.interrupted;
  }
  note(`gppy: a defect in gppy: ${error instanceof Error ? error.stack ?? error.message : error}`);
  return EXIT_CODES.internal;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
