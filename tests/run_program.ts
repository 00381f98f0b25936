/**
 * Runs programs for tests that cross folders.
 *
 * @module
 */

import { join } from "node:path";

/** The root of the project. */
export const ROOT: string = join(import.meta.dirname ?? ".", "..");

/** Real frames, and whether they are here. */
export const DATA: string = Deno.env.get("GPPY_TESTDATA") ?? join(ROOT, "..", "shared", "data");

/** What a program printed and ended with. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Whether a folder of real frames is here.
 *
 * @param name Its name below {@linkcode DATA}.
 * @returns True if it is.
 */
export function hasData(name: string): boolean {
  try {
    return Deno.statSync(join(DATA, name)).isDirectory;
  } catch {
    return false;
  }
}

/**
 * Runs gppy as a process of its own.
 *
 * @param args Its command line.
 * @param options Environment besides the usual, folder, and what it reads on stdin.
 * @returns What it printed and its exit code.
 */
export async function runGppy(
  args: readonly string[],
  options: { readonly cwd?: string; readonly stdin?: string } = {},
): Promise<Ended> {
  const child = new Deno.Command(join(ROOT, "scripts", "gppy"), {
    args: [...args],
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Runs fitsverify on a file.
 *
 * @param path The file.
 * @returns What it complains of; empty if nothing.
 */
export async function fitsverify(path: string): Promise<string> {
  const { stdout } = await new Deno.Command("fitsverify", { args: ["-q", path] }).output();
  const text = new TextDecoder().decode(stdout).trim();
  return /verification OK/.test(text) ? "" : text;
}
