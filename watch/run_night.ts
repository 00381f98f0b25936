/**
 * Takes one night through a chain of stages, tells Slack, and logs the night.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import { GppyError } from "../config/errors.ts";
import type { Site } from "../config/site.ts";
import type { LazyCompute } from "../gpu/lazy_compute.ts";
import type { Left, Manifest } from "../stages/manifest.ts";
import type { ResolvedParameters } from "../stages/parameters.ts";
import { runStage } from "../stages/runner.ts";
import type { Progress, StageDeclaration } from "../stages/stage.ts";
import { appendNightLog } from "./night_log.ts";
import type { NoticeBody } from "./notices.ts";
import { createNotifier } from "./notify.ts";
import { summariseRun } from "./run_summary.ts";
import { nightPictures } from "./thumbnail.ts";

/** One stage of a chain with its parameters. */
export interface NightStep {
  readonly stage: StageDeclaration;
  readonly parameters: ResolvedParameters;
}

/** What a night is run with. */
export interface NightOptions {
  readonly site: Site;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly compute: LazyCompute;
  /** Begins to show the progress of a stage. */
  readonly startProgress: (stage: string) => Progress;
  readonly only?: string | undefined;
  readonly force?: boolean | undefined;
}

/** How long a stage took. */
export interface StageTime {
  readonly stage: string;
  readonly s: number;
  /** False when the same had been done before. */
  readonly ran: boolean;
}

/** What came of a night. */
export interface NightOutcome {
  readonly manifest: Manifest;
  /** What the stages of this run left behind. */
  readonly left: readonly Left[];
  readonly elapsed: readonly StageTime[];
}

/**
 * The stages of a chain that a manifest has not been through yet.
 *
 * @param chain Stages in order.
 * @param manifest Where the night stands.
 * @returns The rest of the chain.
 */
export function remainingStages(
  chain: readonly StageDeclaration[],
  manifest: Manifest,
): readonly StageDeclaration[] {
  let done = 0;
  for (const record of manifest.stages) if (chain[done]?.name === record.name) done++;
  return chain.slice(done);
}

/**
 * Runs stage after stage; each starts from the manifest of the one before.
 *
 * @param steps What to run.
 * @param first The manifest to start from.
 * @param options Site, log, signal and display.
 * @returns The last manifest, what was left behind and the times.
 * @throws {GppyError} If a stage cannot be run at all; Slack and the log know by then.
 */
export async function runNight(
  steps: readonly NightStep[],
  first: Manifest,
  options: NightOptions,
): Promise<NightOutcome> {
  const { site, log } = options;
  await using notifier = createNotifier(site, log);
  const started = new Date();
  const about = { unit: first.night.unit, date: first.night.date };
  notifier.tell("start", about);
  let stage = "";
  let manifest = first;
  const left: Left[] = [];
  const elapsed: StageTime[] = [];
  try {
    for (const step of steps) {
      stage = step.stage.name;
      const begin = performance.now();
      const progress = options.startProgress(stage);
      const result = await runStage({ ...options, ...step, manifest, progress });
      manifest = result.manifest;
      left.push(...result.left);
      elapsed.push({ stage, s: (performance.now() - begin) / 1000, ran: result.ran });
    }
  } catch (error) {
    await appendNightLog(site, first.night, started, `failed in ${stage}: ${text(error)}`, log);
    if (!options.signal.aborted) notifier.tell("failure", describeFailure(about, stage, error));
    await notifier.flush(FLUSH_S);
    throw error;
  }
  await appendNightLog(site, first.night, started, left.length === 0 ? "done" : "partial", log);
  if (notifier.active) {
    const elapsedS = (Date.now() - started.getTime()) / 1000;
    const stages = elapsed.filter(({ ran }) => ran);
    const pictures = await nightPictures(manifest, log);
    notifier.tell("finish", { ...about, ...summariseRun(manifest), elapsedS, stages, pictures });
  }
  await notifier.flush(FLUSH_S);
  return { manifest, left, elapsed };
}

/** How long the end of a night waits for Slack; what remains is sent by the next gppy. */
const FLUSH_S = 15;

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The facts of a failure notice.
 *
 * @param about The night.
 * @param stage The stage that threw.
 * @param error What was thrown; its details may name the frame.
 * @returns Error and frame.
 */
export function describeFailure(about: NoticeBody, stage: string, error: unknown): NoticeBody {
  const known = error instanceof GppyError;
  const frame = known ? error.details["id"] ?? error.details["file"] : undefined;
  const kind = known
    ? error.name
    : `defect of gppy (${error instanceof Error ? error.name : typeof error})`;
  return {
    ...about,
    ...(stage === "" ? {} : { stage }),
    errorClass: kind,
    message: text(error),
    ...(typeof frame === "string" ? { frames: [frame] } : {}),
  };
}
