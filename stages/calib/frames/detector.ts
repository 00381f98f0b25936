/**
 * What the site tables say about the detector of a frame.
 *
 * @module
 */

import type { Site } from "../../../config/site.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import type { Product } from "../../manifest.ts";

/** What must be known of a detector to calibrate its frames. */
export interface Detector {
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Electrons. */
  readonly readNoiseE: number;
  /** Raw values from this on are saturated, ADU. */
  readonly saturationAdu: number;
  /** Raw values from this on are not linear, ADU. */
  readonly suspectAdu: number;
}

/** Part of the saturation level up to which a detector is taken as linear, unless MAXLIN says. */
const LINEAR_PART = 0.9;

/**
 * Looks up the detector: the camera of `ccd.dat` at the frame's gain setting, else `obs.dat`.
 *
 * An `EGAIN` card of the frame is believed before the tables.
 *
 * @param site The site.
 * @param product The frame, for its unit.
 * @param header The frame's cards, for `EGAIN`, the gain setting `GAIN`, and `MAXLIN`.
 * @returns Gain, read noise, saturation and the end of linearity.
 * @throws {UsageError} If the unit is unknown.
 */
export function detectorOf(site: Site, product: Product, header: FitsHeader): Detector {
  const unit = site.unit(product.unit ?? "none");
  const row = site.camera(unit.code, header.number("GAIN")) ?? unit;
  const own = header.number("EGAIN");
  const linear = header.number("MAXLIN") ?? 0;
  return {
    gainEAdu: own !== undefined && own > 0 ? own : row.gainEAdu,
    readNoiseE: row.readNoiseE,
    saturationAdu: row.saturationAdu,
    suspectAdu: linear > 0 && linear < row.saturationAdu ? linear : LINEAR_PART * row.saturationAdu,
  };
}
