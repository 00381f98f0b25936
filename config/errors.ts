/**
 * The errors that gppy knows how to explain, and the exit codes they lead to.
 *
 * A stage throws; `cli/main.ts` alone catches and exits. Whatever is not a
 * {@linkcode GppyError} is a defect and ends with {@linkcode EXIT_CODES.internal}.
 *
 * @module
 */

/** Every exit code of the program, in one table. */
export const EXIT_CODES = {
  /** All was done, or there was nothing to do. */
  done: 0,
  /** The command line, a configuration file or a site table is wrong. */
  usage: 2,
  /** Done, but some frames were left behind; the manifest says which and why. */
  partial: 10,
  /** Input data cannot be used. */
  data: 20,
  /** An external program is missing or failed. */
  externalTool: 30,
  /** The graphics device failed and nothing could take its place. */
  gpu: 40,
  /** A defect of gppy itself. */
  internal: 70,
  /** Interrupted by SIGINT or SIGTERM; finished work was kept. */
  interrupted: 130,
} as const;

/** Facts that go with an error into the manifest: file, card, value, counts. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** What may be given besides the message. */
export interface GppyErrorOptions {
  /** Facts for the manifest. */
  readonly details?: ErrorDetails;
  /** The error behind this one. */
  readonly cause?: unknown;
}

/** An error with a message for the user, an exit code and facts for the manifest. */
export abstract class GppyError extends Error {
  /** The code that a command ends with when this error ends it. */
  abstract readonly exitCode: number;
  /** Whether the same work may succeed later without anyone changing anything. */
  readonly retryable: boolean = false;
  /** Facts for the manifest. */
  readonly details: ErrorDetails;

  /**
   * Makes the error.
   *
   * @param message `Cannot <do> …: <state>`, values quoted, no full stop.
   * @param options Facts for the manifest, and the error behind this one.
   */
  constructor(message: string, options: GppyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details ?? {};
  }
}

/** The command line, a settings file or a site table is wrong. */
export class UsageError extends GppyError {
  /** See {@linkcode EXIT_CODES}. */
  override readonly exitCode: number = EXIT_CODES.usage;
}

/** A frame, a catalogue or a manifest cannot be used. */
export class DataError extends GppyError {
  /** See {@linkcode EXIT_CODES}. */
  override readonly exitCode: number = EXIT_CODES.data;
}

/** An external program is missing, failed or took too long. */
export class ExternalToolError extends GppyError {
  /** See {@linkcode EXIT_CODES}. */
  override readonly exitCode: number = EXIT_CODES.externalTool;
  /** Another try may go better. */
  override readonly retryable: boolean = true;
}

/** The graphics device failed. */
export class GpuError extends GppyError {
  /** See {@linkcode EXIT_CODES}. */
  override readonly exitCode: number = EXIT_CODES.gpu;
  /** Another try may go better. */
  override readonly retryable: boolean = true;
}
