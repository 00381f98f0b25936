/**
 * Sorts raw calibration frames into groups that make one master each.
 *
 * @module
 */

import { type RawFrame, sameSetup, type Setup } from "./frame.ts";

/** What a master is for. */
export type MasterType = "bias" | "dark" | "flat";

/** Calibration frames of one type and setup. */
export interface FrameGroup {
  readonly type: MasterType;
  readonly setup: Setup;
  /** Of flats; empty for others. */
  readonly filter: string;
  /** Of darks, seconds; 0 for others. */
  readonly exposureS: number;
  readonly frames: readonly RawFrame[];
}

/**
 * Groups calibration frames: biases by setup, darks also by exposure, flats also by filter.
 *
 * Flats of one filter go together whatever their exposure, since each is brought to level 1.
 *
 * @param frames Raw frames; those of other types are passed over.
 * @param type The type.
 * @returns Groups, the largest first.
 */
export function groupFrames(frames: readonly RawFrame[], type: MasterType): FrameGroup[] {
  const groups: (FrameGroup & { readonly frames: RawFrame[] })[] = [];
  for (const frame of frames) {
    const { product, setup } = frame;
    if (product.imageType !== type) continue;
    const filter = type === "flat" ? product.filter ?? "" : "";
    const exposureS = type === "dark" ? product.exposureS ?? 0 : 0;
    const known = groups.find((group) =>
      sameSetup(group.setup, setup) && group.filter === filter && group.exposureS === exposureS
    );
    if (known === undefined) groups.push({ type, setup, filter, exposureS, frames: [frame] });
    else known.frames.push(frame);
  }
  return groups.sort((a, b) => b.frames.length - a.frames.length);
}

/** A group in words, such as `dark of 60 s` or `flat in r`. */
export function describeGroup(group: Omit<FrameGroup, "frames" | "setup">): string {
  if (group.type === "dark") return `dark of ${group.exposureS} s`;
  return group.type === "flat" ? `flat in ${group.filter || "no filter"}` : "bias";
}
