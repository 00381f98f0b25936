/**
 * Further images of a pair that are made when they are asked for: the score image and the
 * decorrelated difference.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import type { FinishedDifference } from "./finish.ts";
import type { AlignedPair } from "../pair.ts";

/** What a further image is made from; all images are whole, so any row and its surroundings can be read. */
export interface ExtraSource {
  readonly pair: AlignedPair;
  /** The difference as it is kept, with mask, inverse variance, and the engine's result. */
  readonly finished: FinishedDifference;
  readonly compute: Compute;
  readonly signal: AbortSignal;
}

/** A further image: its rows are computed, encoded and written strip by strip. */
export interface ExtraImage {
  /**
   * Computes rows.
   *
   * @param firstRow The first one.
   * @param rows How many.
   * @param into `[rows, width]`, filled; no NaN.
   */
  fill(firstRow: number, rows: number, into: Float32Array): Promise<void> | void;
  /** Its inverse variance, where it has its own; written beside as `….weight.fits`. */
  fillWeight?(firstRow: number, rows: number, into: Float32Array): Promise<void> | void;
  /** Adds what is to be known of it to its header, which has WCS and identification already. */
  describe?(header: FitsHeader): void;
  /** For the manifest. */
  readonly measured?: Readonly<Record<string, string | number | boolean | null>>;
}

/** How to make one. */
export interface ExtraRecipe {
  /** Its kind in the manifest. */
  readonly role: "score" | "decorrelated";
  /** Ending of its name: `<science>.subt.<ending>.fits`. */
  readonly ending: string;
  /** Prepares it: measures what it needs of the whole. */
  make(source: ExtraSource): Promise<ExtraImage>;
}
