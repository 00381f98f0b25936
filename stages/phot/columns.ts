/**
 * The columns that the stage asks Source Extractor for.
 *
 * @module
 */

/** For the first extraction, which only looks at shapes. */
export const SHAPE_COLUMNS: readonly string[] = [
  "NUMBER",
  "X_IMAGE",
  "Y_IMAGE",
  "FLUX_AUTO",
  "FLUXERR_AUTO",
  "FLUX_MAX",
  "BACKGROUND",
  "ELLIPTICITY",
  "ELONGATION",
  "FWHM_IMAGE",
  "FLAGS",
];

/** For the second extraction; the six apertures are those of `apertures.ts`. */
export const MEASURED_COLUMNS: readonly string[] = [
  "NUMBER",
  "X_IMAGE",
  "Y_IMAGE",
  "FLUX_AUTO",
  "FLUXERR_AUTO",
  "MAG_AUTO",
  "MAGERR_AUTO",
  "FLUX_APER(6)",
  "FLUXERR_APER(6)",
  "MAG_APER(6)",
  "MAGERR_APER(6)",
  "KRON_RADIUS",
  "FLUX_RADIUS",
  "FLUX_MAX",
  "MU_MAX",
  "BACKGROUND",
  "THRESHOLD",
  "ISOAREA_IMAGE",
  "A_IMAGE",
  "B_IMAGE",
  "THETA_IMAGE",
  "ELLIPTICITY",
  "ELONGATION",
  "FWHM_IMAGE",
  "FWHM_WORLD",
  "CLASS_STAR",
  "FLAGS",
];
