/**
 * Runs outside programs: an argument list, a time limit, an abort signal, and
 * errors that say what was run and how it ended. Never a shell.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { childEnvironment } from "../config/slack_keys.ts";
import { captureTail, lastLines } from "./_capture.ts";
import { asList, locateTool } from "./_locate.ts";
import { programNamed } from "./programs.ts";

export { locateTool } from "./_locate.ts";

/** How long a program may run unless told otherwise, in seconds. */
export const DEFAULT_TIMEOUT_S = 1800;
/** How long a program has to end by itself after SIGTERM, in milliseconds. */
const GRACE_MS = 3000;
const ERROR_LINES = 12;

/** What a finished program left. */
export interface ToolRun {
  /** All of it, up to the last 16 MiB. */
  readonly stdout: string;
  /** All of it, up to the last 16 MiB. */
  readonly stderr: string;
  /** Wall-clock time, in seconds. */
  readonly elapsedS: number;
  /** Path of the executable, then its arguments. */
  readonly command: readonly string[];
}

/** How a program is run. */
export interface ToolOptions {
  /** Folder to run in; that of gppy if left out. */
  readonly cwd?: string;
  /** Ends the program, and all that it started, when aborted. */
  readonly signal?: AbortSignal;
  /** Ends the program after so many seconds. */
  readonly timeoutS?: number;
  /** Variables added to the environment. `PATH` given here is also where the program is sought. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that mean success; `[0]` if left out. */
  readonly okCodes?: readonly number[];
}

/** A program that was found. */
export interface FoundTool {
  /** Path of the executable. */
  readonly path: string;
  /** As the program prints it; `unknown` if it does not. */
  readonly version: string;
}

/** What a {@linkcode ToolSet} gives every program it runs. */
export interface ToolSetOptions {
  /** Ends the programs when aborted. */
  readonly signal: AbortSignal;
  /** Where to log; nowhere if left out. */
  readonly log?: ToolLog;
  /** Time limit of a program, in seconds. */
  readonly timeoutS?: number;
  /** Variables added to the environment. `PATH` given here is also where programs are sought. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Where a {@linkcode ToolSet} says what it runs; a logger of logtape is one. */
export interface ToolLog {
  /** Takes a message with `{names}` and their values. */
  debug(message: string, properties?: Record<string, unknown>): void;
}

/** The outside programs as a stage sees them: bound to its signal and log. */
export interface ToolSet {
  /**
   * Runs a program.
   *
   * @param names Its possible names; the first one on `PATH` is taken.
   * @param args Its arguments.
   * @param options Folder, time limit, environment.
   */
  run(
    names: string | readonly string[],
    args: readonly string[],
    options?: ToolOptions,
  ): Promise<ToolRun>;
  /** Whether a program is on `PATH`. */
  has(names: string | readonly string[]): Promise<boolean>;
  /** Versions of the programs that were run, by name. */
  readonly versions: Record<string, string>;
  /** The time limit of a program that is given none, in seconds. */
  readonly timeoutS: number;
}

async function requireTool(names: readonly string[], searchPath?: string): Promise<string> {
  const path = await locateTool(names, searchPath);
  if (path !== undefined) return path;
  const known = names.map(programNamed).find((program) => program !== undefined);
  const advice = known === undefined ? "" : `; ${known.install}`;
  throw new ExternalToolError(
    `Cannot run "${names[0]}": not found on PATH${advice}`,
    { details: { command: names.join(" or "), missing: true } },
  );
}

function start(command: readonly string[], options: ToolOptions): Deno.ChildProcess {
  try {
    return new Deno.Command(command[0]!, {
      args: command.slice(1),
      clearEnv: true,
      env: { ...childEnvironment(), LC_ALL: "C", ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      detached: true, // a process group of its own
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new ExternalToolError(
      `Cannot start "${command[0]}": ${cause instanceof Error ? cause.message : String(cause)}`,
      { details: { command: command.join(" ") }, cause },
    );
  }
}

/** Sends a signal to a process group; one that is gone already is no error. */
function signalGroup(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(-pid, name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return killGroup(pid, name);
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}

/** Where Deno may run some programs only, it may signal none itself. */
function killGroup(pid: number, name: Deno.Signal): void {
  const args = ["-s", name.slice(3), "--", `-${pid}`];
  new Deno.Command("kill", { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync();
}

/** Waits for a child; ends its whole group at the time limit, on abort, and when the child is gone. */
async function waitForGroup(
  child: Deno.ChildProcess,
  limits: { signal: AbortSignal | undefined; timeoutS: number },
): Promise<{ status: Deno.CommandStatus; timedOut: boolean }> {
  let timedOut = false;
  let grace: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    signalGroup(child.pid, "SIGTERM");
    grace ??= setTimeout(() => signalGroup(child.pid, "SIGKILL"), GRACE_MS);
  };
  const limit = setTimeout(() => {
    timedOut = true;
    end();
  }, Math.min(limits.timeoutS * 1000, 2 ** 31 - 1));
  limits.signal?.addEventListener("abort", end, { once: true });
  try {
    if (limits.signal?.aborted) end();
    const status = await child.status;
    return { status, timedOut };
  } finally {
    clearTimeout(limit);
    clearTimeout(grace);
    limits.signal?.removeEventListener("abort", end);
    signalGroup(child.pid, "SIGKILL"); // what the child left running would hold our pipes open
  }
}

function failure(
  command: readonly string[],
  ended: { status: Deno.CommandStatus; timedOut: boolean },
  facts: { elapsedS: number; timeoutS: number; output: string },
): ExternalToolError {
  const { status, timedOut } = ended;
  const how = timedOut
    ? `still running after its time limit of ${facts.timeoutS} s`
    : status.signal !== null
    ? `killed by ${status.signal}`
    : `exit code ${status.code}`;
  const tail = lastLines(facts.output, ERROR_LINES);
  return new ExternalToolError(
    `Cannot complete "${command[0]}": ${how}${tail === "" ? "" : `\n${tail}`}`,
    {
      details: {
        command: command.join(" "),
        code: status.code,
        signal: status.signal,
        timedOut,
        elapsedS: Math.round(facts.elapsedS * 1000) / 1000,
        stderr: tail,
      },
    },
  );
}

/**
 * Runs a program to its end.
 *
 * It gets a process group of its own, no standard input and `LC_ALL=C`. At the
 * time limit or on abort the whole group is ended, first with SIGTERM, then
 * with SIGKILL.
 *
 * @param names Its possible names; the first one on `PATH` is taken.
 * @param args Its arguments, passed as they are.
 * @param options Folder, signal, time limit, environment, exit codes of success.
 * @returns Its output.
 * @throws {ExternalToolError} If it is missing, fails or takes too long.
 * @throws The reason of the signal, when aborted.
 */
export async function runTool(
  names: string | readonly string[],
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolRun> {
  options.signal?.throwIfAborted();
  const path = await requireTool(asList(names), options.env?.PATH);
  const command = [path, ...args];
  const timeoutS = options.timeoutS ?? DEFAULT_TIMEOUT_S;
  const started = performance.now();
  const child = start(command, options);
  const [ended, stdout, stderr] = await Promise.all([
    waitForGroup(child, { signal: options.signal, timeoutS }),
    captureTail(child.stdout),
    captureTail(child.stderr),
  ]);
  options.signal?.throwIfAborted();
  const elapsedS = (performance.now() - started) / 1000;
  const ok = ended.status.signal === null && !ended.timedOut &&
    (options.okCodes ?? [0]).includes(ended.status.code);
  if (!ok) {
    const output = stderr.trim() === "" ? stdout : stderr;
    throw failure(command, ended, { elapsedS, timeoutS, output });
  }
  return { stdout, stderr, elapsedS, command };
}

const versionOf = new Map<string, Promise<string>>();

async function askVersion(name: string, path: string): Promise<string> {
  const program = programNamed(name);
  if (program === undefined) return "unknown";
  try {
    const okCodes = Array.from({ length: 256 }, (_, code) => code);
    const { stdout, stderr } = await runTool(path, program.versionArgs, { timeoutS: 10, okCodes });
    return program.versionPattern.exec(stdout + stderr)?.[1] ?? "unknown";
  } catch (error) {
    if (error instanceof ExternalToolError) return "unknown";
    throw error;
  }
}

/**
 * Finds a program and asks for its version.
 *
 * @param names Its possible names, the preferred one first.
 * @param searchPath Folders to look in; those of `PATH` if left out.
 * @returns Its path and version, or nothing when it is not on `PATH`.
 */
export async function findTool(
  names: string | readonly string[],
  searchPath?: string,
): Promise<FoundTool | undefined> {
  const path = await locateTool(names, searchPath);
  if (path === undefined) return undefined;
  if (!versionOf.has(path)) {
    const name = asList(names).find((each) => programNamed(each) !== undefined);
    versionOf.set(path, askVersion(name ?? asList(names)[0]!, path));
  }
  return { path, version: await versionOf.get(path)! };
}

/**
 * Binds the outside programs to a stage.
 *
 * @param options The signal that ends them, where to log, time limit and environment.
 * @returns The programs.
 */
export function toolSet(options: ToolSetOptions): ToolSet {
  const { signal, timeoutS = DEFAULT_TIMEOUT_S } = options;
  const versions: Record<string, string> = {};
  return {
    versions,
    timeoutS,
    async has(names) {
      return await locateTool(names, options.env?.PATH) !== undefined;
    },
    async run(names, args, given = {}) {
      const found = await findTool(names, options.env?.PATH);
      if (found !== undefined) versions[asList(names)[0]!] = found.version;
      options.log?.debug("Running {command}", { command: [asList(names)[0], ...args].join(" ") });
      const env = { ...options.env, ...given.env };
      const run = await runTool(names, args, { signal, timeoutS, ...given, env });
      options.log?.debug("{tool} took {elapsedS} s", {
        tool: asList(names)[0],
        elapsedS: run.elapsedS,
      });
      return run;
    },
  };
}
