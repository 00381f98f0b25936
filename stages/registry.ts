/**
 * The one ordered list of stages, and the chain that a night goes through.
 *
 * @module
 */

import { UsageError } from "../config/errors.ts";
import { astrom } from "./astrom/mod.ts";
import { calib } from "./calib/mod.ts";
import { curate } from "./curate/mod.ts";
import { detect } from "./detect/mod.ts";
import { phot } from "./phot/mod.ts";
import { stack } from "./stack/mod.ts";
import type { StageDeclaration } from "./stage.ts";
import { subtract } from "./subtract/mod.ts";

/** Every stage, in the order of the pipeline. */
export const STAGES: readonly StageDeclaration[] = [
  calib,
  astrom,
  phot,
  stack,
  subtract,
  detect,
  curate,
];

/** What a night goes through: photometry is measured on the frames and again on the stacks. */
export const CHAIN: readonly StageDeclaration[] = [
  calib,
  astrom,
  phot,
  stack,
  phot,
  subtract,
  detect,
  curate,
];

/**
 * Finds a stage.
 *
 * @param name Its name.
 * @returns The declaration.
 * @throws {UsageError} If there is no such stage.
 */
export function findStage(name: string): StageDeclaration {
  const stage = STAGES.find((candidate) => candidate.name === name);
  if (!stage) {
    const names = STAGES.map((candidate) => candidate.name).join(", ");
    throw new UsageError(`Cannot find stage "${name}": there are ${names}`);
  }
  return stage;
}
