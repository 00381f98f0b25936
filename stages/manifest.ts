/**
 * The manifest: what a night consists of, what was made of it, and what was left behind.
 *
 * In memory every path is absolute; on disk paths are relative to the folder of
 * the manifest, and on a pipe they are absolute. Unknown keys survive a round trip.
 *
 * @module
 */

import * as z from "zod";

/** The version of the manifest's form that this program writes. */
export const MANIFEST_VERSION = 1;

/** What a product is; stages choose their inputs by it. */
export const PRODUCT_KINDS = [
  "raw",
  "master",
  "frame",
  "stack",
  "reference",
  "difference",
  "decorrelated",
  "score",
  "mask",
  "weight",
  "catalogue",
  "transients",
  "regions",
  "table",
  "picture",
  "stamp",
  "header",
  "archive",
] as const;

/** What a product is; stages choose their inputs by it. */
export type ProductKind = (typeof PRODUCT_KINDS)[number];

const scalar = z.union([z.number(), z.string(), z.boolean(), z.null()]);

/** The outcome of comparing a measured quantity with its threshold. */
export const gateSchema = z.looseObject({
  name: z.string().describe("What was judged"),
  value: z.number().nullable().describe("The measured value; null when it could not be measured"),
  threshold: z.string().describe("The condition to pass, in words and numbers"),
  verdict: z.enum(["pass", "degraded", "fail"]),
});

/** The outcome of comparing a measured quantity with its threshold. */
export type Gate = z.infer<typeof gateSchema>;

/** One file of the night: a raw frame or something made from raw frames. */
export const productSchema = z.looseObject({
  id: z.string().min(1).describe("Unique in the manifest: the file name without .fits"),
  kind: z.enum(PRODUCT_KINDS),
  path: z.string().min(1),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  stage: z.string().describe("The stage that made it; `ingest` for what was found"),
  from: z.array(z.string()).default([]).describe("Ids of the products it was made from"),
  of: z.string().optional().describe("The image that a companion (mask, catalogue…) belongs to"),
  role: z.string().optional().describe("Tells companions of one kind and one image apart"),
  imageType: z.enum(["bias", "dark", "flat", "light"]).optional(),
  unit: z.string().optional(),
  object: z.string().optional(),
  filter: z.string().optional(),
  exposureS: z.number().nonnegative().optional(),
  dateObs: z.string().optional().describe("Start of the exposure, UTC, ISO 8601"),
  mjd: z.number().optional().describe("Start of the exposure, UTC, days"),
  gain: z.number().optional().describe("Electrons an ADU"),
  binning: z.string().optional(),
  temperatureC: z.number().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
  measured: z.record(z.string(), scalar).default({}),
  gates: z.array(gateSchema).default([]),
});

/** One file of the night: a raw frame or something made from raw frames. */
export type Product = z.infer<typeof productSchema>;

/** Why something was left behind. */
export const leftSchema = z.looseObject({
  id: z.string().describe("The product, or a name for the group, that was left behind"),
  stage: z.string(),
  path: z.string().optional(),
  error: z.string().describe("The class of the error, or `Gate`"),
  message: z.string(),
  details: z.record(z.string(), scalar).default({}),
  retryable: z.boolean().default(false),
  products: z.array(z.string()).default([]).describe("The products that are lost to later stages"),
});

/** Why something was left behind. */
export type Left = z.infer<typeof leftSchema>;

/** A parameter's value and where it came from. */
export const parameterSchema = z.looseObject({
  value: z.json(),
  source: z.string().describe("flag, environment, config or default"),
});

/** One run of one stage. */
export const stageRecordSchema = z.looseObject({
  name: z.string(),
  gppy: z.string().describe("Version of gppy"),
  tools: z.record(z.string(), z.string()).default({}).describe("External programs and versions"),
  device: z.string(),
  parameters: z.record(z.string(), parameterSchema),
  started: z.string(),
  elapsedS: z.number().nonnegative(),
  inputDigest: z.string(),
  outputDigest: z.string(),
  metrics: z.record(z.string(), z.json()).default({}),
  only: z.string().optional(),
});

/** One run of one stage. */
export type StageRecord = z.infer<typeof stageRecordSchema>;

/** What a night consists of, what was made of it, and what was left behind. */
export const manifestSchema = z.looseObject({
  gppyManifest: z.literal(MANIFEST_VERSION),
  night: z.looseObject({
    unit: z.string().describe("Code of the telescope, or `none`"),
    date: z.string().describe("Night, YYYY-MM-DD, or `none`"),
    source: z.string().describe("Folder or file the night was read from"),
    work: z.string().describe("Folder that holds what the stages make"),
  }),
  products: z.array(productSchema),
  left: z.array(leftSchema),
  stages: z.array(stageRecordSchema),
});

/** What a night consists of, what was made of it, and what was left behind. */
export type Manifest = z.infer<typeof manifestSchema>;
