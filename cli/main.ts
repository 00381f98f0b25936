/**
 * The program: parses the command line, runs a command, and is the only place that
 * turns an error into an exit code.
 *
 * @module
 */

import { Command, CommanderError, type OutputConfiguration } from "commander";
import { EXIT_CODES, GppyError } from "../config/errors.ts";
import { VERSION } from "../config/version.ts";
import { COMMANDS, type ListedCommand, type SetExitCode } from "./command_list.ts";
import { note, print } from "./terminal.ts";

/**
 * Runs the program.
 *
 * @param args The command line without the program's name.
 * @returns The exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT_CODES.done;
  try {
    const asked = COMMANDS.filter(({ name }) => name === args[0]);
    const needsAll = asked.length === 0 && !/^(-V|--version)$/.test(args[0] ?? "");
    const program = await makeProgram((code) => exitCode = code, needsAll ? undefined : asked);
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
 * @param commands Those it knows; all, and the completions, if left out.
 * @returns The root command.
 */
export async function makeProgram(
  setExitCode: SetExitCode,
  commands?: readonly ListedCommand[],
): Promise<Command> {
  const program = new Command("gppy")
    .description(
      "From raw telescope frames to calibrated images, stacks, difference images and transients.",
    )
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    .showHelpAfterError("(gppy --help lists the commands)")
    .configureHelp({ sortSubcommands: false })
    .configureOutput(OUTPUT);
  const listed = commands ?? COMMANDS;
  const loaded = await Promise.all(listed.map(({ load }) => load(setExitCode)));
  for (const [index, command] of loaded.entries()) {
    const { group } = listed[index]!;
    if (group !== undefined) program.commandsGroup(group);
    program.addCommand(command, { hidden: group === undefined });
  }
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    command.description(joinLines(command.description()));
  }
  if (commands === undefined) (await import("./completions.ts")).addCompletions(program);
  program.addHelpText("after", EXAMPLES);
  return program;
}

/** The terminal without Node's process, which takes as long to load as a command. */
const OUTPUT: OutputConfiguration = {
  writeOut: (text) => print(text.trimEnd()),
  writeErr: (text) => note(text.trimEnd()),
  outputError: (text) => note(text.trimEnd()),
  getOutHelpWidth: () => widthOf(Deno.stdout),
  getErrHelpWidth: () => widthOf(Deno.stderr),
  getOutHasColors: () => false,
  getErrHasColors: () => false,
};

function widthOf(stream: { isTerminal(): boolean }): number {
  return stream.isTerminal() && Deno.consoleSize().columns || 80;
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
