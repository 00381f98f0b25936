/**
 * What a light is calibrated with.
 *
 * @module
 */

import type { LazyCompute } from "../../../gpu/lazy_compute.ts";
import type { Fringe } from "./fringe.ts";
import type { FoundMaster } from "../masters/library.ts";
import type { OverscanMethod } from "../frames/overscan.ts";
import type { PixelCache } from "../frames/pixel_cache.ts";

/** The masters of a light. */
export interface LightMasters {
  readonly bias: FoundMaster | undefined;
  readonly dark: FoundMaster | undefined;
  readonly flat: FoundMaster | undefined;
}

/** Limits that decide which pixels are bad. */
export interface BadPixelLimits {
  /** A dark this many sigma above its median marks a hot pixel. */
  readonly hotSigma: number;
  /** A flat below this marks a dead pixel. */
  readonly flatMin: number;
  /** A flat above this marks a bad pixel. */
  readonly flatMax: number;
  /** Whether bad pixels are filled from their neighbours. */
  readonly repair: boolean;
}

/** What a light is calibrated with, and where to. */
export interface LightRecipe extends LightMasters {
  readonly id: string;
  readonly folder: string;
  readonly limits: BadPixelLimits;
  readonly overscan: OverscanMethod;
  readonly fringe: Fringe | undefined;
  /** Whether cosmic rays are marked and filled. */
  readonly cosmicRays: boolean;
  /** Whether inverse variances are written. */
  readonly weight: boolean;
  /** False leaves it to the system when the files go to the disk; true if left out. */
  readonly durable?: boolean | undefined;
  readonly cache: PixelCache;
  /** Where plain lights are reduced. */
  readonly compute: LazyCompute;
  readonly signal: AbortSignal;
}

/** The masters that were found, in the order bias, dark, flat. */
export function mastersOf({ bias, dark, flat }: LightMasters): FoundMaster[] {
  return [bias, dark, flat].filter((found) => found !== undefined);
}
