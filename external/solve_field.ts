/**
 * solve-field (astrometry.net): finds where a frame points from its stars alone.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { readHeader } from "../fits/file.ts";
import type { FitsHeader } from "../fits/header.ts";
import { writeTables } from "../fits/table.ts";
import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolSet } from "./run_tool.ts";

/** A circle on the sky. */
export interface SkyCircle {
  /** Right ascension of its centre. */
  readonly raDeg: number;
  /** Declination of its centre. */
  readonly decDeg: number;
  /** How far it reaches. */
  readonly radiusDeg: number;
}

/** The stars of a frame and what is known of it. */
export interface SolveFieldTask {
  /** Positions, counted from 1 as in FITS, the brightest star first, px. */
  readonly x: ArrayLike<number>;
  /** Positions, counted from 1 as in FITS, px. */
  readonly y: ArrayLike<number>;
  /** Columns of the frame. */
  readonly width: number;
  /** Rows of the frame. */
  readonly height: number;
  /** Expected scale, arcsec a pixel. */
  readonly scaleArcsec: number;
  /** How far the scale may be off, as a fraction; 0.1. */
  readonly scaleTolerance?: number;
  /** Where to look; the whole sky if left out. */
  readonly near?: SkyCircle;
  /** Configuration file that names the index files. */
  readonly config?: string;
  /** Path of a file beside which to work. */
  readonly beside: string;
  /** Time limit in seconds; 120. */
  readonly timeoutS?: number;
}

const MAX_STARS = 200;

/**
 * Gives the arguments of solve-field.
 *
 * @param task The frame.
 * @param config Name of the configuration file, if any.
 * @param timeoutS Time limit in seconds.
 * @returns The arguments, for a list of stars `stars.xyls`.
 */
export function solveFieldArgs(
  task: SolveFieldTask,
  config: string | undefined,
  timeoutS: number,
): string[] {
  const tolerance = 1 + (task.scaleTolerance ?? 0.1);
  const { near } = task;
  return [
    ...["--overwrite", "--no-plots", "--width", `${task.width}`, "--height", `${task.height}`],
    ...["--x-column", "X", "--y-column", "Y", "--no-tweak", "--crpix-center"],
    // These two steps run whatever python3 is on PATH, which need not know astrometry.net.
    ...["--no-remove-lines", "--uniformize", "0"],
    ...["--scale-units", "arcsecperpix"],
    ...["--scale-low", `${task.scaleArcsec / tolerance}`],
    ...["--scale-high", `${task.scaleArcsec * tolerance}`],
    ...(near === undefined
      ? []
      : ["--ra", `${near.raDeg}`, "--dec", `${near.decDeg}`, "--radius", `${near.radiusDeg}`]),
    ...(config === undefined ? [] : ["--config", config]),
    ...["--cpulimit", `${Math.max(1, Math.floor(timeoutS * 0.9))}`, "--wcs", "solved.wcs"],
    ...["--new-fits", "none", "--corr", "none", "--match", "none", "--rdls", "none"],
    "stars.xyls",
  ];
}

/**
 * Runs solve-field on a list of stars.
 *
 * @param tools The programs.
 * @param task The stars and what is known of the frame.
 * @returns The header with the WCS it found, or nothing when it found none.
 * @throws {ExternalToolError} If the program is missing or fails.
 */
export async function runSolveField(
  tools: ToolSet,
  task: SolveFieldTask,
): Promise<FitsHeader | undefined> {
  const stars = Math.min(task.x.length, MAX_STARS);
  if (stars === 0) {
    throw new ExternalToolError(`Cannot solve "${task.beside}": no stars to go by`, {
      details: { file: task.beside },
    });
  }
  await using scratch = Scratch.beside(task.beside);
  await writeTables(scratch.path("stars.xyls"), [{
    name: "STARS",
    columns: [
      { name: "X", format: "1D", unit: "pix", data: Array.from(task.x).slice(0, stars) },
      { name: "Y", format: "1D", unit: "pix", data: Array.from(task.y).slice(0, stars) },
    ],
  }]);
  const config = task.config === undefined
    ? undefined
    : await scratch.link(task.config, "astrometry.cfg");
  const timeoutS = task.timeoutS ?? 120;
  await tools.run(PROGRAMS.solveField.names, solveFieldArgs(task, config, timeoutS), {
    cwd: scratch.folder,
    timeoutS,
  });
  if (!await scratch.has("solved.wcs")) return undefined;
  return await readHeader(scratch.path("solved.wcs"), 0);
}
