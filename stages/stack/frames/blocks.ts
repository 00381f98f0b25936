/**
 * Sorts registered frames into blocks that make one stack each.
 *
 * @module
 */

import { basename } from "node:path";
import { DataError } from "../../../config/errors.ts";
import { mjdToIso } from "../../../sky/time.ts";
import { calibratedId } from "../../calib/masters/names.ts";
import type { Product } from "../../manifest.ts";
import { type NameList, namesFrame } from "./frame_lists.ts";

/** Frames of one object, filter, binning and telescope (unless they go together) without a long gap between them. */
export interface Block {
  /** The id of the stack: that of a frame at their mean time with the summed exposure, and `.com`. */
  readonly id: string;
  /** In order of time. */
  readonly frames: readonly Product[];
}

/**
 * Sorts frames into blocks.
 *
 * @param frames Registered frames.
 * @param gapS A pause longer than this, from the end of one exposure to the start of the next,
 * starts a new block; null: none does; s.
 * @param together Whether frames of several telescopes go into one block.
 * @returns Blocks by time of their first frame.
 */
export function timeBlocks(
  frames: readonly Product[],
  gapS: number | null,
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
  return [...groups.values()].flatMap((group) => splitAtGaps(group, gapS ?? Infinity))
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

/**
 * Makes one block of each list of frames.
 *
 * @param frames What there is.
 * @param lists Names of frames.
 * @returns Blocks, in the order of the lists.
 * @throws {DataError} If a list names what is not there, or frames of several filters.
 */
export function listedBlocks(frames: readonly Product[], lists: readonly NameList[]): Block[] {
  return lists.map(({ path, names }) => {
    const chosen = names.map((name) => {
      const frame = frames.find((one) => namesFrame(name, one));
      if (frame !== undefined) return frame;
      throw new DataError(
        `Cannot stack the list "${basename(path)}": there is no frame "${name}" among ` +
          `${frames.length}`,
        { details: { file: path, frame: name } },
      );
    });
    const filters = [...new Set(chosen.map(({ filter }) => filter ?? "none"))];
    if (filters.length !== 1) {
      throw new DataError(
        `Cannot stack the list "${basename(path)}": ` +
          (filters.length === 0 ? "it names no frame" : `its filters are ${filters.join(", ")}`),
        { details: { file: path } },
      );
    }
    const ordered = [...new Set(chosen)].sort((a, b) => (a.mjd ?? 0) - (b.mjd ?? 0));
    return { id: stackId(ordered), frames: ordered };
  });
}

/** The id of the stack of these frames: it goes by their mean start, as in the original. */
export function stackId(frames: readonly Product[]): string {
  const first = frames[0]!;
  const exposureS = frames.reduce((sum, frame) => sum + (frame.exposureS ?? 0), 0);
  const starts = frames.flatMap(({ mjd }) => mjd === undefined ? [] : [mjd]);
  // days are summed from the first one, so that no digit is lost
  const start = first.mjd ?? 0;
  const mean = start + starts.reduce((sum, mjd) => sum + mjd - start, 0) / starts.length;
  const time = starts.length === frames.length ? { dateObs: mjdToIso(mean) } : {};
  return `${calibratedId({ ...first, exposureS, ...time })}.com`;
}
