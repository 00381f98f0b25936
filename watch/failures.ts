/**
 * What a failed step means: its class, whether and when it is tried again.
 *
 * @module
 */

import { EXIT_CODES } from "../config/errors.ts";
import { isPlaceFault } from "../config/place_fault.ts";

/** Why a step failed, as its process told. */
export interface StepError {
  /** Class of the error, such as `ExternalToolError`; `crash` or `timeout` when it told nothing. */
  readonly name: string;
  /** For the reader. */
  readonly message: string;
  /** Whether the error itself says that another try may go better. */
  readonly retryable: boolean;
  /** Exit code that the error stands for. */
  readonly exitCode: number;
  /** The frame or file it is about, when known. */
  readonly frame?: string | undefined;
}

/**
 * What kind of failure it is.
 *
 * - `passing`: a program, the graphics device, a time limit, a killed process
 * - `place`: disk, memory, permissions: nothing that the night can help
 * - `settings`: a wrong setting or table, a missing program
 * - `data`: the frames cannot be used
 * - `defect`: a defect of gppy
 */
export type FailureClass = "passing" | "place" | "settings" | "data" | "defect";

/** Minutes before each further try, by class; when they are used up the night is parked. */
export const RETRY_MINUTES: Readonly<Record<FailureClass, readonly number[]>> = {
  passing: [1, 10, 60],
  place: [5, 30, 120, 360],
  settings: [10, 60, 360],
  data: [10],
  defect: [1, 60],
};

/** Tries of one step that may end with a killed watcher before the night is parked. */
export const LOST_LIMIT = 20;

/** Of a folder all of a night's writing fails; of one frame the reading, which leaves the frame behind. */
const DENIED = /Permission denied|os error (1|13)/i;

/**
 * Finds the class of a failure.
 *
 * @param error What the step's process told.
 * @returns Its class.
 */
export function classify(error: StepError): FailureClass {
  if (isPlaceFault(error.message) || DENIED.test(error.message)) return "place";
  if (error.exitCode === EXIT_CODES.usage || /not found on PATH/.test(error.message)) {
    return "settings";
  }
  if (error.name === "crash" || error.name === "timeout" || error.retryable) return "passing";
  return error.exitCode === EXIT_CODES.internal ? "defect" : "data";
}

/**
 * How long to wait before the next try.
 *
 * @param kind Class of the failure.
 * @param attempts Failed tries so far, this one included.
 * @returns Milliseconds; undefined when the night is to be parked.
 */
export function retryWaitMs(kind: FailureClass, attempts: number): number | undefined {
  const minutes = RETRY_MINUTES[kind][attempts - 1];
  return minutes === undefined ? undefined : minutes * 60_000;
}
