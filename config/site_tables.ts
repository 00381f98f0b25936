/**
 * The tables of a site: telescope units, cameras, fringe frames, targets and
 * corrections of headers.
 *
 * @module
 */

import * as z from "zod";
import { once } from "./once.ts";
import { angleCell, numberWithin, type TableSpec, textCell } from "./table.ts";

/** One telescope with its camera, as `obs.dat` gives it. */
export interface Unit {
  /** Code such as `7DT07`. */
  readonly code: string;
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Read noise of one pixel, electrons. */
  readonly readNoiseE: number;
  /** Side of a pixel, unbinned. */
  readonly pixelScaleArcsec: number;
  /** Width and height of the field. */
  readonly fieldDeg: readonly [number, number];
  /** Position angle of the image's +y axis, from north through east. */
  readonly rotationDeg: number;
  /** 1: east is left when north is up, as on the sky (CD determinant < 0); −1: mirrored. */
  readonly parity: 1 | -1;
  /** Geodetic latitude of the site, north positive. */
  readonly latDeg: number;
  /** Longitude of the site, east positive. */
  readonly lonDeg: number;
  /** Height above sea level. */
  readonly heightM: number;
  /** Raw level at and above which a pixel is not trusted. */
  readonly saturationAdu: number;
  /** Columns of the unbinned, trimmed detector. */
  readonly width?: number;
  /** Rows of the unbinned, trimmed detector. */
  readonly height?: number;
}

/** Properties of a camera at one gain setting, as `ccd.dat` gives them. */
export interface Camera {
  /** Code of the unit, or `*` for all. */
  readonly unit: string;
  /** The driver's gain setting, such as 2750; undefined for a camera with one gain. */
  readonly gainSetting?: number;
  /** Type of the camera. */
  readonly name: string;
  /** Side of a pixel. */
  readonly pixelUm: number;
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Read noise of one pixel, electrons. */
  readonly readNoiseE: number;
  /** Raw level at and above which a pixel is not trusted. */
  readonly saturationAdu: number;
  /** Dark current of one pixel at the working temperature, electrons a second. */
  readonly darkES: number;
  /** Working temperature. */
  readonly temperatureC?: number;
  /** Overscan region `[x1:x2,y1:y2]`, 1-based and inclusive as in FITS. */
  readonly overscan?: string;
  /** Region of useful pixels, in the same form. */
  readonly trim?: string;
}

/** A fringe frame to subtract, as `fringe.dat` gives it. */
export interface FringeFrame {
  /** Code of the unit, or `*` for all. */
  readonly unit: string;
  /** Filter of the frames. */
  readonly filter: string;
  /** Fringe pattern, a FITS file under the folder of master frames. */
  readonly image: string;
  /** Pairs of dark and bright points that measure the strength: text, `x1 y1 x2 y2` a line. */
  readonly pairs?: string;
}

/** A field on the sky, as `alltarget.dat` gives it. */
export interface Target {
  /** Name as in the OBJECT card. */
  readonly object: string;
  /** Right ascension of the centre, J2000. */
  readonly raDeg: number;
  /** Declination of the centre, J2000. */
  readonly decDeg: number;
  /** Anything. */
  readonly note?: string;
}

/** A correction of a header card, as `changehdr.dat` gives it. Rules apply in order. */
export interface HeaderRule {
  /** Code of the unit, or `*` for all. */
  readonly unit: string;
  /** Name of the card. */
  readonly keyword: string;
  /** Value that is replaced; `*` stands for any value, or none. */
  readonly from: string;
  /** The value in its place. */
  readonly to: string;
}

type Cells = Readonly<Record<string, unknown>>;

/** Drops what is undefined, so that optional properties are absent. */
function present<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as T;
}

const positive = () => numberWithin({ above: 0 });
const section = () => textCell.regex(/^\[\d+:\d+,\d+:\d+\]$/, "not a region such as [1:10,1:520]");

const obsColumns = once(() =>
  z.object({
    unit: textCell.regex(/^\w+$/, "not a code of letters and digits").describe("Telescope code"),
    gain_e_adu: positive().describe("Gain, electrons an ADU"),
    read_noise_e: numberWithin({ min: 0 }).describe("Read noise, electrons"),
    pixel_scale_arcsec: positive().describe("Pixel scale"),
    field_w_deg: positive().optional().describe("Width of the field; from the detector if -"),
    field_h_deg: positive().optional().describe("Height of the field; from the detector if -"),
    rotation_deg: numberWithin({ min: -360, max: 360 }).describe(
      "Position angle of +y, N through E",
    ),
    parity: textCell.regex(/^[+-]?1$/, "must be 1 or -1").transform((text): 1 | -1 =>
      text === "-1" ? -1 : 1
    ).describe("1 as on the sky, -1 mirrored"),
    lat_deg: numberWithin({ min: -90, max: 90 }).describe("Latitude, north positive"),
    lon_deg: numberWithin({ min: -180, max: 360 }).describe("Longitude, east positive"),
    height_m: numberWithin({ min: -500, max: 9000 }).describe("Height above sea level"),
    saturation_adu: positive().describe("Raw level from which pixels are not trusted"),
    width_px: numberWithin({ min: 1, integer: true }).optional().describe("Columns, unbinned"),
    height_px: numberWithin({ min: 1, integer: true }).optional().describe("Rows, unbinned"),
  }).superRefine((row, context) => {
    for (
      const [field, size] of [["field_w_deg", "width_px"], ["field_h_deg", "height_px"]] as const
    ) {
      if (row[field] === undefined && row[size] === undefined) {
        context.addIssue({
          code: "custom",
          path: [field],
          message: `needs a value, or ${size} one`,
        });
      }
    }
  })
);

/** `obs.dat`: one telescope unit a row. */
export const obsTable: TableSpec<Unit> = {
  file: "obs.dat",
  columns: obsColumns,
  key: (unit) => unit.code,
  toRow(cells: Cells): Unit {
    const row = cells as z.output<ReturnType<typeof obsColumns>>;
    const degPx = row.pixel_scale_arcsec / 3600;
    return present({
      code: row.unit,
      gainEAdu: row.gain_e_adu,
      readNoiseE: row.read_noise_e,
      pixelScaleArcsec: row.pixel_scale_arcsec,
      fieldDeg: [
        row.field_w_deg ?? (row.width_px ?? 0) * degPx,
        row.field_h_deg ?? (row.height_px ?? 0) * degPx,
      ] as const,
      rotationDeg: row.rotation_deg,
      parity: row.parity,
      latDeg: row.lat_deg,
      lonDeg: row.lon_deg > 180 ? row.lon_deg - 360 : row.lon_deg,
      heightM: row.height_m,
      saturationAdu: row.saturation_adu,
      ...(row.width_px === undefined ? {} : { width: row.width_px }),
      ...(row.height_px === undefined ? {} : { height: row.height_px }),
    });
  },
};

const ccdColumns = once(() =>
  z.object({
    unit: textCell.describe("Telescope code, * for all"),
    gain_setting: numberWithin({ min: 0, integer: true }).optional().describe("Driver's setting"),
    camera: textCell.describe("Camera"),
    pixel_um: positive().describe("Pixel size"),
    gain_e_adu: positive().describe("Gain, electrons an ADU"),
    read_noise_e: numberWithin({ min: 0 }).describe("Read noise, electrons"),
    saturation_adu: positive().describe("Raw level from which pixels are not trusted"),
    dark_e_s: numberWithin({ min: 0 }).describe("Dark current, electrons a pixel and second"),
    temperature_c: numberWithin({ min: -273.15, max: 60 }).optional().describe(
      "Working temperature",
    ),
    overscan: section().optional().describe("Overscan region"),
    trim: section().optional().describe("Region of useful pixels"),
  })
);

/** `ccd.dat`: one camera and gain setting a row. */
export const ccdTable: TableSpec<Camera> = {
  file: "ccd.dat",
  columns: ccdColumns,
  key: ({ unit, gainSetting }) =>
    gainSetting === undefined ? unit : `${unit} at gain setting ${gainSetting}`,
  toRow(cells: Cells): Camera {
    const row = cells as z.output<ReturnType<typeof ccdColumns>>;
    return {
      unit: row.unit,
      name: row.camera,
      pixelUm: row.pixel_um,
      gainEAdu: row.gain_e_adu,
      readNoiseE: row.read_noise_e,
      saturationAdu: row.saturation_adu,
      darkES: row.dark_e_s,
      ...(row.gain_setting === undefined ? {} : { gainSetting: row.gain_setting }),
      ...(row.temperature_c === undefined ? {} : { temperatureC: row.temperature_c }),
      ...(row.overscan === undefined ? {} : { overscan: row.overscan }),
      ...(row.trim === undefined ? {} : { trim: row.trim }),
    };
  },
};

const fringeColumns = once(() =>
  z.object({
    unit: textCell.describe("Telescope code, * for all"),
    filter: textCell.describe("Filter"),
    image: textCell.describe("Fringe pattern, FITS"),
    pairs: textCell.optional().describe("Pairs of points that measure its strength"),
  })
);

/** `fringe.dat`: one fringe pattern a row. */
export const fringeTable: TableSpec<FringeFrame> = {
  file: "fringe.dat",
  columns: fringeColumns,
  key: (fringe) => `${fringe.unit} ${fringe.filter}`,
  toRow: (cells: Cells): FringeFrame =>
    present({ ...(cells as z.output<ReturnType<typeof fringeColumns>>) }) as FringeFrame,
};

const targetColumns = once(() =>
  z.object({
    object: textCell.describe("Name as in the OBJECT card"),
    ra: angleCell("ra").describe("Right ascension J2000: degrees, or hours as hh:mm:ss"),
    dec: angleCell("dec").describe("Declination J2000: degrees, or dd:mm:ss"),
    note: textCell.optional().describe("Anything"),
  })
);

/** `alltarget.dat`: one field on the sky a row. */
export const targetTable: TableSpec<Target> = {
  file: "alltarget.dat",
  columns: targetColumns,
  key: (target) => target.object,
  toRow(cells: Cells): Target {
    const row = cells as z.output<ReturnType<typeof targetColumns>>;
    return {
      object: row.object,
      raDeg: row.ra,
      decDeg: row.dec,
      ...(row.note === undefined ? {} : { note: row.note }),
    };
  },
};

const ruleColumns = once(() =>
  z.object({
    unit: textCell.describe("Telescope code, * for all"),
    keyword: textCell.regex(/^[A-Z0-9_-]{1,8}$/, "not a FITS keyword").describe("Card"),
    from: textCell.describe("Value that is replaced, * for any"),
    to: textCell.describe("The value in its place"),
  })
);

/** `changehdr.dat`: one correction of a header card a row. */
export const ruleTable: TableSpec<HeaderRule> = {
  file: "changehdr.dat",
  columns: ruleColumns,
  key: (rule) => `${rule.unit} ${rule.keyword} ${rule.from}`,
  toRow: (cells: Cells): HeaderRule => ({ ...(cells as z.output<ReturnType<typeof ruleColumns>>) }),
};
