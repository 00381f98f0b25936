/**
 * The stage `subtract`: what changed since the reference was taken.
 *
 * @module
 */

import * as z from "zod";
import { makeScratchFolder } from "../../config/scratch_folder.ts";
import { VERSION } from "../../config/version.ts";
import { readHeader } from "../../fits/file.ts";
import type { FitsHeader } from "../../fits/header.ts";
import type { Product } from "../manifest.ts";
import { digestValue } from "../manifest_file.ts";
import { defineStage, type NewProduct, type Progress, type StageContext } from "../stage.ts";
import { type Attempt, type AttemptOptions, tryEngines } from "./output/attempts.ts";
import { DECORRELATED } from "./output/decorrelated.ts";
import { chooseEngines, requirePossible } from "./engines/engines.ts";
import { type LoadedPair, loadPair } from "./load/load_pair.ts";
import { bare, openCompanions, writeOutputs } from "./output/outputs.ts";
import { type DonePair, forgetPairs, recallPair, recordPair } from "./output/pair_journal.ts";
import { type ChosenReference, findReference } from "./load/references.ts";
import { SCORE } from "./output/score.ts";
import { type Params, params } from "./subtract_params.ts";
import { writeExtras } from "./output/write_extras.ts";

/** Subtracts a reference from each stack after matching their PSFs. */
export const subtract = defineStage({
  name: "subtract",
  summary: "Subtract a reference after matching the PSFs",
  description:
    "Finds the reference of the object and filter, brings it onto the grid of the stack, fits the " +
    "kernel that makes the sharper of the two as broad as the other to stars found in both, and " +
    "subtracts. The difference is in ADU of the stack, so that the stack's zero points hold for it. " +
    "Masks of both are joined, those of the convolved image grown by the kernel; pixels that the " +
    "reference lacks are NO_DATA and hold 0. Every difference is judged; with --engine auto the " +
    "next engine is tried when one fails, and all verdicts are kept.",
  params,
  inputs: {
    stack: "Stacks with a WCS",
    mask: "Masks of the stacks",
    weight: "How coverage changes the noise of the stacks",
  },
  outputs: {
    difference: "Stack minus reference, ADU of the stack",
    mask: "Planes of both images",
    weight: "Inverse variance of the difference, ADU⁻²",
    decorrelated: "Difference with white noise, ADU of the stack, on request",
    score: "Matched filter of the difference over its noise, on request",
    reference: "Reference on the grid of the stack",
    stamp: "PSF of the difference over the field, on request",
    picture: "Overview and kernel",
  },
  metrics: z.object({
    differences: z.int(),
    engines: z.record(z.string(), z.int()),
    failed: z.int(),
    medianPullSigma: z.number().nullable(),
  }),
  ingestAs: "stack",
  select: (products) => products.filter((product) => product.kind === "stack"),
  async run(params, context) {
    requirePossible(params);
    const stacks = context.inputs.filter((product) => product.kind === "stack");
    const done = await context.each(stacks, (stack) => subtractOne(stack, params, context), {
      id: (stack) => stack.id,
      losing: (stack) => [`${stack.id}.subt`],
    });
    const engines: Record<string, number> = {};
    for (const { engine } of done) engines[engine] = (engines[engine] ?? 0) + 1;
    await forgetPairs(context.folder);
    const pulls = done.flatMap(({ pull }) => pull === null ? [] : [pull]).sort((a, b) => a - b);
    return {
      products: done.flatMap(({ products }) => products),
      metrics: {
        differences: done.length,
        engines,
        failed: done.filter(({ failed }) => failed).length,
        medianPullSigma: pulls[Math.floor(pulls.length / 2)] ?? null,
      },
    };
  },
});

async function subtractOne(
  stack: Product,
  params: Params,
  context: StageContext,
): Promise<DonePair> {
  const filterCard = (await readHeader(stack.path)).text("FILTER");
  const reference = await findReference({
    object: stack.object ?? "unknown",
    filter: stack.filter ?? "unknown",
    folder: context.site.paths.references,
    ...(filterCard === undefined ? {} : { filterCard }),
    ...(stack.mjd === undefined ? {} : { mjd: stack.mjd }),
    ...(params.reference === null ? {} : { file: params.reference }),
  });
  const digest = await digestOf(stack, reference, params, context);
  const earlier = await recallPair(context.folder, stack.id, digest);
  const done = earlier ?? await subtractPair(stack, reference, params, context);
  // what was asked for besides and could not be made is tried again
  if (done.complete) await recordPair(context.folder, stack.id, digest, done);
  const made = done.products.find(({ kind }) => kind === "difference");
  if (done.failed) leaveFailed(stack, made?.gates ?? [], context);
  return done;
}

/** Of all that a pair depends on. */
async function digestOf(
  stack: Product,
  reference: ChosenReference,
  params: Params,
  context: StageContext,
): Promise<string> {
  const { path, maskPath, weightPath } = reference;
  const references = await Promise.all([path, maskPath, weightPath].map(stateOf));
  const companions = (["mask", "weight"] as const).map((kind) =>
    context.companion(stack.id, kind)?.sha256
  );
  const from = [stack.sha256, ...companions, ...references];
  return await digestValue({ gppy: VERSION, from, params });
}

/** What tells a file that is not worth reading for it from another of its name. */
async function stateOf(path: string | undefined) {
  if (path === undefined) return null;
  const { size, mtime } = await Deno.stat(path);
  return [path, size, mtime?.getTime() ?? null];
}

async function subtractPair(
  stack: Product,
  reference: ChosenReference,
  params: Params,
  context: StageContext,
): Promise<DonePair> {
  const scratch = makeScratchFolder(".subtract-", context.folder);
  try {
    const progress = progressOf(stack, context);
    progress(0, 1, "images");
    using loaded = await loadPair(stack, reference, context, params);
    const engines = await chooseEngines(params, context, scratch);
    const { folder, signal } = context;
    const compute = await context.compute.get();
    const { pictures } = params;
    const { complete } = context;
    const parts = { science: stack, loaded, folder, compute, signal, pictures, complete };
    const outcome = await tryEngines(loaded, engines, {
      ...attemptOptions(stack, loaded, params, context),
      ...{ compute, progress, openFiles: () => openCompanions(parts) },
    });
    const { chosen } = outcome;
    using _images = chosen.finished;
    await using _files = chosen.files;
    const products = await writeOutputs({ ...parts, ...outcome });
    const further = await writeFurther(stack, products, { loaded, chosen }, params, context);
    const wanted = [params.decorrelate, params.score, params.psf].filter(Boolean).length;
    return {
      products: [...products, ...further],
      complete: further.filter(({ kind }) => kind !== "weight").length === wanted,
      ...{ engine: chosen.engine, pull: chosen.metrics.pullSigma },
      failed: chosen.verdict === "fail",
    };
  } finally {
    await Deno.remove(scratch, { recursive: true }).catch((error) => {
      // gone already: throwing here would hide why the pair failed
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** Tells of the steps of one pair under its name. */
function progressOf({ id }: Product, { progress }: StageContext): Progress {
  return (done, total, what) => progress(done, total, `${id}: ${what}`);
}

async function writeFurther(
  stack: Product,
  products: readonly NewProduct[],
  { loaded, chosen: { pair, finished } }: {
    readonly loaded: LoadedPair;
    readonly chosen: Attempt;
  },
  params: Params,
  context: StageContext,
): Promise<NewProduct[]> {
  const recipes = [
    ...(params.decorrelate ? [DECORRELATED] : []),
    ...(params.score ? [SCORE] : []),
  ];
  const difference = products.find(({ kind }) => kind === "difference");
  if (difference === undefined) return [];
  const compute = await context.compute.get();
  const source = { pair, finished, compute, signal: context.signal };
  const header = bare(loaded.science.header);
  const progress = progressOf(stack, context), { psf } = params;
  return await writeExtras({ difference, header, source, recipes, psf, progress }, context);
}

function attemptOptions(
  stack: Product,
  loaded: LoadedPair,
  params: Params,
  context: StageContext,
): Omit<AttemptOptions, "compute" | "progress" | "openFiles"> {
  return {
    signal: context.signal,
    limits: { ...params, maxRegistrationPx: params.maxRegistration },
    skyMeshPx: params.skyMesh,
    zeroPointRatio: zeroPointRatio(loaded.science.header, loaded.chosen.header),
    onFailure: ({ engine, error }) => {
      const { message } = error;
      context.log.warn("{id}: engine {engine} failed: {message}", {
        id: stack.id,
        engine,
        message,
      });
    },
  };
}

/** A star's flux in the science frame over that in the reference, from the zero points for total flux. */
function zeroPointRatio(science: FitsHeader, reference: FitsHeader): number | undefined {
  const card = "ZP_AUTO";
  const [a, b] = [science.number(card), reference.number(card)];
  return a === undefined || b === undefined ? undefined : 10 ** (0.4 * (a - b));
}

function leaveFailed(
  stack: Product,
  gates: readonly { name: string; value: number | null; threshold: string; verdict: string }[],
  context: StageContext,
): void {
  const failing = gates.filter(({ verdict }) => verdict === "fail");
  const text = failing.map(({ name, value, threshold }) => `${name} ${value} (${threshold})`);
  context.leave(`${stack.id}.subt`, {
    error: "Gate",
    message: `Cannot trust the difference: ${text.join("; ")}`,
    details: Object.fromEntries(failing.map(({ name, value }) => [name, value])),
    losing: [`${stack.id}.subt`],
  });
}
