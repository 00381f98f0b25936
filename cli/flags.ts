/**
 * Flags of a stage, made from its schema.
 *
 * @module
 */

import { type Command, Option } from "commander";
import {
  describeParameters,
  type ParameterInfo,
  type ParameterOwner,
} from "../stages/parameters.ts";

/**
 * Adds one flag a parameter.
 *
 * @param command Where to add them.
 * @param stage The stage.
 * @returns The same command.
 */
export function addStageFlags(command: Command, stage: ParameterOwner): Command {
  command.optionsGroup("Parameters:");
  for (const info of describeParameters(stage)) {
    if (info.type === "boolean") {
      const description = `${info.description}${describeDefault(info)}`;
      command.addOption(new Option(`--${info.flag}`, description));
      command.addOption(new Option(`--no-${info.flag}`, "").hideHelp());
    } else {
      const option = new Option(`--${info.flag} <${valueName(info)}>`, describe(info));
      if (info.choices.length > 0 && info.type !== "array") option.choices(info.choices);
      command.addOption(option);
    }
  }
  return command;
}

/**
 * The parameters that were given as flags.
 *
 * @param command A parsed command.
 * @param stage The stage.
 * @returns Values by schema key; strings are not converted yet.
 */
export function readStageFlags(
  command: Command,
  stage: ParameterOwner,
): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const info of describeParameters(stage)) {
    const option = command.options.find((candidate) => candidate.long === `--${info.flag}`);
    const name = option?.attributeName();
    if (name !== undefined && command.getOptionValueSource(name) === "cli") {
      given[info.key] = command.getOptionValue(name);
    }
  }
  return given;
}

function valueName(info: ParameterInfo): string {
  if (info.type === "array") return `${info.itemType},…`;
  return info.type === "string" ? "value" : info.type === "integer" ? "n" : "x";
}

function describe(info: ParameterInfo): string {
  const unit = info.unit === undefined ? "" : ` [${info.unit}]`;
  return `${info.description}${unit}${describeDefault(info)}`;
}

function describeDefault(info: ParameterInfo): string {
  if (info.default === undefined || info.default === null) return "";
  const text = Array.isArray(info.default) ? info.default.join(",") : String(info.default);
  return text === "" ? "" : ` (default: ${text})`;
}
