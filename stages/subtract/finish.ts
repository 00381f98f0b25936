/**
 * From what an engine gives to the difference that is kept: joined masks, an
 * even background, inverse variance.
 *
 * @module
 */

import { backgroundMesh } from "../../sky/background.ts";
import { bit, growMask, UNUSABLE } from "../../sky/mask.ts";
import { type AlignedPair, collectStrips, type EngineResult } from "./pair.ts";

/** A difference ready to be judged and written; images `[height, width]`. */
export interface FinishedDifference {
  readonly result: EngineResult;
  /** ADU of the science frame; 0 where there is no data. */
  readonly difference: Float32Array;
  /** Planes of both images, those of the convolved one grown. */
  readonly mask: Uint16Array;
  /** Inverse variance, ADU⁻²; 0 where a pixel may not be used. */
  readonly weight: Float32Array;
  /** Fraction of pixels that may not be used. */
  readonly maskedFraction: number;
}

/** Planes of an input that its neighbours inherit through the kernel. */
const CARRIED = bit("BAD", "SAT", "CR", "INTRP", "SUSPECT", "NO_DATA", "EDGE", "STREAK");

/**
 * Collects the strips of a difference, joins the masks, takes the remaining
 * large-scale background off, and turns variance into inverse variance.
 *
 * @param pair The pair.
 * @param result What the engine made of it.
 * @param quiet 1 at pixels of bare sky, `[height, width]`.
 * @param skyMeshPx Side of the squares of the remaining background; 0 leaves it.
 * @returns The difference as it is written.
 */
export async function finishDifference(
  pair: AlignedPair,
  result: EngineResult,
  quiet: Uint8Array,
  skyMeshPx: number,
): Promise<FinishedDifference> {
  const mask = joinMasks(pair, result);
  const whole = await collectStrips(result, pair);
  const { difference } = whole;
  if (skyMeshPx > 0) flatten(difference, mask, pair, quiet, skyMeshPx);
  const weight = new Float32Array(difference.length);
  let masked = 0;
  for (let i = 0; i < difference.length; i++) {
    const variance = whole.variance[i]!;
    if (!Number.isFinite(difference[i]!) || !Number.isFinite(variance)) {
      difference[i] = 0;
      mask[i]! |= bit("NO_DATA");
    }
    if (mask[i]! & bit("NO_DATA")) difference[i] = 0;
    if (mask[i]! & UNUSABLE || !(variance > 0)) masked++;
    else weight[i] = 1 / variance;
  }
  return { result, difference, mask, weight, maskedFraction: masked / difference.length };
}

function joinMasks(pair: AlignedPair, result: EngineResult): Uint16Array {
  const { width, height } = pair;
  const carried = (data: Uint16Array, moved: boolean) =>
    moved ? growMask({ width, height, data }, CARRIED, result.growPx).data : data;
  const science = carried(pair.science.mask, result.convolvedSide !== "reference");
  const reference = carried(pair.reference.mask, result.convolvedSide !== "science");
  const { mask: own } = result;
  const joined = science.map((value, i) => value | reference[i]! | (own?.[i] ?? 0));
  const edge = bit("EDGE"), reach = result.growPx;
  for (let y = 0; y < height; y++) {
    const row = joined.subarray(y * width, (y + 1) * width);
    if (y < reach || y >= height - reach) row.forEach((value, x) => row[x] = value | edge);
    for (let x = 0; x < Math.min(reach, width); x++) {
      row[x]! |= edge;
      row[width - 1 - x]! |= edge;
    }
  }
  return joined;
}

function flatten(
  difference: Float32Array,
  mask: Uint16Array,
  pair: AlignedPair,
  quiet: Uint8Array,
  meshPx: number,
): void {
  const { width, height } = pair;
  const busy = mask.map((value, i) => (value & UNUSABLE) || !quiet[i] ? 1 : 0);
  const options = { meshPx, mask: busy };
  const background = backgroundMesh(difference, width, height, options);
  if (!Number.isFinite(background.globalLevel)) return;
  const level = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    background.levelRow(y, level);
    for (let x = 0; x < width; x++) difference[y * width + x]! -= level[x]!;
  }
}
