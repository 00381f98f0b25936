/**
 * Sorts registered frames into blocks that make one stack each.
 *
 * @module
 */

import { calibratedId } from "../calib/names.ts";
import type { Product } from "../manifest.ts";

/** Frames of one object, filter, binning and telescope (unless they go together) without a long gap between them. */
export interface Block {
  /** The id of the stack: that of its first frame with the summed exposure, and `.com`. */
  readonly id: string;
  /** In order of time. */
  readonly frames: readonly Product[];
}

/**
 * Sorts frames into blocks.
 *
 * @param frames Registered frames.
 * @param gapS A pause longer than this, from the end of one exposure to the start of the next,
 * starts a new block; s.
 * @param together Whether frames of several telescopes go into one block.
 * @returns Blocks by time of their first frame.
 */
export function timeBlocks(
  frames: readonly Product[],
  gapS: number,
  together = false,
): Block[] {
  const groups = new Map<string, Product[]>();
  const ordered = [...frames].sort((a, b) => (a.mjd ?? 0) - (b.mjd ?? 0));
  for (const frame of ordered) {
    const key = JSON.stringify([
      ...(together ? [] : [frame.unit]),
      ...[frame.object, frame.filter, frame.binning],
    ]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [frame]);
    else group.push(frame);
  }
  return [...groups.values()].flatMap((group) => splitAtGaps(group, gapS))
    .sort((a, b) => (a[0]!.mjd ?? 0) - (b[0]!.mjd ?? 0))
    .map((block) => ({ id: stackId(block), frames: block }));
}

function splitAtGaps(frames: readonly Product[], gapS: number): Product[][] {
  const blocks: Product[][] = [];
  let end = -Infinity;
  for (const frame of frames) {
    const start = (frame.mjd ?? 0) * 86400;
    const block = blocks.at(-1);
    // 1 ms: float64 days hold a microsecond
    if (block === undefined || start - end > gapS + 1e-3) blocks.push([frame]);
    else block.push(frame);
    end = Math.max(end, start + (frame.exposureS ?? 0));
  }
  return blocks;
}

/** The id of the stack of these frames. */
export function stackId(frames: readonly Product[]): string {
  const exposureS = frames.reduce((sum, frame) => sum + (frame.exposureS ?? 0), 0);
  return `${calibratedId({ ...frames[0]!, exposureS })}.com`;
}
