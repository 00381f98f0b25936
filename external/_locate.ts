/**
 * Finds executables.
 *
 * @module
 */

import { delimiter, join } from "node:path";

/** Makes a list of one name or several. */
export function asList(names: string | readonly string[]): readonly string[] {
  return typeof names === "string" ? [names] : names;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    const info = await Deno.stat(path);
    return info.isFile && ((info.mode ?? 0o111) & 0o111) !== 0;
  } catch {
    return false;
  }
}

/**
 * Finds an executable.
 *
 * @param names Its possible names, the preferred one first, or paths.
 * @param searchPath Folders as in `PATH`.
 * @returns The path of the first name that is found.
 */
export async function locateTool(
  names: string | readonly string[],
  searchPath: string = Deno.env.get("PATH") ?? "",
): Promise<string | undefined> {
  for (const name of asList(names)) {
    if (name.includes("/")) {
      if (await isExecutable(name)) return name;
      continue;
    }
    for (const folder of searchPath.split(delimiter)) {
      const path = join(folder === "" ? "." : folder, name);
      if (await isExecutable(path)) return path;
    }
  }
  return undefined;
}
