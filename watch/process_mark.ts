/**
 * Knows a process again: by host, boot, number and start time. Finds what a dead
 * watcher left running, by a mark in the environment that programs pass on.
 *
 * @module
 */

/** Which process, so that neither a reboot nor a reused number can deceive. */
export interface ProcessMark {
  readonly host: string;
  /** Changes with every boot of the host. */
  readonly boot: string;
  readonly pid: number;
  /** Start time in ticks since boot; empty where the system does not tell. */
  readonly started: string;
}

/** Name of the variable that marks what was started under a lease. */
export const LEASE_VARIABLE = "GPPY_LEASE";

/**
 * The mark of this process.
 *
 * @returns Host, boot, number and start time.
 */
export function ownMark(): ProcessMark {
  return {
    host: Deno.hostname(),
    boot: read("/proc/sys/kernel/random/boot_id").trim(),
    pid: Deno.pid,
    started: startOf(Deno.pid),
  };
}

/**
 * Whether a process still runs.
 *
 * @param mark The process.
 * @returns True or false for processes of this host; undefined for those of others.
 */
export function isAlive(mark: ProcessMark): boolean | undefined {
  const own = ownMark();
  if (mark.host !== own.host || mark.started === "" || own.boot === "") return undefined;
  return mark.boot === own.boot && startOf(mark.pid) === mark.started;
}

/**
 * Kills every process of this host that was started under a lease.
 *
 * @param token The lease.
 * @returns How many were killed.
 */
export function killMarked(token: string): number {
  const needle = `${LEASE_VARIABLE}=${token}\0`;
  let killed = 0;
  for (const entry of listProc()) {
    const pid = Number(entry);
    if (pid === Deno.pid || !read(`/proc/${pid}/environ`).includes(needle)) continue;
    try {
      Deno.kill(pid, "SIGKILL");
      killed++;
    } catch {
      // gone by itself
    }
  }
  return killed;
}

function listProc(): string[] {
  try {
    return [...Deno.readDirSync("/proc")].map((entry) => entry.name).filter((name) =>
      /^\d+$/.test(name)
    );
  } catch {
    return [];
  }
}

/** Field 22 of /proc/PID/stat; the name before it may hold blanks and brackets. A zombie is dead. */
function startOf(pid: number): string {
  const fields = read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return fields[0] === "Z" || fields[0] === "X" ? "" : fields[19] ?? "";
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
