/**
 * Shell completions.
 *
 * @module
 */

import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/**
 * Adds `gppy completions <shell>` and the hidden command that the shells ask.
 *
 * A shell shows one line a candidate, and reads each line as one: the summaries of
 * the commands stand in for their descriptions meanwhile.
 *
 * @param program The root command with all its commands.
 */
export function addCompletions(program: Command): void {
  const descriptions = program.commands.map((command) => command.description());
  for (const command of program.commands) {
    command.description(command.summary() || command.description().split("\n", 1)[0]!);
  }
  tab(program, { completionCommandName: "completions" });
  for (const [index, text] of descriptions.entries()) program.commands[index]!.description(text);
}
