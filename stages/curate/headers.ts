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
 * The header of an image as text, one card a line, END last. Blank cards are counted, as
 * imhead does: `COMMENT   2 blank lines`.
 *
 * @param path FITS file. An image that is not its primary unit is read natively by every
 * engine: imhead would print the primary header, or that of a compressed image's table.
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
  const header = await readHeader(path);
  if (outside && header.has("SIMPLE")) return await runImhead(tools, path);
  return countBlankLines(header.toText());
}

function countBlankLines(text: string): string {
  return text.replace(/^\n+/gm, (lines) => {
    const plural = lines.length === 1 ? "" : "s";
    return `COMMENT   ${lines.length} blank line${plural}\n`;
  });
}
