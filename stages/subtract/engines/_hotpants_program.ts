/**
 * The programs that tests put in place of `hotpants`.
 *
 * @module
 */

import { join } from "node:path";
import { type ToolSet, toolSet } from "../../../external/run_tool.ts";

/** A shell script that runs `_hotpants_stand_in.ts` with its arguments. */
export const STAND_IN = [
  "#!/bin/sh",
  `exec "${Deno.execPath()}" run -A --no-check \\`,
  `  --config "${new URL("../../../deno.json", import.meta.url).pathname}" \\`,
  `  "${new URL("./_hotpants_stand_in.ts", import.meta.url).pathname}" "$@"`,
  "",
].join("\n");

/**
 * Writes a script as `hotpants` into a folder.
 *
 * @param folder Where; the arguments of a {@linkcode STAND_IN} are written to its `log.json`.
 * @param script The text of the script.
 * @returns Outside programs that find it first; the environment of the process, which
 *   tests run side by side share, is left as it is.
 */
export async function withHotpants(folder: string, script: string): Promise<ToolSet> {
  await Deno.writeTextFile(join(folder, "hotpants"), script, { mode: 0o755 });
  const env = {
    PATH: `${folder}:${Deno.env.get("PATH") ?? ""}`,
    HOTPANTS_LOG: join(folder, "log.json"),
  };
  return toolSet({ signal: new AbortController().signal, env });
}
