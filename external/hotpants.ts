/**
 * HOTPANTS: subtracts a template from a science image after matching their PSFs.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { Scratch } from "./_scratch.ts";
import { hotpantsArgs, type HotpantsOptions } from "./hotpants_options.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolRun, ToolSet } from "./run_tool.ts";

/** The files of HOTPANTS; paths may hold any characters. */
export interface HotpantsFiles {
  /** Science image. */
  readonly science: string;
  /** Template, on the same pixel grid. */
  readonly template: string;
  /** The difference to write; it and the others appear only when complete. */
  readonly difference: string;
  /** Mask of the science image: integers, 0 is good. */
  readonly scienceMask?: string;
  /** Mask of the template: integers, 0 is good. */
  readonly templateMask?: string;
  /** Noise of the science image, ADU. */
  readonly scienceNoise?: string;
  /** Noise of the template, ADU. */
  readonly templateNoise?: string;
  /** A file with the kernel of an earlier run, to be applied again. */
  readonly kernel?: string;
  /** Regions of the image: `xmin:xmax,ymin:ymax` a line. */
  readonly regionFile?: string;
  /** Substamp centres: `x y` a line, 1-based pixels of the science image. */
  readonly substampFile?: string;
  /** Noise of the difference, to write. */
  readonly differenceNoise?: string;
  /** Difference over its noise, to write. */
  readonly scaledDifference?: string;
  /** Mask of the difference, to write. */
  readonly differenceMask?: string;
  /** The kernel alone, to write. */
  readonly kernelOut?: string;
  /** Convolved image, to write. */
  readonly convolved?: string;
  /** Region file of the stamps that were used, to write; HOTPANTS adds endings to the name. */
  readonly stampRegions?: string;
}

const INPUTS: readonly (readonly [keyof HotpantsFiles, string, string])[] = [
  ["science", "-inim", "science.fits"],
  ["template", "-tmplim", "template.fits"],
  ["scienceMask", "-imi", "science.mask.fits"],
  ["templateMask", "-tmi", "template.mask.fits"],
  ["scienceNoise", "-ini", "science.noise.fits"],
  ["templateNoise", "-tni", "template.noise.fits"],
  ["kernel", "-ki", "kernel.in.fits"],
  ["regionFile", "-rf", "regions.txt"],
  ["substampFile", "-ssf", "substamps.txt"],
];

const OUTPUTS: readonly (readonly [keyof HotpantsFiles, string, string])[] = [
  ["difference", "-outim", "difference.fits"],
  ["differenceNoise", "-oni", "difference.noise.fits"],
  ["scaledDifference", "-ond", "difference.scaled.fits"],
  ["differenceMask", "-omi", "difference.mask.fits"],
  ["convolved", "-oci", "convolved.fits"],
  ["kernelOut", "-oki", "kernel.fits"],
  ["stampRegions", "-savexy", "stamps.reg"],
];

/**
 * Runs HOTPANTS.
 *
 * @param tools The programs.
 * @param files Images to read and write.
 * @param options How to subtract.
 * @param timeoutS Time limit in seconds; that of the programs if left out.
 * @returns What the program printed.
 * @throws {ExternalToolError} If it fails or leaves out a file that was asked for.
 */
export async function runHotpants(
  tools: ToolSet,
  files: HotpantsFiles,
  options: HotpantsOptions = {},
  timeoutS?: number,
): Promise<ToolRun> {
  await using scratch = Scratch.beside(files.difference);
  const args: string[] = [];
  for (const [key, flag, name] of INPUTS) {
    const path = files[key];
    if (path !== undefined) args.push(flag, await scratch.linkImage(path, name));
  }
  const wanted = OUTPUTS.filter(([key]) => files[key] !== undefined);
  for (const [, flag, name] of wanted) args.push(flag, name);
  const run = await tools.run(PROGRAMS.hotpants.names, [...args, ...hotpantsArgs(options)], {
    cwd: scratch.folder,
    ...(timeoutS === undefined ? {} : { timeoutS }),
  });
  for (const [key, , name] of wanted) {
    if (key !== "stampRegions" && !await scratch.has(name)) {
      throw new ExternalToolError(
        `Cannot subtract "${files.template}" from "${files.science}": HOTPANTS wrote no ${name}`,
        { details: { science: files.science, stderr: run.stderr.slice(-2000) } },
      );
    }
  }
  await keepRegions(scratch, files.stampRegions);
  for (const [key, , name] of wanted.toReversed()) {
    if (key !== "stampRegions") await scratch.keep(name, files[key]!);
  }
  return run;
}

/** HOTPANTS writes `stamps.reg` plus endings such as `.all` and `.skipped`. */
async function keepRegions(scratch: Scratch, target: string | undefined): Promise<void> {
  if (target === undefined) return;
  for await (const entry of Deno.readDir(scratch.folder)) {
    if (!entry.name.startsWith("stamps.reg")) continue;
    await scratch.keep(entry.name, target + entry.name.slice("stamps.reg".length));
  }
}
