/**
 * Snapshots of headers: plain text beside the images, to be searched with plain tools.
 *
 * @module
 */

import { runImhead } from "../../external/imhead.ts";
import { PROGRAMS } from "../../external/programs.ts";
import type { ToolSet } from "../../external/run_tool.ts";
import { readHeader } from "../../fits/file.ts";

/** What writes the snapshot. */
export type HeaderEngine = "auto" | "imhead" | "native";

/**
 * The header of an image as text, one card a line, END last.
 *
 * @param path FITS file.
 * @param engine `auto`: imhead when it is installed, native when not.
 * @param tools Outside programs.
 * @returns The text; both engines give the same.
 */
export async function headerText(
  path: string,
  engine: HeaderEngine,
  tools: ToolSet,
): Promise<string> {
  const outside = engine === "imhead" ||
    (engine === "auto" && await tools.has(PROGRAMS.imhead.names));
  if (outside) return await runImhead(tools, path);
  return (await readHeader(path)).toText();
}
