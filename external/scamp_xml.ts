/**
 * What SCAMP says about its solution, read from its XML.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { parseVotable, type VotableRow } from "./votable.ts";

/** The solution of one catalogue. */
export interface ScampResult {
  /** Name of the catalogue as SCAMP was given it. */
  readonly catalogue: string;
  /** Sources that SCAMP took from it. */
  readonly detections: number;
  /** Group of overlapping fields that it belongs to, counted from 1. */
  readonly group: number;
  /** Spread of the differences to the reference along both axes, arcsec. */
  readonly rmsArcsec: readonly [number, number];
  /** The same for sources of high signal-to-noise, arcsec. */
  readonly rmsBrightArcsec: readonly [number, number];
  /** Mean difference to the reference along both axes, arcsec. */
  readonly offsetArcsec: readonly [number, number];
  /** Reference stars that were matched. */
  readonly matched: number;
  /** Reduced chi-square of the differences to the reference. */
  readonly chi2: number;
  /** Lower one of the two contrasts of pattern matching; 0 when matching was switched off. */
  readonly contrast: number;
  /** Contrast of the match in angle and scale. */
  readonly angleContrast: number;
  /** Contrast of the match in position. */
  readonly positionContrast: number;
  /** Scale after the solution along both axes, arcsec a pixel. */
  readonly pixelScaleArcsec: readonly [number, number];
  /** Factor by which pattern matching changed the scale. */
  readonly scaleChange: number;
  /** Angle by which pattern matching turned the frame, degrees. */
  readonly angleChangeDeg: number;
  /** Shift found by pattern matching along both axes, arcsec. */
  readonly shiftArcsec: readonly [number, number];
}

/** The agreement of the catalogues of one group among each other. */
export interface ScampGroup {
  /** Counted from 1. */
  readonly group: number;
  /** Catalogues in it. */
  readonly fields: number;
  /** Spread between the catalogues along both axes, arcsec; 0 for a single one. */
  readonly internalRmsArcsec: readonly [number, number];
  /** The same for sources of high signal-to-noise, arcsec. */
  readonly internalRmsBrightArcsec: readonly [number, number];
  /** Detections that were compared. */
  readonly detections: number;
  /** Spread of the differences to the reference along both axes, arcsec. */
  readonly rmsArcsec: readonly [number, number];
  /** Reference stars matched in all catalogues. */
  readonly matched: number;
}

/** All that SCAMP says about one run. */
export interface ScampReport {
  /** One entry a catalogue, in the order of the command. */
  readonly results: readonly ScampResult[];
  /** One entry a group of overlapping catalogues. */
  readonly groups: readonly ScampGroup[];
  /** Warnings of the program. */
  readonly warnings: readonly string[];
}

/**
 * Reads SCAMP's XML.
 *
 * @param xml The document.
 * @param where Its file, for messages.
 * @returns Results by catalogue and by group.
 * @throws {DataError} If it is not SCAMP's, or lacks what is needed.
 */
export function parseScampXml(xml: string, where: string): ScampReport {
  const tables = parseVotable(xml, where);
  const fields = tables["Fields"];
  if (fields === undefined) {
    throw new DataError(`Cannot read "${where}": no table of fields, so not written by SCAMP`, {
      details: { file: where },
    });
  }
  return {
    results: fields.map((row) => toResult(row, where)),
    groups: (tables["FGroups"] ?? []).map((row) => toGroup(row, where)),
    warnings: (tables["Warnings"] ?? []).map((row) => row["Msg"] ?? ""),
  };
}

function toResult(row: VotableRow, where: string): ScampResult {
  const cell = (name: string) => numbersOf(row, name, where);
  const one = (name: string) => cell(name)[0];
  const shift = [one("DX") * 3600, one("DY") * 3600] as const;
  const [angleContrast, positionContrast] = [one("AS_Contrast"), one("XY_Contrast")];
  return {
    catalogue: row["Catalog_Name"] ?? "",
    detections: one("NDetect"),
    group: one("Group"),
    rmsArcsec: cell("AstromSigma_Reference"),
    rmsBrightArcsec: cell("AstromSigma_Reference_HighSN"),
    offsetArcsec: cell("AstromOffset_Reference"),
    matched: one("NDeg_Reference"),
    chi2: one("Chi2_Reference"),
    contrast: Math.min(angleContrast, positionContrast),
    angleContrast,
    positionContrast,
    pixelScaleArcsec: cell("Pixel_Scale"),
    scaleChange: one("DPixelScale"),
    angleChangeDeg: one("DPosAngle"),
    shiftArcsec: shift,
  };
}

function toGroup(row: VotableRow, where: string): ScampGroup {
  const cell = (name: string) => numbersOf(row, name, where);
  return {
    group: cell("Index")[0],
    fields: cell("NFields")[0],
    internalRmsArcsec: cell("AstromSigma_Internal"),
    internalRmsBrightArcsec: cell("AstromSigma_Internal_HighSN"),
    detections: cell("AstromNDets_Internal")[0],
    rmsArcsec: cell("AstromSigma_Reference"),
    matched: cell("AstromNDets_Reference")[0],
  };
}

/** The numbers of a cell; a single one stands for both axes, and `nan` stays NaN. */
function numbersOf(row: VotableRow, name: string, where: string): readonly [number, number] {
  const text = row[name];
  if (text === undefined || text === "") {
    throw new DataError(`Cannot read "${where}": no value of "${name}"`, {
      details: { file: where, field: name },
    });
  }
  const [first, second] = text.split(/\s+/).map(Number);
  return [first ?? NaN, second ?? first ?? NaN];
}
