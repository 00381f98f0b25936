/**
 * Watchers as processes of their own, for tests.
 *
 * @module
 */

import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { World } from "./_watch_world.ts";
import { realClock } from "./clock.ts";
import { type Executor, processExecutor } from "./executor.ts";
import { LEASE_VARIABLE } from "./process_mark.ts";
import { PROC } from "../config/process_source.ts";
import type { Journal, Night } from "./journal.ts";

/** The program that the tests start. */
const SCRIPT = join(import.meta.dirname ?? ".", "_test_watcher.ts");
/** Settings in which nothing takes long. */
export const FAST = {
  graceS: 0.1,
  brokenGraceS: 0.2,
  pollS: 0.1,
  recheckS: 0.2,
  minFreeDiskGb: 0,
  minFreeMemoryGb: 0,
  stopWaitS: 5,
  leaseS: 2,
  lostLimit: 1000,
  concurrency: 2,
};

/** Starts a process of the world. */
export function start(
  world: World,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", SCRIPT, world.site.paths.base, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
}

/** How a worker of the two plain stages is started. */
export interface WorkerOptions {
  /** What limits it, such as `prlimit` with its arguments. */
  readonly prefix?: readonly string[];
  readonly device?: "cpu" | "webgpu";
  readonly env?: Readonly<Record<string, string>>;
  readonly timeLimitS?: number;
}

/** Runs steps in processes of their own, for a watcher within the test. */
export function workers(world: World, options: WorkerOptions = {}): Executor {
  const { prefix = [], device = "cpu", env = {}, timeLimitS = 60 } = options;
  const script = [SCRIPT, world.site.paths.base, "step", device];
  return processExecutor({
    command: [...prefix, Deno.execPath(), "run", "-A", "--quiet", "--no-check", ...script],
    clock: realClock,
    log: getLogger(["gppy"]),
    env,
    timeLimitS,
  });
}

/** How many processes run that were started under a lease. */
export function countMarked(token: string): number {
  return PROC.withEnvironment(`${LEASE_VARIABLE}=${token}`).length;
}

/** Starts a watcher. */
export function startWatch(world: World, how: "local" | "process", settings: object = FAST) {
  return start(world, ["watch", how, JSON.stringify(settings)]);
}

/** Waits for the end and gives what was printed. */
export async function output(
  child: Deno.ChildProcess,
): Promise<{ stdout: string; stderr: string }> {
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Looks at the nights until they are as wanted, or the time is up. */
export async function waitUntil(
  world: World,
  until: (nights: readonly Night[], journal: Journal) => boolean,
  limitMs = 30_000,
): Promise<Night[]> {
  const end = performance.now() + limitMs;
  using journal = world.journal();
  while (!until(journal.nights(), journal) && performance.now() < end) await pause(30);
  return journal.nights();
}

/** Waits until somebody has written to the journal, or the time is up: however slow the machine is. */
export async function untilStirred(journal: Journal, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  const version = journal.version();
  while (journal.version() === version && performance.now() < end) await pause(10);
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
