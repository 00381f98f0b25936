/**
 * Free memory and free disk, and whether they are enough to begin a stage.
 *
 * @module
 */

import { dirname } from "node:path";
import { statfsSync } from "node:fs";

/** What there is, in bytes; undefined where the system does not tell. */
export interface Resources {
  readonly memory: number | undefined;
  /** By folder. */
  readonly disk: ReadonlyMap<string, number>;
}

/**
 * Measures free memory and disk.
 *
 * @param folders Where products are written; those not made yet count by their parent.
 * @returns What there is.
 */
export function measureResources(folders: readonly string[]): Resources {
  const disk = new Map<string, number>();
  for (const folder of folders) {
    const free = freeDisk(folder);
    if (free !== undefined) disk.set(folder, free);
  }
  return { memory: freeMemory(), disk };
}

/**
 * Says what there is too little of.
 *
 * @param resources What there is.
 * @param limits Least amounts, in GB (10⁹ bytes).
 * @param begun Stages that have just begun, and will take as much memory as is wanted for one.
 * @returns A text for people, or undefined when there is enough.
 */
export function findShortage(
  resources: Resources,
  limits: { readonly minFreeMemoryGb: number; readonly minFreeDiskGb: number },
  begun = 0,
): string | undefined {
  for (const [folder, free] of resources.disk) {
    if (free < limits.minFreeDiskGb * 1e9) {
      return `disk: ${gb(free)} GB free in "${folder}", wanted ${limits.minFreeDiskGb} GB`;
    }
  }
  const { memory } = resources;
  const wantedGb = limits.minFreeMemoryGb * (1 + begun);
  if (memory === undefined || memory >= wantedGb * 1e9) return undefined;
  const beside = begun === 0 ? "" : ` beside ${begun} stages that have just begun`;
  return `memory: ${gb(memory)} GB free, wanted ${wantedGb} GB${beside}`;
}

function gb(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

function freeDisk(folder: string): number | undefined {
  for (let path = folder;; path = dirname(path)) {
    try {
      const { bavail, bsize } = statfsSync(path);
      return Number(bavail) * Number(bsize);
    } catch {
      if (path === dirname(path)) return undefined;
    }
  }
}

/** What programs can still get: of the machine, and of the control group when that is less. */
function freeMemory(): number | undefined {
  const machine = machineMemory();
  const limit = Number(read("/sys/fs/cgroup/memory.max").trim() || NaN);
  if (!Number.isFinite(limit)) return machine;
  const used = Number(read("/sys/fs/cgroup/memory.current"));
  const cache = Number(/^inactive_file (\d+)/m.exec(read("/sys/fs/cgroup/memory.stat"))?.[1] ?? 0);
  return Math.min(machine ?? Infinity, limit - used + cache);
}

function machineMemory(): number | undefined {
  try {
    return Deno.systemMemoryInfo().available;
  } catch {
    return undefined;
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
