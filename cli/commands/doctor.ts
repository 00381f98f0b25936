/**
 * `gppy doctor`: what is missing on this machine, and how to get it.
 *
 * @module
 */

import { Command } from "commander";
import { ExternalToolError } from "../../config/errors.ts";
import { loadSite, type Site } from "../../config/site.ts";
import {
  brokenSite,
  type Check,
  checkMachine,
  checkPrograms,
  checkSite,
} from "../doctor_checks.ts";
import { colorsFor } from "../colors.ts";
import { alignColumns } from "../table_text.ts";
import { print } from "../terminal.ts";

interface DoctorOptions {
  readonly config?: string;
  readonly base?: string;
  readonly json?: boolean;
}

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function doctorCommand(): Command {
  return new Command("doctor")
    .summary("Tell what is missing on this machine, and how to get it")
    .description(
      "Looks at the machine, the outside programs with their versions, the GPU, the folders and\n" +
        "their permissions, keys.dat and the tables. Ends with 0 when everything that gppy cannot\n" +
        "work without is there, else with 30.",
    )
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)")
    .option("--json", "print JSON: a list of part, name, state and what was found")
    .action(async (options: DoctorOptions) => {
      const checks = await examine(options);
      print(options.json ? JSON.stringify(checks, null, 2) : formatChecks(checks));
      const missing = checks.filter(({ state }) => state === "missing");
      if (missing.length === 0) return;
      const names = missing.map(({ name }) => name).join(", ");
      throw new ExternalToolError(`Cannot process a night: missing or unusable: ${names}`);
    });
}

async function examine(options: DoctorOptions): Promise<Check[]> {
  let site: Site | undefined;
  let siteChecks: Check[];
  try {
    site = await loadSite({ folder: options.config, base: options.base });
    siteChecks = checkSite(site);
  } catch (error) {
    siteChecks = [brokenSite(error)];
  }
  return [
    ...await checkMachine(site?.paths.base ?? Deno.cwd()),
    ...await checkPrograms(),
    ...siteChecks,
  ];
}

const { green, yellow, red } = colorsFor(Deno.stdout);

const MARKS: Readonly<Record<Check["state"], (text: string) => string>> = {
  ok: green,
  warn: yellow,
  missing: red,
};

function formatChecks(checks: readonly Check[]): string {
  const lines = alignColumns(
    checks.map(({ name, state, found }) => [state.padEnd(7), name, found]),
    2,
  ).split("\n");
  let part = "";
  return checks.flatMap((check, index) => {
    const line = (lines[index] ?? "").replace(check.state, MARKS[check.state](check.state));
    const head = check.part === part ? [] : [`${part === "" ? "" : "\n"}${check.part}`];
    part = check.part;
    return [...head, line];
  }).join("\n");
}
