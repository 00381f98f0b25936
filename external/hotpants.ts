/**
 * HOTPANTS: subtracts a template from a science image after matching their PSFs.
 *
 * The options carry the names of what they mean; the letters of the program's
 * command line stand in {@linkcode FLAGS} alone.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolRun, ToolSet } from "./run_tool.ts";

/** One Gaussian of the kernel basis: its width and the order of its polynomial. */
export interface KernelGaussian {
  /** Order of the polynomial that multiplies it. */
  readonly degree: number;
  /** Width, px. */
  readonly sigmaPx: number;
}

/** The options of HOTPANTS; what is left out keeps the program's default. */
export interface HotpantsOptions {
  /** Which image is convolved: `t` the template, `i` the science image; HOTPANTS chooses if left out. */
  readonly convolve?: "t" | "i";
  /** Whose photometric scale the difference gets: template, science image, or unconvolved. */
  readonly normalize?: "t" | "i" | "u";
  /** Upper limit of valid data of the template, ADU. */
  readonly templateUpperAdu?: number;
  /** Upper limit of the template for kernel stamps, ADU. */
  readonly templateKernelUpperAdu?: number;
  /** Lower limit of valid data of the template, ADU. */
  readonly templateLowerAdu?: number;
  /** Gain of the template, electrons an ADU. */
  readonly templateGain?: number;
  /** Read noise of the template, electrons. */
  readonly templateReadNoiseE?: number;
  /** Pedestal of the template, ADU. */
  readonly templatePedestalAdu?: number;
  /** Upper limit of valid data of the science image, ADU. */
  readonly scienceUpperAdu?: number;
  /** Upper limit of the science image for kernel stamps, ADU. */
  readonly scienceKernelUpperAdu?: number;
  /** Lower limit of valid data of the science image, ADU. */
  readonly scienceLowerAdu?: number;
  /** Gain of the science image, electrons an ADU. */
  readonly scienceGain?: number;
  /** Read noise of the science image, electrons. */
  readonly scienceReadNoiseE?: number;
  /** Pedestal of the science image, ADU. */
  readonly sciencePedestalAdu?: number;
  /** Regions along x, each with a kernel of its own. */
  readonly regionsX?: number;
  /** Regions along y. */
  readonly regionsY?: number;
  /** Stamps along x in each region. */
  readonly stampsX?: number;
  /** Stamps along y in each region. */
  readonly stampsY?: number;
  /** Substamps in each stamp. */
  readonly substamps?: number;
  /** Half width of the kernel, px. */
  readonly kernelRadiusPx?: number;
  /** Half width of a substamp, px. */
  readonly substampRadiusPx?: number;
  /** Order of the kernel's variation over a region. */
  readonly kernelOrder?: number;
  /** Order of the background's variation over a region. */
  readonly backgroundOrder?: number;
  /** Kernel basis. */
  readonly gaussians?: readonly KernelGaussian[];
  /** Significance from which a pixel may be the centre of a substamp. */
  readonly fitThreshold?: number;
  /** Stamps this far from the mean kernel are dropped, sigma. */
  readonly badKernelSigma?: number;
  /** Threshold for statistics, sigma. */
  readonly statSigma?: number;
  /** Part of the kernel's sum that must lie on good pixels. */
  readonly kernelMaskFraction?: number;
  /** Factor by which the half width of the kernel grows masks of the input. */
  readonly inputMaskSpread?: number;
  /** The same for the mask of the difference. */
  readonly outputMaskSpread?: number;
  /** Value of masked pixels in the difference. */
  readonly fillAdu?: number;
  /** Figure of merit by which the direction is chosen. */
  readonly figureOfMerit?: "v" | "s" | "h";
  /** Force the same direction for all regions. */
  readonly sameDirection?: boolean;
  /** Rectangle to work on, 1-based: x from, x to, y from, y to. */
  readonly goodRegion?: readonly [number, number, number, number];
  /** What it prints: 0 nothing, 2 all. */
  readonly verbosity?: 0 | 1 | 2;
}

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
  /** Substamp centres: `x y` a line, 1-based pixels of the science image. */
  readonly substampFile?: string;
  /** Noise of the difference, to write. */
  readonly differenceNoise?: string;
  /** Mask of the difference, to write. */
  readonly differenceMask?: string;
  /** Convolved image, to write. */
  readonly convolved?: string;
  /** Region file of the stamps that were used, to write; HOTPANTS adds endings to the name. */
  readonly stampRegions?: string;
}

/** The letters of each option, in the order of the command line. */
const FLAGS: readonly (readonly [keyof HotpantsOptions, string])[] = [
  ["convolve", "-c"],
  ["normalize", "-n"],
  ["templateUpperAdu", "-tu"],
  ["templateKernelUpperAdu", "-tuk"],
  ["templateLowerAdu", "-tl"],
  ["templateGain", "-tg"],
  ["templateReadNoiseE", "-tr"],
  ["templatePedestalAdu", "-tp"],
  ["scienceUpperAdu", "-iu"],
  ["scienceKernelUpperAdu", "-iuk"],
  ["scienceLowerAdu", "-il"],
  ["scienceGain", "-ig"],
  ["scienceReadNoiseE", "-ir"],
  ["sciencePedestalAdu", "-ip"],
  ["regionsX", "-nrx"],
  ["regionsY", "-nry"],
  ["stampsX", "-nsx"],
  ["stampsY", "-nsy"],
  ["substamps", "-nss"],
  ["kernelRadiusPx", "-r"],
  ["substampRadiusPx", "-rss"],
  ["kernelOrder", "-ko"],
  ["backgroundOrder", "-bgo"],
  ["gaussians", "-ng"],
  ["fitThreshold", "-ft"],
  ["badKernelSigma", "-ks"],
  ["statSigma", "-ssig"],
  ["kernelMaskFraction", "-kfm"],
  ["inputMaskSpread", "-mins"],
  ["outputMaskSpread", "-mous"],
  ["fillAdu", "-fi"],
  ["figureOfMerit", "-fom"],
  ["sameDirection", "-sconv"],
  ["goodRegion", "-gd"],
  ["verbosity", "-v"],
];

const INPUTS: readonly (readonly [keyof HotpantsFiles, string, string])[] = [
  ["science", "-inim", "science.fits"],
  ["template", "-tmplim", "template.fits"],
  ["scienceMask", "-imi", "science.mask.fits"],
  ["templateMask", "-tmi", "template.mask.fits"],
  ["scienceNoise", "-ini", "science.noise.fits"],
  ["templateNoise", "-tni", "template.noise.fits"],
  ["substampFile", "-ssf", "substamps.txt"],
];

const OUTPUTS: readonly (readonly [keyof HotpantsFiles, string, string])[] = [
  ["difference", "-outim", "difference.fits"],
  ["differenceNoise", "-oni", "difference.noise.fits"],
  ["differenceMask", "-omi", "difference.mask.fits"],
  ["convolved", "-oci", "convolved.fits"],
  ["stampRegions", "-savexy", "stamps.reg"],
];

/**
 * Writes options as HOTPANTS takes them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const args = hotpantsArgs({ convolve: "t", gaussians: [{ degree: 6, sigmaPx: 0.7 }] });
 * assert.deepEqual(args, ["-c", "t", "-ng", "1", "6", "0.7"]);
 * ```
 *
 * @param options The options.
 * @returns The arguments, in a fixed order.
 */
export function hotpantsArgs(options: HotpantsOptions): string[] {
  return FLAGS.flatMap(([key, flag]) => {
    const value = options[key];
    if (value === undefined || value === false) return [];
    if (value === true) return [flag];
    if (key === "gaussians" && options.gaussians !== undefined) {
      const terms = options.gaussians.flatMap(({ degree, sigmaPx }) => [degree, sigmaPx]);
      return [flag, String(options.gaussians.length), ...terms.map(String)];
    }
    if (Array.isArray(value)) return [flag, ...value.map(String)];
    return [flag, String(value)];
  });
}

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
  await using scratch = await Scratch.beside(files.difference);
  const args: string[] = [];
  for (const [key, flag, name] of INPUTS) {
    const path = files[key];
    if (path !== undefined) args.push(flag, await scratch.link(path, name));
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
