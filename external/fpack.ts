/**
 * fpack (CFITSIO): tile compression of FITS images, which `fits/` reads itself.
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
  await using scratch = Scratch.beside(target);
  const input = await scratch.link(source);
  const output = "converted.fits";
  const run = await tools.run(PROGRAMS.fpack.names, ["-r", ...quantize, "-O", output, input], {
    cwd: scratch.folder,
    ...(options.timeoutS === undefined ? {} : { timeoutS: options.timeoutS }),
  });
  if (!await scratch.has(output)) {
    throw new ExternalToolError(`Cannot pack "${source}" by fpack: it wrote nothing`, {
      details: { file: source, stderr: run.stderr.slice(-2000) },
    });
  }
  await scratch.keep(output, target);
}
