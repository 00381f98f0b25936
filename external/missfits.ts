/**
 * MissFITS: merges an external header into an image.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolSet } from "./run_tool.ts";
import { settingArgs, type Settings } from "./settings.ts";

/** What MissFITS shall do. Paths may hold any characters. */
export interface MissfitsTask {
  /** Image to read; it is not changed. */
  readonly image: string;
  /** Text of the external header: cards of at most 80 characters, one a line. */
  readonly head: string;
  /** Image to write; it appears only when complete. */
  readonly output: string;
  /** Configuration file. */
  readonly config: string;
  /** Settings that overrule the file's. */
  readonly settings?: Settings;
  /** Time limit in seconds. */
  readonly timeoutS?: number;
}

/**
 * Writes a copy of an image with the cards of an external header in place of its own.
 *
 * @param tools The programs.
 * @param task Image, header and output.
 * @throws {ExternalToolError} If MissFITS fails or writes nothing.
 */
export async function runMissfits(tools: ToolSet, task: MissfitsTask): Promise<void> {
  await using scratch = Scratch.beside(task.output);
  await scratch.linkImage(task.image, "frame.fits");
  await scratch.write("frame.head", task.head);
  const config = await scratch.link(task.config, "config.missfits");
  const settings: Settings = {
    ...task.settings,
    HEADER_SUFFIX: ".head",
    OUTFILE_TYPE: "SAME",
    SAVE_TYPE: "NEW",
    NEW_SUFFIX: ".merged",
    WRITE_XML: false,
  };
  const run = await tools.run(
    PROGRAMS.missfits.names,
    ["frame.fits", "-c", config, ...settingArgs(settings)],
    {
      cwd: scratch.folder,
      ...(task.timeoutS === undefined ? {} : { timeoutS: task.timeoutS }),
    },
  );
  if (!await scratch.has("frame.merged.fits")) {
    throw new ExternalToolError(
      `Cannot merge a header into "${task.image}": MissFITS wrote nothing`,
      { details: { file: task.image, stderr: run.stderr.slice(-2000) } },
    );
  }
  await scratch.keep("frame.merged.fits", task.output);
}
