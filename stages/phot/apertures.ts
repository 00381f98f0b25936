/**
 * The apertures that brightness is measured in, and how their columns and cards are named.
 *
 * @module
 */

/** One aperture: its names, and its diameter in terms of the seeing or the sky. */
export interface Aperture {
  /** Ending of the header cards: `ZP_<card>`, `EZP_<card>`, `UL3_<card>`, `UL5_<card>`. */
  readonly card: string;
  /** Ending of the catalogue columns: `MAG_<column>`, `MAGERR_<column>`. */
  readonly column: string;
  /** For plots, logs and card comments. */
  readonly label: string;
  /** Diameter in units of the seeing; undefined if it does not scale with it. */
  readonly seeingFactor?: number;
  /** Diameter on the sky, arcsec; undefined if it scales with the seeing. */
  readonly diameterArcsec?: number;
}

/** The automatic (Kron) aperture, which follows the shape of each source. */
export const AUTO_APERTURE: Aperture = { card: "AUTO", column: "AUTO", label: "Kron (AUTO)" };

/**
 * The circular apertures in the order of the vector columns.
 *
 * A radius of 0.673 seeing gives the best signal to noise of a Gaussian star on
 * a bright sky.
 */
export const CIRCULAR_APERTURES: readonly Aperture[] = [
  { card: "0", column: "APER", label: "2 x 0.673 seeing", seeingFactor: 2 * 0.673 },
  { card: "1", column: "APER_1", label: "2 x seeing", seeingFactor: 2 },
  { card: "2", column: "APER_2", label: "3 x seeing", seeingFactor: 3 },
  { card: "3", column: "APER_3", label: '3"', diameterArcsec: 3 },
  { card: "4", column: "APER_4", label: '5"', diameterArcsec: 5 },
  { card: "5", column: "APER_5", label: '10"', diameterArcsec: 10 },
];

/** Every aperture, the automatic one first. */
export const APERTURES: readonly Aperture[] = [AUTO_APERTURE, ...CIRCULAR_APERTURES];

/**
 * Gives the diameters of the circular apertures on an image.
 *
 * @param seeingPx FWHM of the stars, px.
 * @param pixelScaleArcsec Arcsec a pixel.
 * @returns Diameters, px, in the order of {@linkcode CIRCULAR_APERTURES}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { apertureDiametersPx } from "./apertures.ts";
 * assert.deepEqual(apertureDiametersPx(4, 0.5).slice(1), [8, 12, 6, 10, 20]);
 * ```
 */
export function apertureDiametersPx(seeingPx: number, pixelScaleArcsec: number): number[] {
  return CIRCULAR_APERTURES.map(({ seeingFactor, diameterArcsec }) =>
    seeingFactor === undefined ? (diameterArcsec ?? 0) / pixelScaleArcsec : seeingFactor * seeingPx
  );
}
