/**
 * SWarp: resamples images to one grid and combines them.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolRun, ToolSet } from "./run_tool.ts";
import { settingArgs, type Settings } from "./settings.ts";

/** One image that goes into a stack. */
export interface SwarpInput {
  /** Path of the image. */
  readonly image: string;
  /** Its weight image; all inputs have one, or none has. */
  readonly weight?: string;
  /** Text of a header that overrules the image's cards. */
  readonly head?: string;
}

/** What SWarp shall do. Paths may hold any characters. */
export interface SwarpTask {
  /** What goes into the stack. */
  readonly inputs: readonly SwarpInput[];
  /** The stack to write; it appears only when complete. */
  readonly output: string;
  /** The weight image of the stack; dropped if left out. */
  readonly outputWeight?: string;
  /** Text of a header that fixes the grid of the stack: WCS cards, NAXIS1, NAXIS2. */
  readonly outputHead?: string;
  /** Configuration file. */
  readonly config: string;
  /** Settings that overrule the file's. */
  readonly settings?: Settings;
  /** Time limit in seconds. */
  readonly timeoutS?: number;
}

/**
 * Runs SWarp. Its temporary files lie beside the output and vanish with the run.
 *
 * @param tools The programs.
 * @param task Inputs, outputs and settings.
 * @returns What the program printed.
 * @throws {ExternalToolError} If SWarp fails or leaves no stack.
 */
export async function runSwarp(tools: ToolSet, task: SwarpTask): Promise<ToolRun> {
  await using scratch = Scratch.beside(task.output);
  const names = task.inputs.map((_, i) => `frame${String(i + 1).padStart(4, "0")}`);
  for (const [i, input] of task.inputs.entries()) {
    await scratch.linkImage(input.image, `${names[i]}.fits`);
    if (input.head !== undefined) await scratch.write(`${names[i]}.head`, input.head);
    if (input.weight !== undefined) {
      await scratch.linkImage(input.weight, `${names[i]}.weight.fits`);
    }
  }
  if (task.outputHead !== undefined) await scratch.write("stack.head", task.outputHead);
  const weighted = task.inputs.some((input) => input.weight !== undefined);
  const settings: Settings = {
    IMAGEOUT_NAME: "stack.fits",
    WEIGHTOUT_NAME: "stack.weight.fits",
    HEADER_SUFFIX: ".head",
    ...(weighted ? { WEIGHT_TYPE: "MAP_WEIGHT", WEIGHT_SUFFIX: ".weight.fits" } : {}),
    RESAMPLE_DIR: ".",
    VMEM_DIR: ".",
    DELETE_TMPFILES: true,
    ...task.settings,
  };
  const config = await scratch.link(task.config, "config.swarp");
  const list = await scratch.write("frames.list", names.map((name) => `${name}.fits\n`).join(""));
  const args = [`@${list}`, "-c", config, ...settingArgs(settings)];
  const run = await tools.run(PROGRAMS.swarp.names, args, {
    cwd: scratch.folder,
    ...(task.timeoutS === undefined ? {} : { timeoutS: task.timeoutS }),
  });
  if (!await scratch.has("stack.fits")) {
    throw new ExternalToolError(`Cannot make "${task.output}": SWarp wrote no stack`, {
      details: { file: task.output, stderr: run.stderr.slice(-2000) },
    });
  }
  if (task.outputWeight !== undefined) await scratch.keep("stack.weight.fits", task.outputWeight);
  await scratch.keep("stack.fits", task.output);
  return run;
}
