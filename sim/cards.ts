/**
 * The cards of a raw frame, as the survey's acquisition software writes them.
 *
 * @module
 */

import type { Unit } from "../config/site.ts";
import { type CardValue, FitsHeader } from "../fits/header.ts";
import { formatDec, formatRa } from "../sky/angle.ts";
import { mjdToIso } from "../sky/time.ts";
import type { LightTruth } from "./conditions.ts";
import type { PlannedFrame } from "./plan.ts";

/** The driver's gain setting of the survey. */
export const GAIN_SETTING = 2750;
const FOCAL_LENGTH_MM = 1537.3;
const PIXEL_UM = 3.76;

type Cards = Record<string, readonly [CardValue, string]>;

/**
 * Cards of a raw frame.
 *
 * @param frame From the plan.
 * @param unit The telescope.
 * @param temperatureC Of the sensor.
 * @param light The truth about a light frame; only what the telescope knows is written.
 * @param requestedS The exposure asked for, where it differs.
 * @returns A header without a WCS.
 */
export function rawCards(
  frame: PlannedFrame,
  unit: Unit,
  options: {
    readonly temperatureC: number;
    readonly light?: LightTruth | undefined;
    readonly requestedS?: number;
  },
): FitsHeader {
  const cards: Cards = {
    OBJECT: [frame.object, "target"],
    IMAGETYP: [frame.imageType.toUpperCase(), "type of frame"],
    FILTER: [frame.filter, "filter in the beam"],
    EXPTIME: [frame.exposureS, "[s] exposure"],
    EXPOSURE: [frame.exposureS, "[s] exposure"],
    "DATE-OBS": [mjdToIso(frame.mjd), "start of the exposure, UTC"],
    JD: [round(frame.mjd + 2400000.5, 8), "[d] start of the exposure"],
    TELESCOP: [unit.code, "unit of the telescope"],
    INSTRUME: ["C3-61000 PRO", "camera"],
    GAIN: [GAIN_SETTING, "gain setting of the camera"],
    EGAIN: [unit.gainEAdu, "[e-/ADU] gain"],
    XBINNING: [1, "binning along x"],
    YBINNING: [1, "binning along y"],
    "CCD-TEMP": [round(options.temperatureC, 2), "[degC] temperature of the sensor"],
    "SET-TEMP": [-10, "[degC] temperature set"],
    XPIXSZ: [PIXEL_UM, "[um] pixel width"],
    YPIXSZ: [PIXEL_UM, "[um] pixel height"],
    FOCALLEN: [FOCAL_LENGTH_MM, "[mm] focal length"],
    SITELAT: [unit.latDeg, "[deg] latitude"],
    SITELONG: [unit.lonDeg, "[deg] longitude, east positive"],
    SITEELEV: [unit.heightM, "[m] height"],
    ...pointingCards(options.light),
    SWCREATE: ["gppy simulate", "synthetic frame"],
  };
  if (options.requestedS !== undefined) {
    cards["EXPREQ"] = [options.requestedS, "[s] exposure requested, broken off"];
  }
  return FitsHeader.from(cards);
}

function pointingCards(light: LightTruth | undefined): Cards {
  if (!light) return {};
  const { raDeg, decDeg } = light.commanded;
  return {
    RA: [round(raDeg, 6), "[deg] pointing, J2000"],
    DEC: [round(decDeg, 6), "[deg] pointing, J2000"],
    OBJCTRA: [formatRa(raDeg).replaceAll(":", " "), "pointing, J2000"],
    OBJCTDEC: [formatDec(decDeg).replaceAll(":", " "), "pointing, J2000"],
    AIRMASS: [round(light.airmass, 4), "at the middle of the exposure"],
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
