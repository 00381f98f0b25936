/**
 * The header cards that photometry adds to an image.
 *
 * @module
 */

import type { FitsHeader } from "../../fits/header.ts";
import type { ApertureCalibration } from "./calibrate.ts";
import type { SkyNoise } from "./noise.ts";
import type { Seeing } from "./seeing.ts";

/** What the cards tell. */
export interface PhotometryCards {
  readonly seeing: Seeing;
  readonly pixelScaleArcsec: number;
  readonly noise: SkyNoise;
  readonly calibration: readonly ApertureCalibration[];
  /** Name of the reference file; null without one. */
  readonly reference: string | null;
}

const PREFIXES = ["ZP", "EZP", "UL3", "UL5", "APC"] as const;

/**
 * Writes the results of photometry into a header; quantities that are not known lose their card.
 *
 * @param header Changed in place.
 * @param results What was measured.
 */
export function setPhotometryCards(header: FitsHeader, results: PhotometryCards): void {
  const { seeing, noise, calibration } = results;
  const set = (keyword: string, value: number | null | undefined, comment: string): void => {
    if (value === null || value === undefined || !Number.isFinite(value)) header.delete(keyword);
    else header.set(keyword, value, comment);
  };
  set(
    "SEEING",
    round(seeing.fwhmPx * results.pixelScaleArcsec, 4),
    "[arcsec] median FWHM of stars",
  );
  set("PEEING", round(seeing.fwhmPx, 4), "[pix] median FWHM of stars");
  set("ELLIP", round(seeing.ellipticity, 4), "median ellipticity of stars, 1 - B/A");
  set("ELONG", round(seeing.elongation, 4), "median elongation of stars, A/B");
  set("SKYVAL", round(noise.skyAdu, 4), "[adu] median level of empty sky");
  set("SKYSIG", round(noise.skySigmaAdu, 4), "[adu] noise of a pixel of empty sky");
  header.set("REFCAT", results.reference ?? "none", "reference of the zero points");
  set("ZPSTARS", calibration[0]?.zeroPoint?.stars ?? 0, "reference stars used, AUTO");
  for (const result of calibration) setApertureCards(set, result);
  header.addHistory("Photometry: ZP_x, EZP_x, UL3_x, UL5_x by aperture; UL at n sigma is");
  header.addHistory("ZP_x - 2.5 log10(n x noise measured in such apertures on empty sky)");
}

/**
 * Lists the keywords that {@linkcode setPhotometryCards} may write for one aperture.
 *
 * @param card Ending, `AUTO` or `0`–`5`.
 * @returns Keywords.
 */
export function apertureKeywords(card: string): string[] {
  return PREFIXES.map((prefix) => `${prefix}_${card}`);
}

function setApertureCards(
  set: (keyword: string, value: number | null | undefined, comment: string) => void,
  result: ApertureCalibration,
): void {
  const { card, label } = result.aperture;
  const zeroPoint = result.zeroPoint;
  set(`ZP_${card}`, round(zeroPoint?.mag, 4), `[mag] zero point, ${label}`);
  set(`EZP_${card}`, round(zeroPoint?.errorMag, 5), "[mag] its error, scatter / sqrt(stars)");
  set(`UL3_${card}`, round(result.depth3Mag, 4), `[mag] 3 sigma depth, ${label}`);
  set(`UL5_${card}`, round(result.depth5Mag, 4), `[mag] 5 sigma depth, ${label}`);
  if (card !== "AUTO") {
    set(`APC_${card}`, round(result.correctionMag, 4), "[mag] AUTO minus aperture, stars");
  }
}

function round(value: number | null | undefined, digits: number): number | null {
  return value === null || value === undefined ? null : Number(value.toFixed(digits));
}
