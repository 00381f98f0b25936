/**
 * Runs one stage on a manifest: chooses the inputs, skips what is done already,
 * and commits the result by writing the new manifest last.
 *
 * @module
 */

import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import { DataError } from "../config/errors.ts";
import { reasonOf } from "../config/reason.ts";
import type { Site } from "../config/site.ts";
import { digestSite } from "../config/site_digest.ts";
import { toolSet } from "../external/run_tool.ts";
import { bareName } from "../fits/names.ts";
import { VERSION } from "../config/version.ts";
import type { LazyCompute } from "../gpu/lazy_compute.ts";
import { makeContext } from "./context.ts";
import { Digests } from "./digests.ts";
import type { Left, Manifest, Product, StageRecord } from "./manifest.ts";
import { digestValue, readManifest, writeManifest } from "./manifest_file.ts";
import type { ResolvedParameters } from "./parameters.ts";
import { findRetired, readRetired, requireInputs } from "./retired.ts";
import type { NewProduct, Progress, StageDeclaration } from "./stage.ts";
import { together } from "../config/together.ts";

/** What the runner needs to run one stage. */
export interface StageRequest {
  /** What to run. */
  readonly stage: StageDeclaration;
  /** Where the night stands. */
  readonly manifest: Manifest;
  /** The values of the stage's parameters. */
  readonly parameters: ResolvedParameters;
  /** Paths, telescopes, tables and files of settings. */
  readonly site: Site;
  /** Ends the stage when aborted. */
  readonly signal: AbortSignal;
  /** Where the stage says what it does. */
  readonly log: Logger;
  /** Told how far the stage is. */
  readonly progress: Progress;
  /** Where the pixels are computed. */
  readonly compute: LazyCompute;
  /** Takes only what has this object, filter or id. */
  readonly only?: string | undefined;
  /** Runs even if the same was done before. */
  readonly force?: boolean | undefined;
}

/** What came of it. */
export interface StageResult {
  /** The manifest with the products of the stage. */
  readonly manifest: Manifest;
  /** The manifest on disk. */
  readonly path: string;
  /** False when an equal run was found and nothing had to be done. */
  readonly ran: boolean;
  /** What this run of the stage left behind. */
  readonly left: readonly Left[];
}

/**
 * Runs one stage on a manifest, or does nothing when the same was done before.
 *
 * @param request The stage, its parameters and the manifest it starts from.
 * @returns The manifest with the stage's products, and where it was written.
 * @throws {GppyError} If the stage as a whole cannot be run.
 */
export async function runStage(request: StageRequest): Promise<StageResult> {
  const { stage } = request;
  const manifest = await findRetired(request.manifest);
  const number = String(manifest.stages.length + 1).padStart(2, "0");
  const path = join(manifest.night.work, `${number}-${stage.name}.json`);
  const inputs = chooseInputs(stage, manifest, request.only);
  const inputDigest = await digestInputs({ ...request, manifest }, inputs);
  if (!request.force) {
    const earlier = await findEarlier(path, stage.name, inputDigest);
    if (earlier) {
      request.log.info("{stage}: nothing to do, {path} is up to date", { stage: stage.name, path });
      const left = earlier.left.filter((entry) => !manifest.left.some((old) => same(old, entry)));
      return { manifest: earlier, path, ran: false, left };
    }
  }
  if (inputs.length === 0) {
    const kinds = Object.keys(stage.inputs).join(" or ");
    request.log.info("{stage}: no {kinds} to work on", { stage: stage.name, kinds });
  }
  await requireInputs(stage.name, manifest.night.work, inputs);
  const folder = join(manifest.night.work, stage.name);
  await makeFolder(folder);
  const started = new Date();
  const tools = toolSet({ signal: request.signal, log: request.log });
  await using digests = new Digests();
  const { context, left } = makeContext({
    ...request,
    manifest,
    stage: stage.name,
    inputs,
    folder,
    tools,
    digests,
  });
  const outcome = inputs.length === 0
    ? { products: [], metrics: {} }
    : await stage.run(request.parameters.values, context);
  request.signal.throwIfAborted();
  const products = await describeProducts(outcome.products, stage.name, digests);
  const record: StageRecord = {
    name: stage.name,
    gppy: VERSION,
    tools: { ...tools.versions },
    device: request.compute.device,
    parameters: request.parameters.record,
    started: started.toISOString(),
    elapsedS: (Date.now() - started.getTime()) / 1000,
    inputDigest,
    outputDigest: await digestValue(products.map(({ id, sha256 }) => [id, sha256])),
    metrics: outcome.metrics as StageRecord["metrics"],
    ...(request.only === undefined ? {} : { only: request.only }),
  };
  const result: Manifest = {
    ...manifest,
    products: mergeProducts(manifest.products, products),
    left: [...manifest.left, ...left],
    stages: [...manifest.stages, record],
  };
  await writeManifest(path, result);
  return { manifest: result, path, ran: true, left };
}

/**
 * The products a stage would take.
 *
 * @param stage The stage.
 * @param manifest Where to look.
 * @param only An object, a filter, or an id (a file name will do); all if left out.
 * @returns Products of the stage's kinds that were not left behind, by time, then id.
 * @throws {DataError} If `only` fits nothing of the stage's kinds.
 */
export function chooseInputs(
  stage: StageDeclaration,
  manifest: Manifest,
  only?: string,
): readonly Product[] {
  const lost = new Set(manifest.left.flatMap((entry) => entry.products));
  const fitting = manifest.products.filter((product) =>
    stage.inputs[product.kind] !== undefined && !lost.has(product.id)
  );
  const named = only === undefined ? fitting : narrow(fitting, only);
  if (only !== undefined && named.length === 0 && fitting.length > 0) {
    throw new DataError(
      `Cannot run ${stage.name} on "${only}": no object, filter or frame of that name among ` +
        `${fitting.length} inputs`,
    );
  }
  const selected = stage.select?.(named, manifest) ?? named;
  return [...selected].sort((a, b) =>
    (a.mjd ?? 0) - (b.mjd ?? 0) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

/** Calibration frames belong to every object, so they stay with what `--only` names. */
function narrow(products: readonly Product[], only: string): readonly Product[] {
  const name = bareName(only);
  const isNamed = ({ id, object, filter }: Product) =>
    id === name || object === only || filter === only;
  const serves = ({ kind, imageType }: Product) =>
    kind === "raw" && imageType !== undefined && imageType !== "light";
  if (!products.some(isNamed)) return [];
  return products.filter((product) => isNamed(product) || serves(product));
}

async function digestInputs(request: StageRequest, inputs: readonly Product[]): Promise<string> {
  const { stage, manifest } = request;
  return await digestValue({
    stage: stage.name,
    gppy: VERSION,
    parameters: request.parameters.values,
    only: request.only ?? null,
    site: await digestSite(request.site),
    inputs: inputs.map(({ id, sha256 }) => [id, sha256]),
    products: manifest.products.map(({ id, sha256 }) => [id, sha256]),
    left: manifest.left.map(({ id, stage, error }) => [id, stage, error]),
  });
}

async function findEarlier(
  path: string,
  stage: string,
  inputDigest: string,
): Promise<Manifest | undefined> {
  let earlier: Manifest;
  try {
    earlier = await readManifest(path);
  } catch {
    return undefined; // absent or damaged: the stage runs again
  }
  const record = earlier.stages.at(-1);
  if (record?.name !== stage || record.inputDigest !== inputDigest) return undefined;
  const mayWorkNow = earlier.left.some((entry) => entry.stage === stage && entry.retryable);
  if (mayWorkNow) return undefined;
  const made = earlier.products.filter((product) => product.stage === stage);
  const retired = await readRetired(earlier.night.work);
  for (const product of made) {
    if (retired.get(product.path)?.sha256 === product.sha256) continue;
    const info = await Deno.stat(product.path).catch(() => undefined);
    if (info?.size !== product.bytes) return undefined;
  }
  return earlier;
}

function same(a: Left, b: Left): boolean {
  return a.id === b.id && a.stage === b.stage && a.message === b.message;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new DataError(`Cannot make folder "${folder}": ${reasonOf(cause)}`, { cause });
  }
}

/** Products that are flushed at once, so that the disk has several things to do. */
const SIDE_BY_SIDE = 8;

async function describeProducts(
  products: readonly NewProduct[],
  stage: string,
  digests: Digests,
): Promise<Product[]> {
  for (const { path } of products) digests.begin(path);
  const described: Product[] = [];
  for (let first = 0; first < products.length; first += SIDE_BY_SIDE) {
    const group = products.slice(first, first + SIDE_BY_SIDE).map(async (product) => {
      // the manifest must not outlive what it promises
      const [digest] = await together([digests.of(product.path), flushToDisk(product.path)]);
      return { from: [], measured: {}, gates: [], ...product, ...digest, stage };
    });
    described.push(...await together(group));
  }
  return described;
}

/** Images are flushed while they are written, so that this is for tables, pictures and texts. */
async function flushToDisk(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.syncData();
}

function mergeProducts(old: readonly Product[], made: readonly Product[]): Product[] {
  const byId = new Map(made.map((product) => [product.id, product]));
  const kept = old.filter((product) => !byId.has(product.id));
  return [...kept, ...byId.values()];
}
