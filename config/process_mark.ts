/**
 * Knows a process again: by host, boot, number and start time.
 *
 * @module
 */

import { processSource } from "./process_source.ts";

/** Which process, so that neither a reboot nor a reused number can deceive. */
export interface ProcessMark {
  /** Name of the machine. */
  readonly host: string;
  /** Changes with every boot of the host and with every container on it; empty where nobody tells. */
  readonly boot: string;
  /** Number of the process. */
  readonly pid: number;
  /** Start time as the source of this process tells it; empty where it does not. */
  readonly started: string;
}

/**
 * The mark of this process.
 *
 * @returns Host, boot, number and start time.
 */
export function ownMark(): ProcessMark {
  return own ??= findOwnMark();
}

let own: ProcessMark | undefined;

function findOwnMark(): ProcessMark {
  const source = processSource();
  return {
    host: Deno.hostname(),
    boot: source.boot(),
    pid: Deno.pid,
    started: source.startOf(Deno.pid) ?? "",
  };
}

/**
 * Whether a process still runs.
 *
 * @param mark The process.
 * @returns True or false for processes of this host; undefined for those of others, of other
 * containers of this host, and where the system does not tell for sure.
 */
export function isAlive(mark: ProcessMark): boolean | undefined {
  const source = processSource();
  if (mark.host !== Deno.hostname() || mark.started === "") return undefined;
  if (source.kindOf(mark.started) !== source.kind) return undefined;
  const [boot, space] = mark.boot.split("/");
  const [ownBoot, ownSpace] = source.boot().split("/");
  if (boot !== ownBoot) return false;
  if (space !== ownSpace) return undefined;
  const started = source.startOf(mark.pid);
  if (started === "") return false;
  if (started === mark.started) return true;
  return started !== undefined && source.steady ? false : undefined;
}
