/**
 * `gppy simulate`: a synthetic night with its references, catalogues and truth.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command, Option } from "commander";
import * as z from "zod";
import { loadSite } from "../../config/site.ts";
import { simulate, type SimulatedNight, simulateParams } from "../../sim/simulate.ts";
import { makeProgress } from "../progress.ts";
import { note, print } from "../terminal.ts";

interface Property {
  readonly type?: string;
  readonly description?: string;
  readonly unit?: string;
  readonly default?: unknown;
}

interface SimulateFlags extends Record<string, unknown> {
  readonly out: string;
  readonly config?: string;
  readonly force?: boolean;
  readonly quiet?: boolean;
}

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function simulateCommand(): Command {
  const command = new Command("simulate")
    .summary("Make a synthetic night with its truth")
    .description(
      "Makes a raw night as the 7DT would have taken it, with deeper reference frames, reference " +
        "catalogues and tables of what is true about it, laid out as a site below one folder. " +
        "Equal parameters give equal bytes.\n\nThe detector depends on the unit alone, so that " +
        "masters may be borrowed from another night in the same folder; references and tables of " +
        "the truth belong to the night simulated last.",
    )
    .requiredOption("--out <dir>", "folder that everything goes to");
  command.optionsGroup("Parameters:");
  for (const [key, property] of properties()) command.addOption(makeOption(key, property));
  command.optionsGroup("Other options:")
    .option("--config <dir>", "site folder whose obs.dat knows the unit (GPPY_CONFIG)")
    .option("--force", "write over a night of the same name")
    .option("-q, --quiet", "say only where things are");
  command.addHelpText("after", EXAMPLES);
  return command.action((flags: SimulateFlags) => run(flags));
}

const EXAMPLES = `
Examples:
  gppy simulate --out night
  gppy simulate --out night --filters m400,m600,r --lights 5 --size 9576x6388
  gppy simulate --out night --truncated 1 --aborted 1 --no-flats m600
  gppy run 7DT07 2024-04-23 --config night/site`;

async function run(flags: SimulateFlags): Promise<void> {
  const { out, config, force, quiet } = flags;
  const given = Object.fromEntries(
    properties().map(([key]) => [key, flags[key]])
      .filter(([, value]) => value !== undefined),
  );
  const site = await loadSite({ folder: config });
  const display = await makeProgress({
    bar: Deno.stderr.isTerminal(),
    quiet: quiet ?? false,
    write: note,
  });
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  Deno.addSignalListener("SIGINT", stop);
  const begin = performance.now();
  try {
    const made = await simulate(given, {
      out: resolve(out),
      site,
      force: force ?? false,
      signal: interrupt.signal,
      progress: display.start("simulate"),
    });
    display.stop();
    if (!quiet) note(describe(made, (performance.now() - begin) / 1000));
    print(made.night);
  } finally {
    display.stop();
    Deno.removeSignalListener("SIGINT", stop);
  }
}

function describe(made: SimulatedNight, elapsedS: number): string {
  const count = (type: string) =>
    made.frames.filter(({ frame }) => frame.imageType === type).length;
  const kinds = ["light", "flat", "bias", "dark"].map((type) => `${count(type)} ${type}`);
  const transients = made.transients.flatMap((field) => field.transients);
  const fading = transients.filter(({ kind }) => kind === "fading").length;
  return [
    `${made.frames.length} raw frames (${kinds.join(", ")}) in ${elapsedS.toFixed(1)} s`,
    `${transients.length - fading} new sources and ${fading} fading ones: ${made.truth.transients}`,
    `site folder: ${made.site}`,
  ].join("\n");
}

function properties(): [string, Property][] {
  const schema = z.toJSONSchema(simulateParams, { io: "input" }) as {
    properties?: Record<string, Property>;
  };
  const defaults: Readonly<Record<string, unknown>> = simulateParams.parse({});
  return Object.entries(schema.properties ?? {}).map(([key, property]) => [
    key,
    { ...property, default: defaults[key] },
  ]);
}

function makeOption(key: string, property: Property): Option {
  const unit = property.unit === undefined ? "" : ` [${property.unit}]`;
  const text = `${property.description ?? ""}${unit}${describeDefault(property.default)}`;
  const value = property.type === "integer" ? "n" : property.type === "number" ? "x" : "value";
  const flag = property.type === "boolean" ? `--${kebab(key)}` : `--${kebab(key)} <${value}>`;
  const option = new Option(flag, text);
  // Commander takes `--no-x` for the negation of `x`; here each is a parameter of its own.
  option.negate = false;
  // Numbers become numbers here; what is not one is left to the schema to refuse.
  return value === "value" ? option : option.argParser((given) => {
    const number = Number(given);
    return given.trim() === "" || Number.isNaN(number) ? given : number;
  });
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function describeDefault(value: unknown): string {
  if (value === undefined || value === false) return "";
  if (Array.isArray(value)) return value.length === 0 ? "" : ` (default: ${value.join(",")})`;
  if (typeof value === "object" && value !== null) {
    return ` (default: ${Object.values(value).join("x")})`;
  }
  return ` (default: ${value})`;
}
