/**
 * One step of a night: reading its frames, or one stage. It starts from what the step
 * before left in the work folder, so that any process can go on where another one stopped.
 *
 * @module
 */

import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import { DataError } from "../config/errors.ts";
import type { Site } from "../config/site.ts";
import type { LazyCompute } from "../gpu/lazy_compute.ts";
import { ingest } from "../stages/ingest.ts";
import type { Manifest } from "../stages/manifest.ts";
import { readManifest, writeManifest } from "../stages/manifest_file.ts";
import { resolveParameters } from "../stages/parameters.ts";
import { runStage } from "../stages/runner.ts";
import type { Progress, StageDeclaration } from "../stages/stage.ts";
import { accountFrames } from "./frame_account.ts";
import { summariseRun } from "./run_summary.ts";
import { nightPictures } from "./thumbnail.ts";
import type { StepResult } from "./tasks.ts";

/** Name of the step that reads the frames. */
export const INGEST = "ingest";

/** Which step of which night. */
export interface StepRequest {
  readonly unit: string;
  /** The raw folder. */
  readonly source: string;
  /** 0 reads the frames, 1 is the first stage of the chain. */
  readonly step: number;
}

/** What a step is run with. */
export interface StepOptions {
  /** The stages of a night, in order. */
  readonly chain: readonly StageDeclaration[];
  readonly site: Site;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly compute: LazyCompute;
  readonly progress: Progress;
}

/** The manifest that a step needs is not in the work folder. */
export class MissingStepError extends DataError {}

/**
 * Names the steps of a chain.
 *
 * @param chain The stages in order.
 * @returns `ingest`, then the stages.
 */
export function stepNames(chain: readonly Pick<StageDeclaration, "name">[]): string[] {
  return [INGEST, ...chain.map((stage) => stage.name)];
}

/**
 * Runs one step of a night.
 *
 * @param request Which step.
 * @param options The chain, the site and the signal.
 * @returns What came of it; of the last step also every frame and the text for people.
 * @throws {MissingStepError} If the manifest of the step before is gone.
 * @throws {GppyError} If the step cannot be run.
 */
export async function runStep(request: StepRequest, options: StepOptions): Promise<StepResult> {
  const { chain } = options;
  if (request.step === 0) return await readFrames(request, options);
  const stage = chain[request.step - 1];
  if (!stage) throw new DataError(`Cannot run step ${request.step}: there are ${chain.length}`);
  const manifest = await readEarlier(request, options);
  const result = await runStage({
    ...options,
    stage,
    manifest,
    parameters: resolveParameters(stage, {
      environment: Deno.env.toObject(),
      config: options.site.stageSettings(stage.name),
    }),
  });
  const last = request.step === chain.length;
  const pictures = last ? await nightPictures(result.manifest, options.log) : [];
  return {
    ran: result.ran,
    manifest: result.path,
    leftBehind: result.manifest.left.length,
    ...(last
      ? {
        frames: accountFrames(result.manifest),
        summary: { ...summariseRun(result.manifest), pictures },
      }
      : {}),
  };
}

async function readFrames(request: StepRequest, options: StepOptions): Promise<StepResult> {
  const work = workFolder(request, options.site);
  const manifest = await ingest([request.source], {
    as: options.chain[0]?.ingestAs ?? "raw",
    site: options.site,
    log: options.log,
    progress: options.progress,
    signal: options.signal,
    unit: request.unit,
    work,
  });
  const path = join(work, manifestName(options.chain, 0));
  await writeManifest(path, manifest);
  return { ran: true, manifest: path, leftBehind: manifest.left.length };
}

async function readEarlier(request: StepRequest, options: StepOptions): Promise<Manifest> {
  const name = manifestName(options.chain, request.step - 1);
  const path = join(workFolder(request, options.site), name);
  let manifest: Manifest;
  try {
    manifest = await readManifest(path);
  } catch (cause) {
    throw new MissingStepError(
      `Cannot go on with "${request.source}": ${(cause as Error).message}`,
      {
        cause,
        details: { file: path },
      },
    );
  }
  const wanted = options.chain.slice(0, request.step - 1).map((stage) => stage.name).join(" ");
  const had = manifest.stages.map((record) => record.name).join(" ");
  if (had === wanted) return manifest;
  throw new MissingStepError(`Cannot go on from "${path}": it went through "${had}"`, {
    details: { file: path },
  });
}

function workFolder({ unit, source }: StepRequest, site: Site): string {
  return join(site.paths.work, unit, source.split("/").at(-1) ?? "night");
}

function manifestName(chain: readonly StageDeclaration[], step: number): string {
  const name = step === 0 ? INGEST : chain[step - 1]?.name;
  return `${String(step).padStart(2, "0")}-${name}.json`;
}
