/**
 * fitsverify (HEASARC): judges whether files keep to the FITS standard.
 *
 * @module
 */

import { Scratch } from "./_scratch.ts";
import type { ToolSet } from "./run_tool.ts";

/** Names of the executable. */
export const FITSVERIFY: readonly string[] = ["fitsverify"];

/** Files that one call is given. */
const BATCH = 100;
/** It ends with the number of errors that it found. */
const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);
/** Errors of one file that are told. */
const SHOWN = 3;

/**
 * Judges files; warnings do not count.
 *
 * @param tools The programs.
 * @param paths The files; their paths may hold any characters.
 * @returns What is wrong with each file that has errors, by path.
 * @throws {ExternalToolError} If fitsverify cannot be run.
 */
export async function runFitsverify(
  tools: ToolSet,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const wrong = new Map<string, string>();
  for (let at = 0; at < paths.length; at += BATCH) {
    // It takes blanks and commas in a name for the end of it.
    await using scratch = Scratch.temporary();
    const byName = new Map<string, string>();
    for (const path of paths.slice(at, at + BATCH)) byName.set(await scratch.link(path), path);
    const call = (args: readonly string[]) =>
      tools.run(FITSVERIFY, args, { cwd: scratch.folder, okCodes: ANY_CODE });
    const { stdout } = await call(["-e", "-q", ...byName.keys()]);
    const passed = new Set(
      [...stdout.matchAll(/^verification OK:\s+(\S+)/gm)].map(([, name]) => name),
    );
    for (const [name, path] of byName) {
      if (passed.has(name)) continue;
      wrong.set(path, errorsIn((await call(["-e", name])).stderr));
    }
  }
  return wrong;
}

function errorsIn(text: string): string {
  // A long message goes on in the next line, indented.
  const errors = text.replace(/\n {8,}/g, " ").split("\n")
    .filter((line) => line.startsWith("*** Error:"))
    .map((line) => line.replace(/^\*\*\* Error:\s*/, "").trim());
  const more = errors.length > SHOWN ? `; and ${errors.length - SHOWN} more` : "";
  return errors.length === 0 ? "it cannot be read" : errors.slice(0, SHOWN).join("; ") + more;
}
