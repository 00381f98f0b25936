/**
 * Builds the reference frames that nights are compared with.
 *
 * Not a stage of the chain: it looks at many nights at once. It is declared like one, so that its
 * parameters, its record and its failures are those of every stage.
 *
 * @module
 */

import * as z from "zod";
import { DataError } from "../../../config/errors.ts";
import type { Product } from "../../manifest.ts";
import { resolveParameters } from "../../parameters.ts";
import { phot } from "../../phot/mod.ts";
import { defineStage, type NewProduct, type StageContext } from "../../stage.ts";
import { type InputLimits, judgeInputs, measuredNumber } from "../frames/gates.ts";
import { installReference } from "./install_reference.ts";
import { describeStack, makeStack, prepareFrames } from "../make_stack.ts";
import { removeJournals } from "../output/outputs.ts";
import { nightsOf } from "../frames/nights.ts";
import { combineParams } from "../stack_params.ts";

const DATE = /^\d{4}-\d{2}-\d{2}$/;

const params = z.object({
  notNight: z.array(z.string().regex(DATE, "not a date YYYY-MM-DD")).default([])
    .describe("Take nothing of these nights, such as the night under test"),
  take: z.enum(["auto", "stack", "frame"]).default("auto")
    .describe("What references are made from; auto: stacks where there are any, else frames"),
  maxInputs: z.int().min(1).default(30).describe("Take the best ones up to this number"),
  maxSeeingRatio: z.number().min(1).nullable().default(1.25)
    .describe("Leave out inputs whose seeing is more than this times the best"),
  maxSeeingArcsec: z.number().positive().nullable().default(null)
    .describe("Leave out inputs of worse seeing").meta({ unit: "arcsec" }),
  maxDepthLossMag: z.number().positive().nullable().default(1)
    .describe("Leave out inputs this much less deep than the deepest").meta({ unit: "mag" }),
  minDepthMag: z.number().nullable().default(null)
    .describe("Leave out inputs less deep than this at 5 sigma").meta({ unit: "mag" }),
  maxEllipticity: z.number().positive().nullable().default(0.3)
    .describe("Leave out inputs whose stars are more elliptic"),
  maxRmsArcsec: z.number().positive().nullable().default(0.5)
    .describe("Leave out inputs whose astrometry scatters more").meta({ unit: "arcsec" }),
  measure: z.boolean().default(true)
    .describe("Measure seeing, zero point and depth of the reference and keep its catalogue"),
  maxMagError: z.number().positive().nullable().default(null)
    .describe("Passed to phot, which is otherwise run as [phot] of gppy.toml says")
    .meta({ unit: "mag" }),
  ...combineParams,
});

type Params = z.output<typeof params>;

/** Builds references from the best stacks or frames of other nights. */
export const reference = defineStage({
  name: "reference",
  summary: "Build reference frames from the best stacks of other nights",
  description:
    `Takes the stacks of all nights given, sorts them by object and filter, leaves out the nights of
--not-night, judges the others by seeing, depth, ellipticity and astrometry against the best of them,
and combines the deepest ones. A reference goes to <references>/<filter>/ as
ref_7DT_<object>_<filter>_<night of its last input>.fits with its mask, its weight and its catalogue;
its header names the inputs with their digests, their nights and what was left out.`,
  params,
  inputs: {
    stack: "Stacks with a WCS, measured if possible",
    frame: "Frames with a WCS, where there are no stacks",
  },
  outputs: {
    reference: "Reference frame, ADU on the scale of its deepest input",
    mask: "Bit planes of the reference",
    weight: "Inverse variance of the reference, 1/ADU²",
    catalogue: "Sources of the reference with calibrated magnitudes",
  },
  metrics: z.object({
    references: z.int().describe("References that were built"),
    inputs: z.int().describe("Images that went into them"),
  }),
  ingestAs: "stack",
  async run(params, context) {
    const groups = groupInputs(context.inputs, params.take);
    const made = await context.each(groups, (group) => buildReference(group, params, context), {
      id: (group) => group.name,
      losing: () => [],
    });
    await removeJournals(context.folder);
    return {
      products: made.flatMap(({ products }) => products),
      metrics: {
        references: made.length,
        inputs: made.reduce((sum, { inputs }) => sum + inputs, 0),
      },
    };
  },
});

interface Group {
  readonly name: string;
  readonly object: string;
  readonly filter: string;
  readonly inputs: readonly Product[];
}

function groupInputs(products: readonly Product[], take: Params["take"]): Group[] {
  const groups = new Map<string, { object: string; filter: string; inputs: Product[] }>();
  for (const product of products) {
    const { object, filter } = product;
    if (object === undefined || filter === undefined) continue;
    const key = `${object} in ${filter}`;
    const group = groups.get(key) ?? { object, filter, inputs: [] };
    group.inputs.push(product);
    groups.set(key, group);
  }
  return [...groups].map(([name, group]) => {
    const stacks = group.inputs.some(({ kind }) => kind === "stack");
    const kind = take === "auto" ? (stacks ? "stack" : "frame") : take;
    return { name, ...group, inputs: group.inputs.filter((product) => product.kind === kind) };
  });
}

interface Choice {
  /** Deepest first. */
  readonly chosen: readonly Product[];
  readonly left: readonly { readonly id: string; readonly reason: string }[];
  /** Dates of the chosen ones. */
  readonly nights: readonly string[];
}

function chooseInputs(group: Group, params: Params, context: StageContext): Choice {
  const products = new Map(context.manifest.products.map((product) => [product.id, product]));
  const lonDeg = (unit = "") => context.site.units.get(unit)?.lonDeg;
  const left: { id: string; reason: string }[] = [];
  const nights = new Map(
    group.inputs.map((product) => [product.id, nightsOf(product, products, lonDeg)]),
  );
  const allowed = group.inputs.filter((product) => {
    const dates = nights.get(product.id)!;
    const shared = dates.find((date) => params.notNight.includes(date));
    const reason = dates.length === 0 && params.notNight.length > 0
      ? "its night is not known"
      : shared === undefined
      ? undefined
      : `it holds light of the night ${shared}`;
    if (reason !== undefined) left.push({ id: product.id, reason });
    return reason === undefined;
  });
  const limits: InputLimits = { ...params, minTransparency: null };
  const judged = judgeInputs(allowed, limits);
  left.push(...judged.left.map(({ product, reason }) => ({ id: product.id, reason })));
  const ordered = [...judged.kept].sort((a, b) => depthOf(b) - depthOf(a));
  for (const { id } of ordered.slice(params.maxInputs)) {
    left.push({ id, reason: `${params.maxInputs} are deeper` });
  }
  const chosen = ordered.slice(0, params.maxInputs);
  const dates = new Set(chosen.flatMap(({ id }) => nights.get(id)!));
  return { chosen, left, nights: [...dates].sort() };
}

/** Depth; images that were not measured come last, the longest exposures first. */
function depthOf(product: Product): number {
  return measuredNumber(product, "depth5") ?? -1e6 + (product.exposureS ?? 0);
}

async function buildReference(
  group: Group,
  params: Params,
  context: StageContext,
): Promise<{ readonly products: NewProduct[]; readonly inputs: number }> {
  const choice = chooseInputs(group, params, context);
  for (const { id, reason } of choice.left) {
    const message = `Cannot take "${id}" for the reference of ${group.name}: ${reason}`;
    context.leave(id, { error: "Gate", message, losing: [] });
  }
  const { frames } = await prepareFrames(
    choice.chosen,
    { ...params, minTransparency: null },
    context,
  );
  if (frames.length === 0) {
    throw new DataError(
      `Cannot build the reference of ${group.name}: none of ${group.inputs.length} images fits`,
      { details: { object: group.object, filter: group.filter, images: group.inputs.length } },
    );
  }
  const last = Math.max(...frames.map(({ product }) => product.mjd ?? 0));
  const used = new Set(frames.map(({ product }) => product.id));
  const lost = choice.chosen.filter(({ id }) => !used.has(id))
    .map(({ id }) => ({ id, reason: "it cannot be used" }));
  const id = referenceId(group, last);
  const stack = await makeStack(frames, { id, left: [...choice.left, ...lost] }, params, context);
  const described = await measureReference(describeStack(stack), params, context);
  const products = await installReference(described, {
    object: group.object,
    filter: group.filter,
    nights: choice.nights,
    notNights: params.notNight,
    folder: context.site.paths.references,
  });
  return { products, inputs: frames.length };
}

function referenceId({ object, filter }: Group, mjd: number): string {
  const date = mjd > 0 ? `_${mjdDate(mjd)}` : "";
  return `ref_7DT_${object}_${filter}${date}`;
}

function mjdDate(mjd: number): string {
  return new Date((mjd - 40587) * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "");
}

/** The products with what photometry measured on the first; as they were where it cannot. */
async function measureReference(
  products: NewProduct[],
  { measure, maxMagError }: Params,
  context: StageContext,
): Promise<NewProduct[]> {
  if (!measure) return products;
  const [image, ...companions] = products.map(asProduct);
  const config = {
    ...context.site.stageSettings(phot.name),
    ...(maxMagError !== null && { maxMagError }),
  };
  const { values } = resolveParameters(phot, { config });
  const { products: measured } = await phot.run(phot.params.parse(values), {
    ...context,
    inputs: [image!],
    companion: (id, kind, role) =>
      companions.find((one) => one.of === id && one.kind === kind && role === undefined) ??
        context.companion(id, kind, role),
    // a reference without a zero point is still one
    leave: (id, reason) => context.leave(id, { ...reason, losing: [] }),
  });
  return measured.length === 0 ? products : [...measured, ...products.slice(1)];
}

/** What is not in the manifest yet; nobody asks for its size or digest. */
function asProduct(product: NewProduct): Product {
  return {
    ...{ bytes: 0, sha256: "0".repeat(64), stage: "reference", from: [], measured: {}, gates: [] },
    ...product,
  };
}
