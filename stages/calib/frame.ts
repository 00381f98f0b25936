/**
 * A raw frame with its cards put right.
 *
 * @module
 */

import type { Site } from "../../config/site.ts";
import { readHeader } from "../../fits/file.ts";
import type { FitsHeader } from "../../fits/header.ts";
import { correctHeader } from "../../sky/frame_info.ts";
import type { Product } from "../manifest.ts";
import { type Detector, detectorOf } from "./detector.ts";

/** What must be equal for one frame to calibrate another. */
export interface Setup {
  readonly unit: string;
  readonly width: number;
  readonly height: number;
  readonly binning: string;
  /** The GAIN card as it stands (setting of the camera, or electrons an ADU); NaN without one. */
  readonly gain: number;
}

/** A raw frame with its cards put right. */
export interface RawFrame {
  readonly product: Product;
  /** After the site's corrections. */
  readonly header: FitsHeader;
  readonly setup: Setup;
  readonly detector: Detector;
}

/**
 * Reads the header of a raw frame and looks up its detector.
 *
 * @param product A raw frame.
 * @param site For corrections of cards and the detector.
 * @returns The frame.
 * @throws {DataError} If it cannot be read.
 * @throws {UsageError} If its unit is unknown.
 */
export async function loadFrame(product: Product, site: Site): Promise<RawFrame> {
  const unit = product.unit ?? "none";
  const header = correctHeader(await readHeader(product.path), site.headerRules, unit);
  const setup = {
    unit,
    width: product.width ?? header.requireNumber("NAXIS1"),
    height: product.height ?? header.requireNumber("NAXIS2"),
    binning: product.binning ?? "1x1",
    gain: header.number("GAIN") ?? NaN,
  };
  return { product, header, setup, detector: detectorOf(site, product, header) };
}

/** Whether frames of these setups may calibrate one another. */
export function sameSetup(a: Setup, b: Setup): boolean {
  return a.unit === b.unit && sameSize(a, b) && a.binning === b.binning && sameGain(a.gain, b.gain);
}

/** Whether two setups give frames of one size. */
export function sameSize(a: Setup, b: Setup): boolean {
  return a.width === b.width && a.height === b.height;
}

function sameGain(a: number, b: number): boolean {
  return Number.isNaN(a) || Number.isNaN(b) || Math.abs(a - b) <= 1e-3 * Math.abs(a);
}

/** The size of a frame in words, such as `1024×1024 px`. */
export function sizeText(setup: Pick<Setup, "width" | "height">): string {
  return `${setup.width}×${setup.height} px`;
}
