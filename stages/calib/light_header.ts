/**
 * The header of a calibrated light.
 *
 * @module
 */

import type { FitsHeader } from "../../fits/header.ts";
import type { LightRecipe } from "./calibrate_light.ts";
import type { RawFrame } from "./frame.ts";
import { darkScale } from "./master.ts";

/** Cards that describe regions or display of the raw file and no longer hold. */
const STALE = [
  ...["TRIMSEC", "BIASSEC", "DATASEC", "CCDSEC", "DETSEC", "AMPSEC", "OVERSCAN"],
  ...["CBLACK", "CWHITE", "PEDESTAL", "DATAMIN", "DATAMAX", "BLANK", "SATURATE"],
];

/**
 * Makes the header of a calibrated light: the raw cards after correction, and what was done.
 *
 * Regions such as TRIMSEC are dropped, never obeyed: cameras leave them behind
 * after they have trimmed the image themselves.
 *
 * @param frame The raw light.
 * @param recipe What it is calibrated with.
 * @returns The header.
 */
export function lightHeader(frame: RawFrame, recipe: LightRecipe): FitsHeader {
  const { product, detector } = frame;
  const header = frame.header.clone();
  for (const keyword of STALE) header.delete(keyword);
  if (product.object !== undefined) header.set("OBJECT", product.object);
  if (product.filter !== undefined) header.set("FILTER", product.filter);
  if (product.dateObs !== undefined) {
    header.set("DATE-OBS", product.dateObs, "UTC, start of the exposure");
  }
  if (product.mjd !== undefined) header.set("MJD-OBS", product.mjd, "[d] start of the exposure");
  header.set("EXPTIME", product.exposureS ?? 0, "[s] exposure");
  header.set("IMAGETYP", "LIGHT", "type of image");
  header.set("UNIT", frame.setup.unit, "telescope unit");
  header.set("EGAIN", detector.gainEAdu, "[e-/ADU] gain");
  if (!header.has("GAIN")) header.set("GAIN", detector.gainEAdu, "[e-/ADU] gain");
  header.set("RDNOISE", detector.readNoiseE, "[e-] read noise");
  header.set("BUNIT", "adu", "unit of the pixels");
  const biasAdu = Number.isFinite(recipe.bias.master.level) ? recipe.bias.master.level : 0;
  header.set("SATURATE", detector.saturationAdu - biasAdu, "[adu] saturation above bias");
  return addMasters(header, frame, recipe);
}

function addMasters(header: FitsHeader, frame: RawFrame, recipe: LightRecipe): FitsHeader {
  const { bias, dark, flat } = recipe;
  const scale = darkScale(dark?.master, frame.product.exposureS ?? 0);
  header.set("RAWNAME", frame.product.id, "raw frame");
  header.set("BIASNAME", `${bias.master.id}.fits`, "master bias");
  header.set("DARKNAME", dark ? `${dark.master.id}.fits` : "none", "master dark");
  header.set("DARKSCAL", scale, "exposure over that of the dark");
  header.set("FLATNAME", `${flat.master.id}.fits`, "master flat");
  const borrowed = [bias, dark, flat].filter((found) => found?.borrowed);
  for (const found of borrowed) {
    const { type, night, id } = found!.master;
    header.addHistory(`gppy calib: borrowed ${type} ${id} of night ${night}`);
  }
  header.addHistory("gppy calib: (raw - bias - dark x scale) / flat");
  if (recipe.limits.repair) {
    header.addHistory("gppy calib: BAD pixels filled from their row, marked INTRP");
  }
  return header;
}
