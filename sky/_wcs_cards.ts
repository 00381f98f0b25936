/**
 * The cards of a WCS.
 *
 * @module
 */

import { FitsHeader } from "../fits/header.ts";
import type { SipTerms, WcsModel } from "./wcs.ts";

/** Keywords that belong to the primary WCS of an image. */
export const CARDS_OF_WCS: RegExp = new RegExp(
  "^(?:WCSAXES|WCSNAME|(?:CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA|CRDER|CSYER|CNAME)[12]" +
    "|(?:CD|PC)[12]_[12]|PC00[12]00[12]|P[VS][12]_\\d+|LONPOLE|LATPOLE" +
    "|(?:A|B|AP|BP)_(?:ORDER|DMAX|\\d+_\\d+)|WCSDIM|WAT\\d_\\d{3}|PROJP\\d+)$",
);

/**
 * Gives the cards of a WCS, and no others.
 *
 * @param model What defines the map.
 * @returns Cards in the order of the standard, WCSAXES first.
 */
export function wcsCards(model: WcsModel): FitsHeader {
  const { crval, crpix, cd, distortion, swapped } = model;
  const suffix = { none: "TAN", tpv: "TPV", sip: "TAN-SIP" }[distortion.kind];
  const types = [`RA---${suffix}`, `DEC--${suffix}`];
  const axes = swapped ? [1, 0] as const : [0, 1] as const;
  const names = ["right ascension", "declination"];
  const header = FitsHeader.from({ WCSAXES: [2, "number of WCS axes"] });
  for (const [i, axis] of axes.entries()) {
    const n = i + 1;
    header.set(`CTYPE${n}`, types[axis]!, "projection");
    header.set(`CUNIT${n}`, "deg", "unit of the axis");
    header.set(`CRVAL${n}`, crval[axis], `[deg] ${names[axis]} of the reference`);
    header.set(`CRPIX${n}`, crpix[i]!, "[pix] reference pixel");
    header.set(`CD${n}_1`, cd[2 * i]!, "[deg/pix] linear matrix");
    header.set(`CD${n}_2`, cd[2 * i + 1]!, "[deg/pix] linear matrix");
  }
  if (distortion.kind === "tpv") {
    setPv(header, 1, distortion.pv1);
    setPv(header, 2, distortion.pv2);
  }
  if (distortion.kind === "sip") {
    const { a, b, ap, bp } = distortion;
    for (const [name, terms] of Object.entries({ A: a, B: b, AP: ap, BP: bp })) {
      setSip(header, name, terms);
    }
  }
  if (model.lonpoleDeg !== 180) header.set("LONPOLE", model.lonpoleDeg, "[deg] native pole");
  header.set("RADESYS", model.frame, "reference frame");
  return header.set("EQUINOX", 2000, "[yr] equinox");
}

function setPv(header: FitsHeader, axis: number, values: readonly number[]): void {
  for (const [term, value] of values.entries()) {
    if (value !== 0 || term <= 1) header.set(`PV${axis}_${term}`, value, "TPV distortion");
  }
}

function setSip(header: FitsHeader, name: string, terms: SipTerms): void {
  if (terms.length === 0 && name.length === 2) return;
  const order = terms.reduce((most, [p, q]) => Math.max(most, p + q), 2);
  header.set(`${name}_ORDER`, order, "SIP polynomial order");
  for (const [p, q, value] of terms) header.set(`${name}_${p}_${q}`, value, "SIP distortion");
}
