/**
 * Runs the engines on a pair, one after the other, until one passes its gates.
 *
 * @module
 */

import { DataError, GppyError } from "../../../config/errors.ts";
import type { Compute } from "../../../gpu/compute.ts";
import type { Gate } from "../../manifest.ts";
import type { Progress } from "../../stage.ts";
import type { CompanionFiles } from "./companion_files.ts";
import { finishDifference, type FinishedDifference } from "./finish.ts";
import {
  type DifferenceMetrics,
  type GateLimits,
  judge,
  measureDifference,
  worst,
} from "./judge.ts";
import type { LoadedPair } from "../load/load_pair.ts";
import { type BlockResiduals, blockResiduals } from "./residuals.ts";
import type { AlignedPair, Engine, EngineResult } from "../pair.ts";

/** One engine's difference and the verdict on it. */
export interface Attempt {
  readonly engine: string;
  /** The pair; the noise of its sky is what it looks like, see `noiseShare`. */
  readonly pair: AlignedPair;
  /** Share of the variance of bare sky that the difference shows to be noise; 1 unless the field is crowded. */
  readonly noiseShare: number;
  readonly finished: FinishedDifference;
  /** Its mask and weight, written already if they are still open. */
  readonly files: CompanionFiles;
  /** What is left in squares of the sky. */
  readonly blocks: BlockResiduals;
  readonly metrics: DifferenceMetrics;
  readonly gates: readonly Gate[];
  readonly verdict: Gate["verdict"];
}

/** An engine that gave nothing. */
export interface FailedAttempt {
  readonly engine: string;
  readonly error: GppyError;
}

/** How attempts are made and judged. */
export interface AttemptOptions {
  readonly limits: GateLimits;
  readonly skyMeshPx: number;
  /** Where differences are finished. */
  readonly compute: Compute;
  readonly signal: AbortSignal;
  /** Begins the files of mask and weight. */
  readonly openFiles: () => Promise<CompanionFiles>;
  /** Science flux over reference flux of a star as the zero points have it. */
  readonly zeroPointRatio: number | undefined;
  /** Told of the rows of a difference that are made, and what makes them. */
  readonly progress: Progress;
  /** Told of each engine that failed. */
  readonly onFailure: (failed: FailedAttempt) => void;
}

/** What came of the engines. */
export interface AttemptOutcome {
  /** The first that fails no gate, or else the one with the pull nearest to one; its images to be disposed of. */
  readonly chosen: Attempt;
  /** All that gave a difference; images of those not chosen are gone. */
  readonly attempts: readonly Attempt[];
  /** Engines that gave none. */
  readonly failures: readonly FailedAttempt[];
}

const RANK = { pass: 0, degraded: 1, fail: 2 } as const;

/**
 * Tries engines in their order until one passes every gate.
 *
 * @param loaded The pair.
 * @param engines In order of preference; those that cannot run here are passed over.
 * @param options Limits.
 * @returns The attempt to keep and all others.
 * @throws {GppyError} The last engine's error, when none gave a difference.
 */
export async function tryEngines(
  loaded: LoadedPair,
  engines: readonly Engine[],
  options: AttemptOptions,
): Promise<AttemptOutcome> {
  const attempts: Attempt[] = [];
  const failures: FailedAttempt[] = [];
  for (const engine of engines) {
    if (!await engine.available()) continue;
    try {
      const attempt = await attemptWith(engine, loaded, options);
      attempts.push(attempt);
      if (attempt.verdict !== "fail") break;
      // the next engine writes files of the same names
      await attempt.files[Symbol.asyncDispose]();
    } catch (error) {
      if (!(error instanceof GppyError)) throw error;
      failures.push({ engine: engine.name, error });
      options.onFailure({ engine: engine.name, error });
    }
  }
  const [chosen] = attempts.toSorted((a, b) =>
    RANK[a.verdict] - RANK[b.verdict] || pullError(a) - pullError(b)
  );
  for (const { finished } of attempts) {
    if (finished !== chosen?.finished) finished[Symbol.dispose]();
  }
  if (chosen !== undefined) return { chosen, attempts, failures };
  throw failures.at(-1)?.error ?? new DataError("Cannot subtract: no engine is available here");
}

function pullError(attempt: Attempt): number {
  const { pullSigma } = attempt.metrics;
  return pullSigma === null ? Infinity : Math.abs(pullSigma - 1);
}

async function attemptWith(
  engine: Engine,
  loaded: LoadedPair,
  options: AttemptOptions,
): Promise<Attempt> {
  const { pair } = loaded;
  options.progress(0, pair.height, `${engine.name}, kernel`);
  const result = await engine.run(pair);
  const files = await options.openFiles();
  try {
    return { ...await judged(loaded, result, files, options), files };
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

async function judged(
  loaded: LoadedPair,
  result: EngineResult,
  files: CompanionFiles,
  options: AttemptOptions,
): Promise<Omit<Attempt, "files">> {
  const { pair, quiet } = loaded;
  const { skyMeshPx, compute, signal } = options;
  const onRows = files.write.bind(files);
  const progress = (rows: number) => options.progress(rows, pair.height, result.engine);
  const how = { quiet, skyMeshPx, compute, signal, onRows, progress };
  const finished = await finishDifference(pair, result, how);
  const blocks = await blockResiduals(compute, pair, finished, quiet);
  const metrics = measureDifference(pair, finished, quiet, blocks, options.zeroPointRatio);
  const { registrationPx, registrationScatterPx } = loaded;
  const facts = { coverage: loaded.aligned.coverage, registrationPx, registrationScatterPx };
  const gates = judge(finished, metrics, facts, options.limits);
  const verdict = worst(gates);
  const { engine, noiseShare = 1 } = result;
  return { engine, pair, finished, blocks, metrics, gates, verdict, noiseShare };
}
