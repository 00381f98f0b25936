/**
 * A master frame: what it is and how it is scaled.
 *
 * @module
 */

import { join } from "node:path";
import type { Setup } from "../frames/frame.ts";
import type { MasterType } from "../frames/groups.ts";
import { MASTER_FOLDERS } from "./names.ts";

/** A master frame on disk. */
export interface Master {
  readonly type: MasterType;
  readonly setup: Setup;
  readonly filter: string;
  readonly exposureS: number;
  /** Mean of its inputs; undefined where they do not say. */
  readonly temperatureC: number | undefined;
  /** `YYYYMMDD` it was made from. */
  readonly night: string;
  readonly id: string;
  readonly path: string;
  /** Median, ADU; around 1 for a flat. */
  readonly level: number;
  /** Robust scatter of its pixels, in the same unit. */
  readonly sigma: number;
  /** Typical noise of one pixel, in the same unit; NaN where it is not known. */
  readonly noise: number;
  /** Whether it may be used: false when it was too far from the last one. */
  readonly accepted: boolean;
}

/** The folder of the masters of one type. */
export function masterFolder(root: string, unit: string, type: MasterType): string {
  return join(root, unit, MASTER_FOLDERS[type]);
}

/** Files that stand beside a master. */
export const MASTER_COMPANIONS = {
  /** Variance of each pixel of the master, in its unit squared; NaN where it cannot be told. */
  variance: ".var.fits",
  /** Samples that went into each pixel. */
  count: ".count.fits",
} as const;

/** The path of a file beside a master. */
export function companionPath(path: string, kind: keyof typeof MASTER_COMPANIONS): string {
  return path.replace(/\.fits$/, MASTER_COMPANIONS[kind]);
}

/**
 * The factor that brings a dark to an exposure; never negative.
 *
 * @param dark The dark, or undefined.
 * @param exposureS The exposure of the frame.
 * @returns 0 without a dark or without an exposure.
 */
export function darkScale(dark: Master | undefined, exposureS: number): number {
  if (dark === undefined || !(dark.exposureS > 0)) return 0;
  return Math.max(0, exposureS) / dark.exposureS;
}
