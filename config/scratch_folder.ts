/**
 * Folders for what is needed only meanwhile, which do not outlive their process for long.
 *
 * A process that ends in order removes its own. One that was killed cannot: the next that makes a
 * scratch folder in the same place does it, once it is sure that the owner is gone.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { isAlive, ownMark, type ProcessMark } from "./process_mark.ts";
import { processSource } from "./process_source.ts";

/** How the names of scratch folders end. */
const SUFFIX = ".scratch";
/** File in each that says whose it is. */
const OWNER = ".owner.json";
/**
 * A folder of an earlier boot of a host of this name, or of a process that could not tell its host or
 * boot, must have been left alone for so long: hosts of one name may share a disk, and no program runs
 * on for so long without writing.
 */
const OLD_MS = 24 * 3600 * 1000;

/** Places that this process has swept. */
const swept = new Set<string>();

/**
 * Makes a scratch folder; the first in a place first removes there what dead processes left.
 *
 * @param prefix What its name begins with.
 * @param place The folder it lies in; where the system keeps temporary files if left out.
 * @returns Its path. Whoever made it removes it.
 */
export function makeScratchFolder(prefix: string, place?: string): string {
  const options = { prefix, suffix: SUFFIX, ...(place === undefined ? {} : { dir: place }) };
  const folder = Deno.makeTempDirSync(options);
  const parent = dirname(folder);
  Deno.writeTextFileSync(join(folder, OWNER), JSON.stringify(told(ownMark) ?? UNTOLD));
  if (!swept.has(parent)) {
    swept.add(parent);
    sweepScratch(parent);
  }
  return folder;
}

/**
 * Removes the scratch folders in a place whose owner runs no more.
 *
 * Those of living processes, of other hosts and containers, and those that do not say that gppy made
 * them, are left alone. Where the system does not tell, those go that nobody wrote to for a day.
 *
 * @param place The folder they lie in.
 * @param nowMs Time of day, ms.
 * @returns Names of what was removed.
 */
export function sweepScratch(place: string, nowMs: number = Date.now()): string[] {
  const removed: string[] = [];
  for (const name of scratchNames(place)) {
    const folder = join(place, name);
    if (!isAbandoned(folder, nowMs)) continue;
    try {
      Deno.removeSync(folder, { recursive: true });
      removed.push(name);
    } catch {
      // another process was faster, or it is not ours to remove
    }
  }
  return removed;
}

function scratchNames(place: string): string[] {
  try {
    return [...Deno.readDirSync(place)]
      .filter(({ name, isDirectory }) => isDirectory && name.endsWith(SUFFIX))
      .map(({ name }) => name);
  } catch {
    return []; // not ours to read
  }
}

function isAbandoned(folder: string, nowMs: number): boolean {
  const owner = readOwner(folder);
  if (owner === undefined) return false;
  if (owner.host !== "" && told(() => isAlive(owner)) !== false) return false;
  const boot = bootOf(owner.boot);
  if (boot !== "" && boot === bootOf(processSource().boot())) return true;
  return nowMs - lastChangeMs(folder) > OLD_MS;
}

/** A process with such small permissions that it does not know its host. */
const UNTOLD: ProcessMark = { host: "", boot: "", pid: Deno.pid, started: "" };

/** What the system tells; undefined where the permissions are too small to ask. */
function told<Answer>(ask: () => Answer): Answer | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

const bootOf = (boot: string) => boot.split("/")[0]!;

function readOwner(folder: string): ProcessMark | undefined {
  try {
    const mark: Partial<ProcessMark> = JSON.parse(Deno.readTextFileSync(join(folder, OWNER)));
    const { host, boot, pid, started } = mark;
    if (typeof host !== "string" || typeof boot !== "string") return undefined;
    if (typeof pid !== "number" || typeof started !== "string") return undefined;
    return { host, boot, pid, started };
  } catch {
    return undefined;
  }
}

/** The latest change of the folder or of what lies in it; now if that cannot be told. */
function lastChangeMs(folder: string): number {
  try {
    const paths = [folder, ...[...Deno.readDirSync(folder)].map(({ name }) => join(folder, name))];
    return Math.max(...paths.map((path) => Deno.lstatSync(path).mtime?.getTime() ?? Infinity));
  } catch {
    return Infinity;
  }
}
