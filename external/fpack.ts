/**
 * fpack and funpack (CFITSIO): tile compression of FITS images.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolSet } from "./run_tool.ts";

/** How {@linkcode packFits} compresses. */
export interface PackOptions {
  /**
   * Steps of the stored levels in one sigma of the noise, for floating-point
   * pixels; 4, which adds 0.26 % to the noise. Integers lose nothing.
   */
  readonly quantize?: number;
  /** Time limit in seconds. */
  readonly timeoutS?: number;
}

/**
 * Compresses the images of a file by Rice's method.
 *
 * Floating-point pixels are dithered with a seed from the pixels, so that equal
 * files give equal results.
 *
 * @param tools The programs.
 * @param source The file; its path may hold any characters.
 * @param target The file to write, named `….fits.fz`; it appears only when complete.
 * @param options Quantization and time limit.
 * @throws {ExternalToolError} If fpack is missing, fails or writes nothing.
 */
export async function packFits(
  tools: ToolSet,
  source: string,
  target: string,
  options: PackOptions = {},
): Promise<void> {
  const quantize = ["-qt", String(options.quantize ?? 4)];
  await convert(tools, PROGRAMS.fpack.names, ["-r", ...quantize], { ...options, source, target });
}

/**
 * Unpacks the images of a compressed file.
 *
 * @param tools The programs.
 * @param source The compressed file; its path may hold any characters.
 * @param target The file to write; it appears only when complete.
 * @param options Time limit in seconds.
 * @throws {ExternalToolError} If funpack is missing, fails or writes nothing.
 */
export async function unpackFits(
  tools: ToolSet,
  source: string,
  target: string,
  options: { readonly timeoutS?: number } = {},
): Promise<void> {
  await convert(tools, PROGRAMS.funpack.names, [], { ...options, source, target });
}

async function convert(
  tools: ToolSet,
  names: readonly string[],
  args: readonly string[],
  task: { readonly source: string; readonly target: string; readonly timeoutS?: number },
): Promise<void> {
  await using scratch = Scratch.beside(task.target);
  const input = await scratch.link(task.source);
  const output = "converted.fits";
  const run = await tools.run(names, [...args, "-O", output, input], {
    cwd: scratch.folder,
    ...(task.timeoutS === undefined ? {} : { timeoutS: task.timeoutS }),
  });
  if (!await scratch.has(output)) {
    throw new ExternalToolError(
      `Cannot convert "${task.source}" by ${names[0]}: it wrote nothing`,
      { details: { file: task.source, stderr: run.stderr.slice(-2000) } },
    );
  }
  await scratch.keep(output, task.target);
}
