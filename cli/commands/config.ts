/**
 * `gppy config`: each effective value and where it came from; starts a site folder.
 *
 * @module
 */

import { Command } from "commander";
import { join, resolve } from "node:path";
import { UsageError } from "../../config/errors.ts";
import type { Explained, JsonValue } from "../../config/explain.ts";
import { loadSite, type Site } from "../../config/site.ts";
import { starterFiles } from "../../config/starter.ts";
import { describeParameters, resolveParameters } from "../../stages/parameters.ts";
import { STAGES } from "../../stages/registry.ts";
import { WATCH_PARAMETERS } from "../../watch/settings.ts";
import { formatValues } from "../config_text.ts";
import { watchSettings } from "../journal_options.ts";
import { permissionFlags } from "../permissions.ts";
import { note, print } from "../terminal.ts";

/** What has a section in `gppy.toml`. */
const OWNERS = [...STAGES, WATCH_PARAMETERS];

interface ConfigOptions {
  readonly config?: string;
  readonly base?: string;
  readonly json?: boolean;
  readonly init?: string;
  readonly permissions?: boolean;
}

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function configCommand(): Command {
  return new Command("config")
    .summary("Print each effective value and where it came from")
    .description(
      "Prints each effective value and where it came from: folders, parameters of stages,\n" +
        "telescope units, cameras, targets, corrections of headers. A value is taken from the\n" +
        "flag, else the environment (GPPY_…), else the site folder, else the default.",
    )
    .argument("[name]", "only names that start so, such as path, stack or unit.7DT07", "")
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)")
    .option("--json", "print JSON: a list of name, value and source")
    .option("--permissions", "print the least permissions for deno run, one a line")
    .option("--init <dir>", "write a commented site folder to start from, and print its files")
    .action(async (name: string, options: ConfigOptions) => {
      if (options.init !== undefined) return initSite(options.init);
      const site = await loadSite({ folder: options.config, base: options.base });
      if (options.permissions) return printPermissions(site);
      const values = explainAll(site, Deno.env.toObject()).filter(({ name: each }) =>
        each.startsWith(name)
      );
      if (values.length === 0) throw new UsageError(`Cannot find a value named "${name}…"`);
      print(options.json ? JSON.stringify(values, null, 2) : formatValues(values));
    });
}

function printPermissions(site: Site): void {
  const settings = watchSettings(site, {});
  const env = Deno.env.toObject();
  for (const flag of permissionFlags({ site, settings, env }, "program")) print(flag);
}

/**
 * Every effective value of a site and of the stages.
 *
 * @param site The site.
 * @param env Environment variables.
 * @returns Values with where they came from; parameters are named `<stage>.<key>`.
 * @throws {UsageError} If `gppy.toml` has a section or key that no stage knows, or a wrong value.
 */
export function explainAll(
  site: Site,
  env: Readonly<Record<string, string | undefined>>,
): Explained[] {
  const places = site.explain();
  const parameters = OWNERS.flatMap((stage) => {
    const config = site.stageSettings(stage.name);
    const { record } = resolveParameters(stage, { environment: env, config });
    return describeParameters(stage).map(({ key, environment }): Explained => {
      const name = `${stage.name}.${key}`;
      const { value, source } = record[key] ?? { value: null, source: "default" };
      const place = places.find((entry) => entry.name === name)?.source ?? source;
      return {
        name,
        value: value as JsonValue,
        source: source === "environment"
          ? `environment ${environment}`
          : source === "config"
          ? place
          : source,
      };
    });
  });
  const known = new Set(parameters.map((entry) => entry.name));
  return [...places.filter((entry) => !known.has(entry.name)), ...parameters];
}

async function initSite(folder: string): Promise<void> {
  const files = starterFiles().set("gppy.toml", settingsFile());
  const target = resolve(folder);
  await Deno.mkdir(target, { recursive: true });
  for (const [name, text] of files) {
    const path = join(target, name);
    try {
      const mode = name.startsWith("keys") ? 0o600 : 0o644;
      await Deno.writeTextFile(path, text, { createNew: true, mode });
      print(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      note(`kept as it is: ${path}`);
    }
  }
  note(`Edit path.json, then use the folder: export GPPY_CONFIG=${target}`);
}

/** All parameters of all stages, commented. */
function settingsFile(): string {
  const sections = OWNERS.map((stage) => [
    `[${stage.name}]  # ${stage.summary}`,
    ...describeParameters(stage).flatMap((info) => [
      `# ${info.description}${info.unit === undefined ? "" : ` [${info.unit}]`}`,
      `# ${info.key} = ${tomlValue(info.default)}`,
    ]),
    "",
  ]);
  return [
    "# Parameters of the stages. What is commented is the default; flags and GPPY_… variables win.",
    "",
    ...sections.flat(),
  ].join("\n");
}

function tomlValue(value: unknown): string {
  return value === undefined || value === null ? '""  # not set' : JSON.stringify(value);
}
