/**
 * The worker's side: a process that runs one step and tells on stdout what came of it, one
 * JSON document a line. It ends when its stdin is closed, so that it does not outlive its watcher.
 *
 * @module
 */

import * as z from "zod";
import { EXIT_CODES, GppyError } from "../config/errors.ts";
import { LazyCompute } from "../gpu/lazy_compute.ts";
import { type Site } from "../config/site.ts";
import type { Logger } from "@logtape/logtape";
import type { StageDeclaration } from "../stages/stage.ts";
import type { StepError } from "./failures.ts";
import { MissingStepError, runStep } from "./steps.ts";
import type { StepResult } from "./tasks.ts";

/** The first line that a worker reads. */
export const requestSchema = z.object({
  unit: z.string(),
  source: z.string(),
  step: z.int().nonnegative(),
});

/** A line that a worker writes. */
export type WorkerLine =
  | {
    readonly kind: "progress";
    readonly done: number;
    readonly total: number;
    readonly what: string;
  }
  | { readonly kind: "result"; readonly result: StepResult }
  | { readonly kind: "error"; readonly error: StepError; readonly restart: boolean };

/** What a worker works with. */
export interface WorkerOptions {
  readonly chain: readonly StageDeclaration[];
  readonly site: Site;
  readonly log: Logger;
  readonly device: "auto" | "webgpu" | "cpu";
  /** Takes one line of the answer. */
  readonly write: (line: string) => void;
}

/** How long what was aborted may take before the process ends regardless, in milliseconds. */
const GRACE_MS = 8000;
const PROGRESS_MS = 1000;

/**
 * Reads one request from stdin, runs the step, and tells what came of it.
 *
 * @param options The chain, the site, and where to write.
 * @returns The exit code.
 */
export async function serveStep(options: WorkerOptions): Promise<number> {
  const aborter = new AbortController();
  const abort = () => aborter.abort(new DOMException("Interrupted", "AbortError"));
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, abort);
  const tell = (line: WorkerLine) => options.write(JSON.stringify(line));
  const lines = readLines(Deno.stdin.readable);
  const request = requestSchema.parse(JSON.parse((await lines.next()).value ?? "null"));
  endWithParent(lines, abort);
  using compute = new LazyCompute({
    device: options.device,
    onEvent: (text) => options.log.warn("{text}", { text }),
  });
  let told = 0;
  const progress = (done: number, total: number, what: string) => {
    if (performance.now() - told < PROGRESS_MS) return;
    told = performance.now();
    tell({ kind: "progress", done, total, what });
  };
  try {
    const signal = aborter.signal;
    const result = await runStep(request, { ...options, signal, compute, progress });
    tell({ kind: "result", result });
    return EXIT_CODES.done;
  } catch (error) {
    if (aborter.signal.aborted) return EXIT_CODES.interrupted;
    const step = describeError(error);
    tell({ kind: "error", error: step, restart: error instanceof MissingStepError });
    return step.exitCode;
  }
}

/** Stops when the watcher is gone: its end of stdin is closed then, however it died. */
function endWithParent(lines: AsyncGenerator<string>, abort: () => void): void {
  const wait = async () => {
    while (!(await lines.next()).done);
    abort();
    Deno.unrefTimer(setTimeout(() => Deno.exit(EXIT_CODES.interrupted), GRACE_MS));
  };
  wait().catch(abort);
}

/**
 * Turns what was thrown into what the journal keeps.
 *
 * @param error What was thrown.
 * @returns Class, message, exit code; a defect keeps its stack.
 */
export function describeError(error: unknown): StepError {
  if (error instanceof GppyError) {
    const frame = error.details["file"] ?? error.details["frame"];
    return {
      name: error.name,
      message: error.message,
      retryable: error.retryable,
      exitCode: error.exitCode,
      ...(typeof frame === "string" ? { frame } : {}),
    };
  }
  const known = error instanceof Error;
  return {
    name: known ? error.name : "defect",
    message: known ? error.stack ?? error.message : String(error),
    retryable: false,
    exitCode: EXIT_CODES.internal,
  };
}

/**
 * Splits a stream into lines.
 *
 * @param stream Bytes of UTF-8.
 */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
}
