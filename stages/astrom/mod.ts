/**
 * The astrometric stage: gives every calibrated frame its place on the sky.
 *
 * @module
 */

import { join } from "node:path";
import { GppyError, UsageError } from "../../config/errors.ts";
import { makeScratchFolder } from "../../config/scratch_folder.ts";
import { PROGRAMS } from "../../external/programs.ts";
import { median } from "../../sky/stats.ts";
import type { Product } from "../manifest.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { prepareBlind, type PreparedFrame, prepareFrame, type PrepareSetup } from "./frame.ts";
import { type MergeEngine, writeSolved } from "./output.ts";
import { type AstromMetrics, astromMetrics, type AstromParams, astromParams } from "./params.ts";
import { fileReference, findReference, makeFrameReference } from "./reference.ts";
import type { FieldReference } from "./reference.ts";
import { type FieldGroup, type SolvedFrame, solveGroup } from "./solve.ts";

/** Solves the astrometry of calibrated frames. */
export const astrom = defineStage({
  name: "astrom",
  summary: "Place each frame on the sky against reference stars",
  description:
    "A first WCS comes from the pointing cards and obs.dat, or from the header. Source Extractor " +
    "finds the sources, SCAMP solves all frames of an object and filter together against a " +
    "reference catalogue, MissFITS merges the solution into a copy of each frame. A frame whose " +
    "solution does not pass the gates is left behind and the others go on.",
  params: astromParams,
  inputs: { frame: "Calibrated frames" },
  outputs: {
    frame: "The same frames with a WCS, as RA---TPV or RA---TAN",
    table: "The reference catalogue made of a frame, where one was asked for",
  },
  metrics: astromMetrics,
  ingestAs: "frame",
  select: (products) =>
    products.filter(({ imageType }) => imageType === undefined || imageType === "light"),
  async run(params, context) {
    const scratch = makeScratchFolder(".solve-", context.folder);
    try {
      const setup = { params, context, scratch };
      const frames = await context.each(
        context.inputs,
        (product) => prepareFrame(product, setup),
        { id: ({ id }) => id, concurrency: 2 },
      );
      const own = await makeOwnReference(frames, setup);
      const groups = await context.each(
        groupFrames(frames),
        (group) => solveField(group, own, setup),
        { id: ({ name }) => name, losing: lostWith },
      );
      const solved = groups.flatMap((group) => group.solved);
      const write = { engine: await mergeEngine(setup), context, timeoutS: params.toolTimeoutS };
      const products = await context.each(
        solved,
        (frame) => writeSolved(frame, write),
        { id: ({ frame }) => frame.product.id },
      );
      return { products: [...products, ...productOf(own)], metrics: summarize(groups) };
    } finally {
      await Deno.remove(scratch, { recursive: true });
    }
  },
});

/** A reference catalogue made of one of the frames. */
interface OwnReference {
  readonly id: string;
  readonly path: string;
  readonly frame: PreparedFrame;
  readonly reference: FieldReference;
}

/** What came of a field: the frames that passed. */
interface FieldOutcome {
  readonly name: string;
  readonly reference: string;
  readonly solved: readonly SolvedFrame[];
  readonly failedGate: number;
  readonly internalRmsArcsec: readonly [number, number];
}

function lostWith(group: FieldGroup): string[] {
  return group.frames.map(({ product }) => product.id);
}

function groupFrames(frames: readonly PreparedFrame[]): FieldGroup[] {
  const groups = new Map<string, PreparedFrame[]>();
  for (const frame of frames) {
    const { object = "unknown", filter } = frame.product;
    const name = filter === undefined ? object : `${object} ${filter}`;
    groups.set(name, [...(groups.get(name) ?? []), frame]);
  }
  return [...groups].map(([name, members]) => ({
    name,
    object: members[0]!.product.object ?? "unknown",
    frames: members,
  }));
}

async function makeOwnReference(
  frames: readonly PreparedFrame[],
  setup: PrepareSetup & { context: StageContext },
): Promise<OwnReference | undefined> {
  const { context, params } = setup;
  const wanted = params.referenceFrame;
  if (wanted === null) return undefined;
  const named = ({ id, from }: Product) => id === wanted || from.includes(wanted);
  const product = context.manifest.products.find((entry) => entry.kind === "frame" && named(entry));
  if (product === undefined) {
    throw new UsageError(`Cannot use reference frame "${wanted}": no such frame in the manifest`, {
      details: { frame: wanted },
    });
  }
  const frame = frames.find((entry) => named(entry.product)) ?? await prepareFrame(product, setup);
  const id = `${product.id}.ref`;
  const path = join(context.folder, `${id}.ldac`);
  const epochYr = 2000 + ((product.mjd ?? 51544.5) - 51544.5) / 365.25;
  await makeFrameReference(frame.catalogue, frame.first.wcs, path, epochYr);
  return { id, path, frame, reference: await fileReference(path, id) };
}

function productOf(own: OwnReference | undefined): NewProduct[] {
  if (own === undefined) return [];
  const { id, path, frame: { product } } = own;
  const object = product.object === undefined ? {} : { object: product.object };
  return [{ id, kind: "table", path, from: [product.id], ...object }];
}

async function solveField(
  group: FieldGroup,
  own: OwnReference | undefined,
  setup: PrepareSetup & { context: StageContext },
): Promise<FieldOutcome> {
  const { context, params } = setup;
  const isOwn = own !== undefined && own.frame.product.object === group.frames[0]?.product.object;
  const reference = isOwn ? own.reference : await findReference(group.object, {
    given: params.reference,
    folder: context.site.paths.refScamp,
    server: params.server,
  });
  const result = await solveGroup(group.frames, reference, setup);
  for (const { frame, error } of result.failed) {
    const { name, message, details, retryable } = error;
    context.leave(frame.product.id, { error: name, message, details, retryable });
  }
  const good = result.solved.filter(({ failure }) => failure === undefined);
  const bad = result.solved.filter(({ failure }) => failure !== undefined);
  const rescued = await rescue(bad, reference, setup);
  const lost = bad.filter(({ frame }) => !rescued.has(frame.product.id));
  for (const frame of lost) leaveBehind(frame, context);
  return {
    name: group.name,
    reference: reference.name,
    solved: [...good, ...rescued.values()],
    failedGate: lost.length,
    internalRmsArcsec: result.internalRmsArcsec,
  };
}

/** Tries frames that failed the gates once more, from where solve-field says they point. */
async function rescue(
  bad: readonly SolvedFrame[],
  reference: FieldReference,
  setup: PrepareSetup & { context: StageContext },
): Promise<Map<string, SolvedFrame>> {
  const rescued = new Map<string, SolvedFrame>();
  const { context, params } = setup;
  const canSolve = params.solveField === "auto" && bad.length > 0 &&
    await context.tools.has(PROGRAMS.solveField.names);
  if (!canSolve) return rescued;
  for (const { frame } of bad) {
    if (frame.first.source === "solve-field") continue;
    const { id } = frame.product;
    try {
      const prepared = await prepareBlind(frame.product, setup);
      const [solved] = (await solveGroup([prepared], reference, setup)).solved;
      if (solved !== undefined && solved.failure === undefined) rescued.set(id, solved);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof GppyError)) throw error;
      context.log.info("{id}: solve-field could not help: {error}", { id, error: error.message });
    }
  }
  return rescued; // what is not among them is left behind for the gate that it failed
}

function leaveBehind(solved: SolvedFrame, context: StageContext): void {
  const { frame, measures, reference } = solved;
  const details = Object.fromEntries(
    Object.entries(measures).map(([key, value]) => [key, Number.isFinite(value) ? value : null]),
  );
  context.leave(frame.product.id, {
    error: "Gate",
    message: `Cannot trust the astrometry of "${frame.product.id}": ${solved.failure}`,
    details: { ...details, reference: reference.name, firstWcs: frame.first.source },
  });
}

async function mergeEngine({ params, context }: {
  readonly params: AstromParams;
  readonly context: StageContext;
}): Promise<MergeEngine> {
  if (params.engine !== "auto") return params.engine;
  return await context.tools.has(PROGRAMS.missfits.names) ? "missfits" : "native";
}

function summarize(groups: readonly FieldOutcome[]): AstromMetrics {
  const solved = groups.flatMap((group) => group.solved);
  const middle = (values: number[]) => values.length === 0 ? null : median(values);
  return {
    frames: solved.length,
    failedGate: groups.reduce((sum, { failedGate }) => sum + failedGate, 0),
    medianRmsArcsec: middle(solved.map(({ measures }) => measures.astromRmsArcsec)),
    medianMatched: middle(solved.map(({ measures }) => measures.astromMatched)),
    groups: groups.map(({ name, reference, solved, internalRmsArcsec }) => ({
      name,
      reference,
      frames: solved.length,
      internalRmsArcsec: [...internalRmsArcsec],
    })),
  };
}
