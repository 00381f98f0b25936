/**
 * imhead (WCSTools): prints the header of an image.
 *
 * @module
 */

import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolSet } from "./run_tool.ts";

/**
 * Prints the header of the first image of a file.
 *
 * @param tools The programs.
 * @param image The file; its path may hold any characters.
 * @param options A time limit in seconds.
 * @returns The cards, one a line, trailing blanks dropped, END last.
 * @throws {ExternalToolError} If imhead fails.
 */
export async function runImhead(
  tools: ToolSet,
  image: string,
  options: { readonly timeoutS?: number } = {},
): Promise<string> {
  await using scratch = Scratch.temporary();
  const run = await tools.run(PROGRAMS.imhead.names, [await scratch.linkImage(image)], {
    cwd: scratch.folder,
    timeoutS: options.timeoutS ?? 60,
  });
  return run.stdout;
}
