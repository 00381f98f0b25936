/**
 * gppy as a library: the manifest, the stages and the runner, and what they stand on.
 *
 * @example
 * ```ts
 * import { EXIT_CODES, findStage, STAGES } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(STAGES[0]?.name, "calib");
 * assert.equal(findStage("stack").ingestAs, "frame");
 * assert.equal(EXIT_CODES.partial, 10);
 * ```
 *
 * @module
 */

export * from "./config/errors.ts";
export { VERSION } from "./config/version.ts";
export type { Gate, Left, Manifest, Product, ProductKind, StageRecord } from "./stages/manifest.ts";
export { MANIFEST_VERSION, PRODUCT_KINDS } from "./stages/manifest.ts";
export { runStage, type StageRequest, type StageResult } from "./stages/runner.ts";
export { ingest, type IngestOptions } from "./stages/ingest.ts";
export {
  digestFile,
  digestValue,
  encodeManifest,
  type FileDigest,
  parseManifest,
  readManifest,
  writeManifest,
} from "./stages/manifest_file.ts";
export {
  describeParameters,
  type ParameterInfo,
  type ParameterOwner,
  type ParameterSources,
  type ResolvedParameters,
  resolveParameters,
} from "./stages/parameters.ts";
export { CHAIN, findStage, STAGES } from "./stages/registry.ts";
export { defineStage } from "./stages/stage.ts";
export type {
  EachOptions,
  LeaveReason,
  NamedKeys,
  NewProduct,
  Progress,
  StageContext,
  StageDeclaration,
  StageOutcome,
} from "./stages/stage.ts";
