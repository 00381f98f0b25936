/**
 * SCAMP on the frames of one field and filter.
 *
 * @module
 */

import { join } from "node:path";
import { ExternalToolError, GppyError } from "../../config/errors.ts";
import { runScamp, type ScampSolution } from "../../external/scamp.ts";
import type { Settings } from "../../external/settings.ts";
import type { Gate } from "../manifest.ts";
import type { StageContext } from "../stage.ts";
import type { PreparedFrame } from "./frame.ts";
import { type AstromMeasures, failureOf, judge, measuresOf } from "./gates.ts";
import type { AstromParams } from "./params.ts";
import type { FieldReference } from "./reference.ts";

/** The frames of one object and filter. */
export interface FieldGroup {
  /** Object and filter, for messages. */
  readonly name: string;
  /** Name of the field. */
  readonly object: string;
  /** Frames of the field in one filter. */
  readonly frames: readonly PreparedFrame[];
}

/** What solving needs. */
export interface SolveSetup {
  /** Parameters of the stage. */
  readonly params: AstromParams;
  /** Site, programs, signal and log of the stage. */
  readonly context: Pick<StageContext, "site" | "tools" | "signal" | "log">;
  /** Folder for SCAMP's XML. */
  readonly scratch: string;
}

/** A frame with SCAMP's solution, judged. */
export interface SolvedFrame {
  /** The frame. */
  readonly frame: PreparedFrame;
  /** What SCAMP found. */
  readonly solution: ScampSolution;
  /** The reference it was solved against. */
  readonly reference: FieldReference;
  /** What is judged of the solution. */
  readonly measures: AstromMeasures;
  /** How it was judged. */
  readonly gates: readonly Gate[];
  /** Which gates failed, in words; nothing when the solution is good. */
  readonly failure: string | undefined;
}

/** What came of a group. */
export interface GroupSolution {
  /** Judged solutions, good and bad. */
  readonly solved: readonly SolvedFrame[];
  /** Frames for which SCAMP itself failed. */
  readonly failed: readonly { readonly frame: PreparedFrame; readonly error: GppyError }[];
  /** Agreement among the frames along both axes, arcsec; zeros for a single one. */
  readonly internalRmsArcsec: readonly [number, number];
}

/**
 * Solves a group together; where SCAMP fails on the group, each frame alone.
 *
 * Frames that do not pass the gates are then left out and the others solved once
 * more, since the solution of a group ties all its frames together.
 *
 * @param frames Frames of one field and filter.
 * @param reference Their reference catalogue.
 * @param setup Parameters, programs and folder.
 * @returns A judged solution for each frame, or the error that stands in its way.
 */
export async function solveGroup(
  frames: readonly PreparedFrame[],
  reference: FieldReference,
  setup: SolveSetup,
): Promise<GroupSolution> {
  let first: GroupSolution;
  try {
    first = await solveTogether(frames, reference, setup);
  } catch (error) {
    setup.context.signal.throwIfAborted();
    if (!(error instanceof ExternalToolError) || error.details.missing === true) throw error;
    if (frames.length === 1) {
      return { solved: [], failed: [{ frame: frames[0]!, error }], internalRmsArcsec: [0, 0] };
    }
    setup.context.log.warn("SCAMP failed on {frames} frames together, trying each alone: {error}", {
      frames: frames.length,
      error: error.message,
    });
    return await solveEach(frames, reference, setup);
  }
  const good = first.solved.filter(({ failure }) => failure === undefined);
  if (good.length === 0 || good.length === frames.length) return first;
  const again = await solveGroup(good.map(({ frame }) => frame), reference, setup);
  const bad = first.solved.filter(({ failure }) => failure !== undefined);
  return { ...again, solved: [...again.solved, ...bad] };
}

async function solveEach(
  frames: readonly PreparedFrame[],
  reference: FieldReference,
  setup: SolveSetup,
): Promise<GroupSolution> {
  const parts: GroupSolution[] = [];
  for (const frame of frames) parts.push(await solveGroup([frame], reference, setup));
  return {
    solved: parts.flatMap(({ solved }) => solved),
    failed: parts.flatMap(({ failed }) => failed),
    internalRmsArcsec: [0, 0],
  };
}

async function solveTogether(
  frames: readonly PreparedFrame[],
  reference: FieldReference,
  setup: SolveSetup,
): Promise<GroupSolution> {
  const { context: { site, tools }, params, scratch } = setup;
  const outcome = await runScamp(tools, {
    catalogues: frames.map(({ catalogue }) => catalogue),
    reference: reference.scamp,
    config: site.file("7dt.scamp"),
    settings: scampSettings(frames, reference, params),
    xml: join(scratch, "scamp.xml"),
    timeoutS: params.toolTimeoutS,
  });
  const solved = outcome.solutions.map((solution, i) => {
    const measures = measuresOf(solution);
    const gates = judge(measures, params);
    const frame = frames[i]!;
    return { frame, solution, reference, measures, gates, failure: failureOf(gates) };
  });
  const largest = outcome.groups.toSorted((a, b) => b.detections - a.detections)[0];
  return { solved, failed: [], internalRmsArcsec: largest?.internalRmsArcsec ?? [0, 0] };
}

function scampSettings(
  frames: readonly PreparedFrame[],
  reference: FieldReference,
  params: AstromParams,
): Settings {
  const degree = params.distortDegree ?? chooseDegree(frames, reference);
  const scaleArcsec = Math.max(...frames.map(({ first }) => first.wcs.pixelScaleArcsec));
  return {
    DISTORT_DEGREES: degree,
    MATCH_RESOL: Number((params.matchResolutionPx * scaleArcsec).toPrecision(4)),
    ...(params.positionErrorArcmin === null ? {} : { POSITION_MAXERR: params.positionErrorArcmin }),
    ...(params.crossidRadiusArcsec === null ? {} : { CROSSID_RADIUS: params.crossidRadiusArcsec }),
    ...(params.minSn === null
      ? {}
      : { SN_THRESHOLDS: [params.minSn, Math.max(100, params.minSn)] }),
  };
}

/** Stars for each of the ten coefficients a cubic has, and the six of a quadratic. */
const STARS_FOR_CUBIC = 150;
const STARS_FOR_QUADRATIC = 60;

/**
 * Chooses the degree of the distortion by the number of stars that can be had.
 *
 * @param frames The frames with their sources.
 * @param reference The reference catalogue.
 * @returns 1, 2 or 3.
 */
export function chooseDegree(
  frames: readonly Pick<PreparedFrame, "sources">[],
  reference: Pick<FieldReference, "stars">,
): number {
  const sources = frames.map((frame) => frame.sources).sort((a, b) => a - b);
  const median = sources[sources.length >> 1] ?? 0;
  const stars = Math.min(median, reference.stars ?? Infinity);
  return stars >= STARS_FOR_CUBIC ? 3 : stars >= STARS_FOR_QUADRATIC ? 2 : 1;
}
