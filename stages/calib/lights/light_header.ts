/**
 * The header of a calibrated light.
 *
 * @module
 */

import type { FitsHeader } from "../../../fits/header.ts";
import type { RawFrame } from "../frames/frame.ts";
import type { AppliedFringe } from "./fringe.ts";
import { type LightRecipe, mastersOf } from "./light_recipe.ts";
import { darkScale } from "../masters/master.ts";

/** Cards that describe regions or display of the raw file and no longer hold. */
const STALE = [
  ...["TRIMSEC", "BIASSEC", "DATASEC", "CCDSEC", "DETSEC", "AMPSEC", "OVERSCAN"],
  ...["CBLACK", "CWHITE", "PEDESTAL", "DATAMIN", "DATAMAX", "BLANK", "SATURATE"],
];

/**
 * Makes the header of a calibrated light: the raw cards after correction, and what was done.
 *
 * Regions such as TRIMSEC are dropped, since they no longer hold; HISTORY says
 * which were obeyed and which were stale. A WCS moves with the trimmed edges.
 *
 * @param frame The raw light.
 * @param recipe What it is calibrated with.
 * @param overscanAdu Level of the overscan that was taken off, if any.
 * @returns The header.
 */
export function lightHeader(
  frame: RawFrame,
  recipe: LightRecipe,
  overscanAdu: number | undefined,
): FitsHeader {
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
  const level = recipe.bias?.master.level ?? 0;
  const darkAdu = (Number.isFinite(level) ? level : 0) + (overscanAdu ?? 0);
  header.set("SATURATE", detector.saturationAdu - darkAdu, "[adu] saturation above bias");
  return addMasters(addLayout(header, frame, recipe, overscanAdu), frame, recipe);
}

/** Overscan, trim and amplifiers. */
function addLayout(
  header: FitsHeader,
  { layout }: RawFrame,
  recipe: LightRecipe,
  overscanAdu: number | undefined,
): FitsHeader {
  const { amplifiers, stale } = layout;
  const first = amplifiers[0]!;
  if (overscanAdu !== undefined) {
    header.set("OSCANLEV", overscanAdu, "[adu] level of the overscan, taken off");
    header.addHistory(`gppy calib: overscan taken off, method ${recipe.overscan}`);
  }
  if (amplifiers.length > 1) {
    const gains = amplifiers.map(({ gainEAdu }) => gainEAdu ?? "?").join(" ");
    header.addHistory(`gppy calib: ${amplifiers.length} amplifiers put together, gains ${gains}`);
    const parts = amplifiers.flatMap(({ crosstalk }) => crosstalk);
    if (parts.length > 0) {
      header.addHistory(`gppy calib: crosstalk taken off, ${parts.length} parts`);
    }
  } else if (first.data.x > 0 || first.data.y > 0) {
    for (const [axis, shift] of [[1, first.data.x], [2, first.data.y]] as const) {
      const pixel = header.number(`CRPIX${axis}`);
      if (pixel !== undefined) header.set(`CRPIX${axis}`, pixel - shift);
    }
  }
  if (!layout.plain) header.addHistory(`gppy calib: trimmed to ${layout.width}x${layout.height}`);
  for (const region of stale) {
    header.addHistory(`gppy calib: ${region} does not fit the image and was not obeyed`);
  }
  return header;
}

/**
 * Fills in how strong the fringes were; the cards are there already, so that the header keeps
 * its length.
 *
 * @param header Changed in place.
 * @param fit Their strength, and whether they were taken off.
 */
export function setFringe(header: FitsHeader, fit: AppliedFringe): void {
  header.set("FRNGSCAL", fit.applied ? fit.scale : 0);
  if (Number.isFinite(fit.error)) header.set("FRNGERR", fit.error);
}

function addMasters(header: FitsHeader, frame: RawFrame, recipe: LightRecipe): FitsHeader {
  const { bias, dark, flat } = recipe;
  const scale = darkScale(dark?.master, frame.product.exposureS ?? 0);
  header.set("RAWNAME", frame.product.id, "raw frame");
  const name = (found: { readonly master: { readonly id: string } } | undefined) =>
    found === undefined ? "none" : `${found.master.id}.fits`;
  header.set("BIASNAME", name(bias), "master bias");
  header.set("DARKNAME", name(dark), "master dark");
  header.set("DARKSCAL", scale, "exposure over that of the dark");
  const apart = dark?.fit?.temperatureDiffC;
  if (typeof apart === "number") header.set("DARKDT", apart, "[Celsius] frame minus dark");
  header.set("FLATNAME", name(flat), "master flat");
  for (const { borrowed, master } of mastersOf(recipe)) {
    if (!borrowed) continue;
    header.addHistory(`gppy calib: borrowed ${master.type} ${master.id} of night ${master.night}`);
  }
  const steps = `raw${bias ? " - bias" : ""}${dark ? " - dark x scale" : ""}`;
  header.addHistory(
    `gppy calib: ${flat && (bias || dark) ? `(${steps})` : steps}${flat ? " / flat" : ""}`,
  );
  if (recipe.fringe !== undefined) {
    header.set("FRINGE", recipe.fringe.name.replace(/^.*\//, ""), "fringe pattern");
    header.set("FRNGSCAL", 0, "factor on the pattern, 0: left in");
    header.set("FRNGERR", 0, "standard error of the factor");
    header.addHistory("gppy calib: minus FRNGSCAL x fringe pattern");
  }
  if (recipe.cosmicRays) {
    header.addHistory("gppy calib: cosmic rays (L.A.Cosmic) filled, marked CR and INTRP");
  }
  if (recipe.limits.repair) {
    header.addHistory("gppy calib: BAD pixels filled from those around them, marked INTRP");
  }
  return header;
}
