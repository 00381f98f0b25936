/**
 * `gppy reference`: reference frames from the best stacks of many nights.
 *
 * @module
 */

import { join } from "node:path";
import { Command } from "commander";
import { gatherNights } from "../../stages/stack/frames/gather.ts";
import { reference } from "../../stages/stack/reference/reference.ts";
import { resolveParameters } from "../../stages/parameters.ts";
import { runStage } from "../../stages/runner.ts";
import { addStageFlags, readStageFlags } from "../flags.ts";
import { addSharedOptions, openSession, type SharedOptions } from "../session.ts";
import { note, print } from "../terminal.ts";
import type { SetExitCode } from "../command_list.ts";
import { exitCodeFor, sendManifest } from "./stage.ts";

interface ReferenceOptions extends SharedOptions {
  readonly output?: string;
}

/**
 * Makes the command.
 *
 * @param setExitCode Told the outcome.
 * @returns The command.
 */
export function referenceCommand(setExitCode: SetExitCode): Command {
  const command = new Command(reference.name)
    .summary(reference.summary)
    .description([`${reference.summary}.`, reference.description].join("\n\n"))
    .argument("[input...]", "manifests, folders of nights or FITS files; the site's work folder")
    .option("-o, --output <file>", "write the manifest of the references here");
  addStageFlags(command, reference);
  addSharedOptions(command);
  command.addHelpText(
    "after",
    "\nExamples:\n  gppy reference --not-night 2024-04-23\n" +
      "  gppy reference work/7DT07 --only T09614 --not-night 2024-04-23,2024-04-24\n" +
      "  gppy reference processed/T09614 --max-seeing-arcsec 2",
  );
  return command.action(async (inputs: string[], options: ReferenceOptions) => {
    using session = await openSession(options);
    const { site, log, signal, compute, display } = session;
    const parameters = resolveParameters(reference, {
      flags: readStageFlags(command, reference),
      environment: Deno.env.toObject(),
      config: site.stageSettings(reference.name),
    });
    const manifest = await gatherNights(inputs.length > 0 ? inputs : [site.paths.work], {
      site,
      log,
      signal,
      progress: display.start("read"),
      work: options.work ?? join(site.paths.work, "references"),
    });
    const result = await runStage({
      ...{ stage: reference, manifest, parameters, site, log, signal, compute },
      progress: display.start(reference.name),
      only: options.only,
      force: options.force,
    });
    display.stop();
    const made = result.manifest.products.filter(({ kind, stage }) =>
      kind === "reference" && stage === reference.name
    );
    if (!options.quiet) {
      note(`${made.length} references, ${result.left.length} images left out; ${result.path}`);
    }
    if (options.output !== undefined) await sendManifest(result.manifest, options.output);
    else for (const { path } of made) print(path);
    setExitCode(made.length > 0 ? 0 : exitCodeFor(result.left));
  });
}
