/**
 * Runs the program from its sources, for tests of commands.
 *
 * @module
 */

import { join } from "node:path";

const ROOT = join(import.meta.dirname ?? ".", "../..");

/** What the program printed and ended with. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs gppy with this very Deno, so that a test may change PATH.
 *
 * @param args The command line.
 * @param env Variables besides those of the process; no site folder unless given.
 * @returns What it printed and its exit code.
 */
export async function runMain(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", join(ROOT, "cli/main.ts"), ...args],
    env: { GPPY_CONFIG: "", NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Gives a test a folder of its own, removed afterwards.
 *
 * @param test What to do there.
 */
export async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-command-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
