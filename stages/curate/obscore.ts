/**
 * The row of a product in the index of the processed tree, after the IVOA's ObsCore 1.1:
 * its names, types and units where it has a column, and the survey's own columns after them.
 *
 * @module
 */

/** A value in the index. */
export type IndexValue = string | number | null;

/** One column of the index. */
interface Column {
  readonly type: "TEXT" | "REAL" | "INTEGER";
  /** What it holds, with its unit. */
  readonly about: string;
}

const COLUMNS = {
  obs_id: { type: "TEXT", about: "image that the product is or belongs to" },
  product_id: { type: "TEXT", about: "id of the product in the manifest" },
  kind: { type: "TEXT", about: "kind of the product in the manifest" },
  version: { type: "INTEGER", about: "1, or more where a different file of the name was there" },
  dataproduct_type: { type: "TEXT", about: "image, or measurements; null for other files" },
  calib_level: { type: "INTEGER", about: "2 calibrated, 3 combined or subtracted, 4 measured" },
  obs_collection: { type: "TEXT", about: "telescope and night" },
  target_name: { type: "TEXT", about: "object" },
  s_ra: { type: "REAL", about: "right ascension of the centre, ICRS, deg" },
  s_dec: { type: "REAL", about: "declination of the centre, ICRS, deg" },
  s_fov: { type: "REAL", about: "diameter of the circle around the field, deg" },
  s_region: { type: "TEXT", about: "corners of the field, STC-S polygon, ICRS, deg" },
  s_resolution: { type: "REAL", about: "seeing (FWHM), arcsec" },
  s_xel1: { type: "INTEGER", about: "columns, px" },
  s_xel2: { type: "INTEGER", about: "rows, px" },
  t_min: { type: "REAL", about: "start of the first exposure, UTC, MJD" },
  t_max: { type: "REAL", about: "end of the last exposure, UTC, MJD" },
  t_exptime: { type: "REAL", about: "exposure, all frames together, s" },
  em_min: { type: "REAL", about: "short end of the filter, m" },
  em_max: { type: "REAL", about: "long end of the filter, m" },
  em_filter: { type: "TEXT", about: "filter" },
  facility_name: { type: "TEXT", about: "TELESCOP, else the unit" },
  instrument_name: { type: "TEXT", about: "INSTRUME, else the unit" },
  access_url: { type: "TEXT", about: "path from the folder of the index" },
  access_format: { type: "TEXT", about: "media type" },
  access_estsize: { type: "INTEGER", about: "size, kB rounded up" },
  bytes: { type: "INTEGER", about: "size, bytes" },
  sha256: { type: "TEXT", about: "digest, hexadecimal" },
  unit: { type: "TEXT", about: "telescope" },
  night: { type: "TEXT", about: "night, YYYY-MM-DD" },
  made_by: { type: "TEXT", about: "stage that made it" },
  frames: { type: "INTEGER", about: "frames that went into it" },
  seeing: { type: "REAL", about: "FWHM, arcsec" },
  ellipticity: { type: "REAL", about: "median of the stars" },
  depth: { type: "REAL", about: "5σ depth, mag" },
  zero_point: { type: "REAL", about: "of AUTO magnitudes, mag" },
  zero_point_error: { type: "REAL", about: "mag" },
  zero_point_stars: { type: "INTEGER", about: "stars in the zero point" },
  astrom_rms: { type: "REAL", about: "rms to the reference, arcsec" },
  sky: { type: "REAL", about: "background, ADU" },
  sky_sigma: { type: "REAL", about: "its noise, ADU" },
  gates: { type: "TEXT", about: "worst verdict: pass, degraded, fail; null without gates" },
  manifest: { type: "TEXT", about: "manifest of the night that holds the product" },
  indexed: { type: "TEXT", about: "when the row was written, UTC" },
} as const satisfies Record<string, Column>;

/** Name of a column. */
export type ColumnName = keyof typeof COLUMNS;

/** One product in the index. */
export type IndexRow = Readonly<Record<ColumnName, IndexValue>>;

/** Names of all columns, in order. */
export const COLUMN_NAMES: readonly ColumnName[] = Object.keys(COLUMNS) as ColumnName[];

/**
 * What the columns of the index are.
 *
 * @returns Type and meaning by name.
 */
export function describeColumns(): Readonly<Record<ColumnName, Column>> {
  return COLUMNS;
}

/** Full width of a 7DT medium-band filter, nm. */
const MEDIUM_BAND_NM = 25;
/** Effective wavelength and full width at half maximum of the SDSS filters, nm (Fukugita 1996). */
const SDSS_NM: Readonly<Record<string, readonly [number, number]>> = {
  u: [355.7, 59.9],
  g: [482.5, 137.9],
  r: [626.1, 138.2],
  i: [767.2, 153.5],
  z: [909.7, 137],
};

/**
 * The wavelengths that a filter lets through.
 *
 * @param filter Such as `m600` (central wavelength in nm, 25 nm wide) or an SDSS filter.
 * @returns Short and long end in metres; undefined for a filter that is not known.
 */
export function passBandM(filter: string): readonly [number, number] | undefined {
  const medium = /^m(\d{3,4})$/.exec(filter);
  const [centre, width] = medium
    ? [Number(medium[1]), MEDIUM_BAND_NM]
    : SDSS_NM[filter.replace(/['’]$/, "")] ?? [0, 0];
  if (centre === 0) return undefined;
  const metres = (nm: number) => Number((nm * 1e-9).toPrecision(6));
  return [metres(centre - width / 2), metres(centre + width / 2)];
}

const FORMATS: Readonly<Record<string, string>> = {
  fits: "image/fits",
  fz: "image/fits",
  png: "image/png",
  csv: "text/csv",
  json: "application/json",
};

/**
 * The media type of a file.
 *
 * @param path Its path.
 * @returns By the end of its name; `text/plain` for catalogues, regions and headers.
 */
export function mediaType(path: string): string {
  return FORMATS[path.split(".").at(-1)?.toLowerCase() ?? ""] ?? "text/plain";
}
