/**
 * The watcher's side of a worker: starts a process for one step, follows it, and ends it
 * with all that it started when its time is over.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import { childEnvironment } from "../config/slack_keys.ts";
import type { Clock } from "./clock.ts";
import type { StepError } from "./failures.ts";
import { killMarked, LEASE_VARIABLE } from "./process_mark.ts";
import type { StepResult, Task } from "./tasks.ts";
import { readLines, type WorkerLine } from "./worker.ts";

/** How a step ended. */
export type StepEnd =
  | { readonly kind: "result"; readonly result: StepResult }
  | { readonly kind: "error"; readonly error: StepError; readonly restart: boolean }
  | { readonly kind: "interrupted" };

/** What runs a step; tests put their own in its place. */
export type Executor = (task: Task, signal: AbortSignal) => Promise<StepEnd>;

/** How worker processes are started. */
export interface ExecutorOptions {
  /** Executable and arguments of a process that calls `serveStep()`. */
  readonly command: readonly string[];
  /** The same without the graphics device, for stages beyond those that may use it at once. */
  readonly commandOnCpu?: readonly string[];
  /** How many stages may use the graphics device at once; all if left out. */
  readonly gpuStages?: number;
  /** Variables added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** After so many seconds a step is ended as hanging. */
  readonly timeLimitS: number;
  /** Told how far a step is. */
  readonly onProgress?: (task: Task, text: string) => void;
}

/** How long a worker has to end by itself after SIGTERM, in seconds. */
const GRACE_S = 15;
const TAIL_LINES = 12;

/**
 * Makes an executor that starts one process a step.
 *
 * @param options The command and the time limit.
 * @returns The executor; aborting its signal ends the step as interrupted.
 */
export function processExecutor(options: ExecutorOptions): Executor {
  let onGpu = 0;
  return async (task, signal) => {
    const mayUseGpu = onGpu < (options.gpuStages ?? Infinity);
    const command = mayUseGpu ? options.command : options.commandOnCpu ?? options.command;
    if (mayUseGpu) onGpu++;
    try {
      return await runWorker(task, signal, { ...options, command });
    } finally {
      if (mayUseGpu) onGpu--;
    }
  };
}

async function runWorker(
  task: Task,
  signal: AbortSignal,
  options: ExecutorOptions,
): Promise<StepEnd> {
  const child = new Deno.Command(options.command[0]!, {
    args: options.command.slice(1),
    clearEnv: true,
    env: { ...childEnvironment(), ...options.env, [LEASE_VARIABLE]: task.lease.token },
    detached: true, // Ctrl-C in the watcher's terminal is the watcher's to handle
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const { unit, path: source } = task.night;
  const request = { unit, source, step: task.step };
  await writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n")).catch(() => {});
  const ender = new Ender(task, child, options);
  signal.addEventListener("abort", ender.interrupt, { once: true });
  if (signal.aborted) ender.interrupt();
  try {
    const [answer, tail, status] = await Promise.all([
      readAnswer(child.stdout, task, options),
      readTail(child.stderr, task, options.log),
      child.status,
    ]);
    return answer ?? ender.describe(status, tail);
  } finally {
    signal.removeEventListener("abort", ender.interrupt);
    ender.stop();
    await writer.close().catch(() => {});
    killMarked(task.lease.token); // what it may have left running
  }
}

/** Ends a worker: asks first, kills later, and remembers why. */
class Ender {
  readonly #task: Task;
  readonly #child: Deno.ChildProcess;
  readonly #options: ExecutorOptions;
  readonly #over = new AbortController();
  #reason: "" | "interrupted" | "timeout" = "";

  constructor(task: Task, child: Deno.ChildProcess, options: ExecutorOptions) {
    this.#task = task;
    this.#child = child;
    this.#options = options;
    options.clock.sleep(options.timeLimitS * 1000, this.#over.signal).then(() => {
      if (!this.#over.signal.aborted) this.#end("timeout");
    });
  }

  readonly interrupt = (): void => this.#end("interrupted");

  #end(reason: "interrupted" | "timeout"): void {
    this.#reason ||= reason;
    try {
      this.#child.kill("SIGTERM");
    } catch {
      return; // it has ended
    }
    const { clock } = this.#options;
    clock.sleep(GRACE_S * 1000, this.#over.signal).then(() => {
      if (!this.#over.signal.aborted) killMarked(this.#task.lease.token);
    });
  }

  stop(): void {
    this.#over.abort();
  }

  /** How a worker ended that gave no answer. */
  describe(status: Deno.CommandStatus, tail: string): StepEnd {
    if (this.#reason === "interrupted") return { kind: "interrupted" };
    const how = this.#reason === "timeout"
      ? `still running after ${this.#options.timeLimitS} s`
      : status.signal === null
      ? `exit code ${status.code} without an answer`
      : `killed by ${status.signal}`;
    const message = `Cannot complete ${this.#task.name}: ${how}${tail === "" ? "" : `\n${tail}`}`;
    const name = this.#reason === "timeout" ? "timeout" : "crash";
    const error = { name, message, retryable: true, exitCode: status.code };
    return { kind: "error", error, restart: false };
  }
}

async function readAnswer(
  stdout: ReadableStream<Uint8Array>,
  task: Task,
  options: ExecutorOptions,
): Promise<StepEnd | undefined> {
  let end: StepEnd | undefined;
  for await (const text of readLines(stdout)) {
    let line: WorkerLine;
    try {
      line = JSON.parse(text) as WorkerLine;
    } catch {
      options.log.debug("{text}", { text }); // a library that prints
      continue;
    }
    if (line.kind !== "progress") end = line;
    else options.onProgress?.(task, `${line.done}/${line.total} ${line.what}`);
  }
  return end;
}

/** Passes the worker's log on, with the night it belongs to, and keeps its end for an error. */
async function readTail(
  stderr: ReadableStream<Uint8Array>,
  task: Task,
  log: Logger,
): Promise<string> {
  const tail: string[] = [];
  const { unit, folder } = task.night;
  const facts = { unit, folder, stage: task.name, night: nightName(task) };
  for await (const line of readLines(stderr)) {
    const { level, text } = parseRecord(line);
    log[level]("{unit} {folder} {stage}: {text}", { ...facts, text });
    tail.push(text);
    if (tail.length > TAIL_LINES) tail.shift();
  }
  return tail.join("\n");
}

const LEVELS = {
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  WARNING: "warn",
  ERROR: "error",
} as const;

/** A worker logs lines of JSON; what else stands on its stderr comes from a crash. */
function parseRecord(line: string): { level: "debug" | "info" | "warn" | "error"; text: string } {
  try {
    const { level, message } = JSON.parse(line) as { level?: unknown; message?: unknown };
    const known = LEVELS[String(level) as keyof typeof LEVELS];
    if (known && typeof message === "string") return { level: known, text: message };
  } catch {
    // no JSON
  }
  return { level: "warn", text: line };
}

/** The id of a run of a night, in every line of the log about it. */
export function nightName({ night }: Pick<Task, "night">): string {
  return `${night.unit}/${night.folder}#${night.run}`;
}
