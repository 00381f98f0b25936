/**
 * Finishes a difference in tests, without a stage around it.
 *
 * @module
 */

import { openCompute } from "../../../gpu/compute.ts";
import { finishDifference, type FinishedDifference } from "./finish.ts";
import type { AlignedPair, EngineResult } from "../pair.ts";

/**
 * Finishes a difference in ordinary memory.
 *
 * @param pair The pair.
 * @param result What an engine made of it.
 * @param quiet 1 at pixels of bare sky.
 * @param skyMeshPx Side of the squares of the remaining background; 0 leaves it.
 * @returns The difference; need not be disposed of.
 */
export async function finishAlone(
  pair: AlignedPair,
  result: EngineResult,
  quiet: Uint8Array,
  skyMeshPx: number,
): Promise<FinishedDifference> {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  using finished = await finishDifference(pair, result, { quiet, skyMeshPx, compute });
  return {
    ...finished,
    difference: finished.difference.slice(),
    mask: finished.mask.slice(),
    weight: finished.weight.slice(),
    [Symbol.dispose]: () => {},
  };
}
