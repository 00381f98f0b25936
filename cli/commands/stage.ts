/**
 * `gppy <stage>`: one stage, from a manifest or from frames to a manifest.
 *
 * @module
 */

import { join } from "node:path";
import { Command } from "commander";
import { absolutePath } from "../../config/absolute_path.ts";
import { EXIT_CODES, UsageError } from "../../config/errors.ts";
import type { Site } from "../../config/site.ts";
import { ingest } from "../../stages/ingest.ts";
import type { Left, Manifest } from "../../stages/manifest.ts";
import {
  encodeManifest,
  parseManifest,
  readManifest,
  writeManifest,
} from "../../stages/manifest_file.ts";
import { resolveParameters } from "../../stages/parameters.ts";
import { runStage } from "../../stages/runner.ts";
import { gatherNights } from "../../stages/stack/frames/gather.ts";
import type { StageDeclaration } from "../../stages/stage.ts";
import type { SetExitCode } from "../command_list.ts";
import { addStageFlags, readStageFlags } from "../flags.ts";
import { addSharedOptions, openSession, type Session, type SharedOptions } from "../session.ts";
import { print } from "../terminal.ts";

interface StageOptions extends SharedOptions {
  readonly output?: string;
}

/**
 * Makes the command of one stage.
 *
 * @param stage The stage.
 * @param setExitCode Told the outcome.
 * @returns The command.
 */
export function stageCommand(stage: StageDeclaration, setExitCode: SetExitCode): Command {
  const command = new Command(stage.name)
    .summary(stage.summary)
    .description([`${stage.summary}.`, stage.description].filter(Boolean).join("\n\n"))
    .argument(
      "[input...]",
      stage.manyNights
        ? "manifests, `-` for stdin, or folders and FITS files"
        : "a manifest, `-` for stdin, or folders and FITS files",
    )
    .option("-o, --output <file>", "write the manifest here instead of to stdout");
  addStageFlags(command, stage);
  addSharedOptions(command);
  command.addHelpText("after", helpOnFlow(stage));
  return command.action(async (inputs: string[], options: StageOptions) => {
    using session = await openSession(options);
    const parameters = resolveParameters(stage, {
      flags: readStageFlags(command, stage),
      environment: Deno.env.toObject(),
      config: session.site.stageSettings(stage.name),
    });
    const input = await loadInput(inputs, stage, session, options);
    const result = await runStage({
      stage,
      manifest: input.manifest,
      parameters,
      site: session.site,
      log: session.log,
      signal: session.signal,
      compute: session.compute,
      progress: session.display.start(stage.name),
      only: options.only,
      force: options.force,
    });
    session.display.stop();
    session.log.info("{stage}: {made} products, {left} left behind; {path}", {
      stage: stage.name,
      made: result.manifest.products.filter((product) => product.stage === stage.name).length,
      left: result.left.length,
      path: result.path,
    });
    await sendManifest(result.manifest, options.output);
    setExitCode(exitCodeFor([...input.left, ...result.left]));
  });
}

/**
 * Sends a manifest where it was asked for: to a file, or to stdout unless that is a terminal.
 *
 * @param manifest Absolute paths.
 * @param output The file; stdout if left out or `-`.
 */
export async function sendManifest(manifest: Manifest, output?: string): Promise<void> {
  if (output !== undefined && output !== "-") await writeManifest(output, manifest);
  else if (output === "-" || !Deno.stdout.isTerminal()) {
    print(encodeManifest(manifest, null).trimEnd());
  }
}

/**
 * The exit code that tells whether frames were left behind.
 *
 * @param left What this run left behind.
 * @returns A code of {@linkcode EXIT_CODES}.
 */
export function exitCodeFor(left: readonly Left[]): number {
  return left.length === 0 ? EXIT_CODES.done : EXIT_CODES.partial;
}

/**
 * Reads the manifest a command starts from, or makes it from frames.
 *
 * @param inputs As given: a manifest, `-`, or folders and FITS files.
 * @param stage Tells what bare frames are taken as.
 * @param session Site, log and signal.
 * @param options Unit and work folder, if given.
 * @returns The manifest, and what was left behind while it was made.
 * @throws {UsageError} If there is no input, manifests and frames are mixed, or there are several
 * manifests for a stage that takes one.
 */
export async function loadInput(
  inputs: readonly string[],
  stage: Pick<StageDeclaration, "name" | "ingestAs" | "manyNights">,
  session: Session,
  options: Pick<SharedOptions, "unit" | "work">,
): Promise<{ manifest: Manifest; left: readonly Left[] }> {
  const first = inputs[0] ?? (Deno.stdin.isTerminal() ? undefined : "-");
  if (first === undefined) throw noInput(stage.name, "no input");
  const manifests = inputs.filter((input) => input === "-" || input.endsWith(".json"));
  if (stage.manyNights && manifests.length > 1 && manifests.length === inputs.length) {
    return { manifest: await gather(inputs, stage.name, session, options), left: [] };
  }
  if (manifests.length > 1 || (manifests.length === 1 && inputs.length > 1)) {
    throw new UsageError(
      `Cannot run ${stage.name}: take one manifest, or frames, not several of them together`,
    );
  }
  if (first === "-" || first.endsWith(".json")) {
    const manifest = await loadManifest(first, stage.name);
    return { manifest: withOptions(manifest, first, options), left: [] };
  }
  const { site, log, signal } = session;
  const manifest = await ingest(inputs, {
    as: stage.ingestAs,
    site,
    log,
    signal,
    progress: session.display.start("read"),
    unit: options.unit,
    work: options.work,
  });
  if (stage.ingestAs === "raw") requireUnit(manifest, site);
  return { manifest, left: manifest.left };
}

/** The products of several nights, worked on together in a folder of their own. */
async function gather(
  inputs: readonly string[],
  stage: string,
  { site, log, signal, display }: Session,
  { work }: Pick<SharedOptions, "work">,
): Promise<Manifest> {
  const folder = absolutePath(work ?? join(site.paths.work, "nights", stage));
  return await gatherNights(inputs, {
    ...{ site, log, signal, progress: display.start("read"), work: folder },
  });
}

async function loadManifest(path: string, stage: string): Promise<Manifest> {
  if (path !== "-") return await readManifest(path);
  const text = await new Response(Deno.stdin.readable).text();
  if (text.trim() === "") throw noInput(stage, "nothing came in on stdin");
  return parseManifest(text, { where: "stdin", folder: Deno.cwd() });
}

function noInput(stage: string, state: string): UsageError {
  return new UsageError(
    `Cannot run ${stage}: ${state}; give a manifest, a folder or FITS files, or pipe a manifest in`,
  );
}

function withOptions(
  manifest: Manifest,
  path: string,
  { unit, work }: Pick<SharedOptions, "unit" | "work">,
): Manifest {
  const { night } = manifest;
  if (unit !== undefined && night.unit !== "none" && night.unit !== unit) {
    throw new UsageError(
      `Cannot take manifest "${path === "-" ? "stdin" : path}" for unit "${unit}": ` +
        `it is a night of "${night.unit}"`,
    );
  }
  return work === undefined
    ? manifest
    : { ...manifest, night: { ...night, work: absolutePath(work) } };
}

/** Raw frames are worked on by what obs.dat says of their telescope. */
function requireUnit({ night, products }: Manifest, site: Site): void {
  if (products.length === 0 || products.some(({ unit }) => site.units.has(unit ?? ""))) return;
  const { unit } = products[0]!;
  const state = unit === undefined || unit === "unknown"
    ? "neither its path nor its cards name a telescope"
    : `its telescope "${unit}" is not in obs.dat`;
  throw new UsageError(
    `Cannot take the night "${night.source}": ${state}; give --unit, one of ` +
      [...site.units.keys()].join(", "),
  );
}

function helpOnFlow(stage: StageDeclaration): string {
  const list = (kinds: object) =>
    Object.entries(kinds).map(([kind, what]) => `  ${kind.padEnd(12)} ${what}`).join("\n");
  return `\nTakes:\n${list(stage.inputs)}\n\nMakes:\n${list(stage.outputs)}`;
}
