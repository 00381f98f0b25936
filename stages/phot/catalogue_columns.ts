/**
 * The columns of a photometric catalogue: what Source Extractor measured, and calibrated magnitudes.
 *
 * @module
 */

import type { AsciiColumn } from "../../sky/catalogue.ts";
import { type Aperture, APERTURES, CIRCULAR_APERTURES } from "./apertures.ts";
import type { ImagePhotometry } from "./measure_image.ts";
import { type ApertureFluxes, magErrorOf, magOf, NO_MAG } from "./photometry.ts";
import type { ZeroPoint } from "./zero_point.ts";

/** Source Extractor's columns that are kept: name, digits, unit, meaning. */
const KEPT: readonly (readonly [name: string, digits: number, unit: string, comment: string])[] = [
  ["KRON_RADIUS", 3, "", "Kron aperture in units of A or B"],
  ["FLUX_RADIUS", 4, "pixel", "Half-light radius"],
  ["FLUX_MAX", 3, "count", "Peak flux above background"],
  ["MU_MAX", 4, "mag * arcsec**(-2)", "Instrumental peak surface brightness"],
  ["BACKGROUND", 4, "count", "Background at the centroid"],
  ["THRESHOLD", 4, "count", "Detection threshold above background"],
  ["ISOAREA_IMAGE", 0, "pixel**2", "Isophotal area"],
  ["A_IMAGE", 3, "pixel", "Profile RMS along major axis"],
  ["B_IMAGE", 3, "pixel", "Profile RMS along minor axis"],
  ["THETA_IMAGE", 2, "deg", "Position angle (CCW/x)"],
  ["ELLIPTICITY", 4, "", "1 - B_IMAGE/A_IMAGE"],
  ["ELONGATION", 4, "", "A_IMAGE/B_IMAGE"],
  ["FWHM_IMAGE", 3, "pixel", "FWHM assuming a gaussian core"],
  ["FWHM_WORLD", 9, "deg", "FWHM assuming a gaussian core"],
  ["CLASS_STAR", 3, "", "S/G classifier output"],
  ["FLAGS", 0, "", "Extraction flags"],
  ["IMAFLAGS_ISO", 0, "", "1 where masked pixels lie under the source"],
];

/**
 * Makes the columns of a catalogue.
 *
 * `MAG_x`, `MAGERR_x` are Source Extractor's instrumental magnitudes (zero point 0);
 * `MAG_x_cal` is `MAG_x` plus the zero point of the aperture, `MAGERR_x_cal` joins the
 * measured noise of the sky, the source's own and the zero point's error. 99 = none.
 *
 * @param measured What was measured.
 * @returns Columns in the order of the file.
 */
export function catalogueColumns(measured: ImagePhotometry): AsciiColumn[] {
  const { table } = measured;
  const kept = KEPT.filter(([name]) => table.has(name)).map((
    [name, digits, unit, comment],
  ): AsciiColumn => ({
    name,
    digits,
    ...(unit ? { unit } : {}),
    comment,
    values: table.column(name),
  }));
  return [
    { name: "NUMBER", digits: 0, comment: "Running object number", values: table.column("NUMBER") },
    position("ALPHA_J2000", measured.raDeg, "deg", 8, "Right ascension (ICRS)"),
    position("DELTA_J2000", measured.decDeg, "deg", 8, "Declination (ICRS)"),
    position("X_IMAGE", table.column("X_IMAGE"), "pixel", 4, "Position along x, first pixel 1"),
    position("Y_IMAGE", table.column("Y_IMAGE"), "pixel", 4, "Position along y, first pixel 1"),
    ...APERTURES.flatMap((aperture, a) => instrumentalColumns(aperture, a, measured)),
    ...APERTURES.flatMap((aperture, a) =>
      calibratedColumns(aperture, measured.fluxes[a], measured.calibration[a]?.zeroPoint ?? null)
    ),
    ...kept,
  ];
}

/**
 * Makes the calibrated columns of one aperture.
 *
 * @param aperture The aperture.
 * @param fluxes Fluxes and errors, ADU.
 * @param zeroPoint Its zero point; without one all values are 99.
 * @returns `MAG_x_cal` and `MAGERR_x_cal`.
 */
export function calibratedColumns(
  aperture: Aperture,
  fluxes: ApertureFluxes | undefined,
  zeroPoint: Pick<ZeroPoint, "mag" | "errorMag"> | null,
): AsciiColumn[] {
  const flux = fluxes?.flux ?? new Float64Array();
  const fluxError = fluxes?.fluxError ?? new Float64Array();
  const mags = flux.map((value) => zeroPoint ? orNone(magOf(value, zeroPoint.mag)) : NO_MAG);
  const errors = flux.map((value, i) =>
    zeroPoint
      ? orNone(Math.hypot(magErrorOf(value, fluxError[i] ?? NaN), zeroPoint.errorMag))
      : NO_MAG
  );
  return [
    magnitude(`MAG_${aperture.column}_cal`, mags, `Calibrated, ${aperture.label}`),
    magnitude(`MAGERR_${aperture.column}_cal`, errors, "Its error, zero point included"),
  ];
}

function instrumentalColumns(
  aperture: Aperture,
  index: number,
  { table }: ImagePhotometry,
): AsciiColumn[] {
  const values = (quantity: string): ArrayLike<number> =>
    index === 0
      ? table.column(`${quantity}_AUTO`)
      : strided(table.values(`${quantity}_APER`), index - 1, table.rows);
  const { column, label } = aperture;
  return [
    {
      name: `FLUX_${column}`,
      digits: 3,
      unit: "count",
      comment: `Flux, ${label}`,
      values: values("FLUX"),
    },
    {
      name: `FLUXERR_${column}`,
      digits: 3,
      unit: "count",
      comment: "RMS error",
      values: values("FLUXERR"),
    },
    magnitude(`MAG_${column}`, values("MAG"), `Instrumental magnitude, ${label}`),
    magnitude(`MAGERR_${column}`, values("MAGERR"), "RMS error"),
  ];
}

function strided(flat: ArrayLike<number>, offset: number, rows: number): Float64Array {
  const step = CIRCULAR_APERTURES.length;
  return Float64Array.from({ length: rows }, (_, i) => flat[i * step + offset] ?? NaN);
}

function position(
  name: string,
  values: ArrayLike<number>,
  unit: string,
  digits: number,
  comment: string,
): AsciiColumn {
  return { name, values, unit, digits, comment };
}

function magnitude(name: string, values: ArrayLike<number>, comment: string): AsciiColumn {
  return { name, values, unit: "mag", digits: 4, comment };
}

function orNone(mag: number): number {
  return Number.isFinite(mag) ? mag : NO_MAG;
}
