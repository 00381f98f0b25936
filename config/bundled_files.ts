/**
 * The default files that come with gppy, and real paths of them for external programs.
 *
 * They are embedded as text, so that they are at hand from a source tree, a
 * bundle and a compiled binary alike.
 *
 * @module
 */

import sex from "./defaults/7dt.sex" with { type: "text" };
import scamp from "./defaults/7dt.scamp" with { type: "text" };
import swarp from "./defaults/7dt.swarp" with { type: "text" };
import missfits from "./defaults/7dt.missfits" with { type: "text" };
import astromParam from "./defaults/astrom.param" with { type: "text" };
import photParam from "./defaults/phot.param" with { type: "text" };
import detectParam from "./defaults/detect.param" with { type: "text" };
import obs from "./defaults/obs.dat" with { type: "text" };
import ccd from "./defaults/ccd.dat" with { type: "text" };
import fringe from "./defaults/fringe.dat" with { type: "text" };
import allTarget from "./defaults/alltarget.dat" with { type: "text" };
import changeHdr from "./defaults/changehdr.dat" with { type: "text" };
import gauss15 from "./defaults/gauss_1.5_3x3.conv" with { type: "text" };
import gauss20 from "./defaults/gauss_2.0_5x5.conv" with { type: "text" };
import gauss25 from "./defaults/gauss_2.5_5x5.conv" with { type: "text" };
import gauss30 from "./defaults/gauss_3.0_7x7.conv" with { type: "text" };
import gauss40 from "./defaults/gauss_4.0_9x9.conv" with { type: "text" };
import gauss50 from "./defaults/gauss_5.0_11x11.conv" with { type: "text" };
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UsageError } from "./errors.ts";
import { makeScratchFolder } from "./scratch_folder.ts";
import type { Environment } from "./explain.ts";

/** Text of every default file, by name. */
export const BUNDLED_FILES: ReadonlyMap<string, string> = new Map([
  ["7dt.sex", sex],
  ["7dt.scamp", scamp],
  ["7dt.swarp", swarp],
  ["7dt.missfits", missfits],
  ["astrom.param", astromParam],
  ["phot.param", photParam],
  ["detect.param", detectParam],
  ["obs.dat", obs],
  ["ccd.dat", ccd],
  ["fringe.dat", fringe],
  ["alltarget.dat", allTarget],
  ["changehdr.dat", changeHdr],
  ["gauss_1.5_3x3.conv", gauss15],
  ["gauss_2.0_5x5.conv", gauss20],
  ["gauss_2.5_5x5.conv", gauss25],
  ["gauss_3.0_7x7.conv", gauss30],
  ["gauss_4.0_9x9.conv", gauss40],
  ["gauss_5.0_11x11.conv", gauss50],
]);

/**
 * Gives a default file as a file that other programs can open.
 *
 * In a checkout that is the file itself. From a bundle elsewhere or a compiled binary
 * it is a copy under `$XDG_CACHE_HOME/gppy` (`~/.cache/gppy`), in a folder named
 * by the content of all of them, so that versions never mix.
 *
 * @param name Such as `7dt.sex`.
 * @param env Environment that names the cache folder.
 * @param sourceFolder Where the files stand in a source tree.
 * @returns An absolute path.
 * @throws {UsageError} If there is no such file.
 */
export function bundledFile(
  name: string,
  env: Environment,
  sourceFolder: string | undefined = sourceTreeFolder(),
): string {
  const text = BUNDLED_FILES.get(name);
  if (text === undefined) {
    const known = [...BUNDLED_FILES.keys()].join(", ");
    throw new UsageError(`Cannot find the settings file "${name}": known are ${known}`, {
      details: { name },
    });
  }
  if (sourceFolder !== undefined) {
    const path = join(sourceFolder, name);
    if (holds(path, text)) return path;
  }
  return extract(name, text, env);
}

/** From here, and from the bundle, which lies in a folder of the root too. */
function sourceTreeFolder(): string | undefined {
  const folder = import.meta.dirname;
  if (Deno.build.standalone || folder === undefined) return undefined;
  return join(folder, "..", "config", "defaults");
}

function extract(name: string, text: string, env: Environment): string {
  for (const parent of cacheFolders(env)) {
    const folder = join(parent, `defaults-${bundleDigest()}`);
    const path = join(folder, name);
    if (holds(path, text) || write(folder, name, text)) return path;
  }
  temporary ??= makeScratchFolder("gppy-defaults-");
  Deno.writeTextFileSync(join(temporary, name), text);
  return join(temporary, name);
}

let temporary: string | undefined;

function cacheFolders(env: Environment): string[] {
  if (env["XDG_CACHE_HOME"]) return [join(env["XDG_CACHE_HOME"], "gppy")];
  return env["HOME"] ? [join(env["HOME"], ".cache", "gppy")] : [];
}

function bundleDigest(): string {
  const hash = createHash("sha256");
  for (const [name, text] of BUNDLED_FILES) hash.update(`${name}\0${text}\0`);
  return hash.digest("hex").slice(0, 16);
}

function holds(path: string, text: string): boolean {
  try {
    return Deno.readTextFileSync(path) === text;
  } catch {
    return false;
  }
}

/** Writes beside and renames, since several processes may start at once. */
function write(folder: string, name: string, text: string): boolean {
  try {
    Deno.mkdirSync(folder, { recursive: true });
    const part = join(folder, `.${name}.${crypto.randomUUID()}.part`);
    Deno.writeTextFileSync(part, text);
    Deno.renameSync(part, join(folder, name));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isRefused(error)) return false;
    throw error;
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.AlreadyExists ||
    (error instanceof Error && "code" in error && error.code === "EROFS");
}
