/**
 * What the tests of the wrappers share.
 *
 * @module
 */

import { join } from "node:path";
import { type ToolSet, toolSet } from "./run_tool.ts";

/** Where the real frames are. */
export const DATA: string = Deno.env.get("GPPY_TESTDATA") ??
  join(import.meta.dirname!, "../../shared/data");

/** Whether a set of real frames is absent, so that its test cannot run. */
export function isAbsent(folder: string): boolean {
  try {
    return !Deno.statSync(join(DATA, folder)).isDirectory;
  } catch {
    return true;
  }
}

/** Runs work in a folder whose name holds what the wrapped programs stumble over. */
export async function inOddFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  const folder = join(parent, "43 Bet, Com (z) [1]");
  await Deno.mkdir(folder);
  try {
    await work(folder);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** The installed programs. */
export function installedTools(): ToolSet {
  return toolSet({ signal: new AbortController().signal });
}

/** The installed programs, with executables of a folder found first. */
export function toolsWith(folder: string): ToolSet {
  const tools = installedTools();
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
  return {
    versions: tools.versions,
    timeoutS: tools.timeoutS,
    has: (names) => tools.has(names),
    run: (names, args, options) => tools.run(names, args, { ...options, env }),
  };
}

/** Writes a shell script that stands in for a program. */
export async function standIn(folder: string, name: string, script: string): Promise<void> {
  await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Names of the entries of a folder, sorted. */
export function entriesOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
