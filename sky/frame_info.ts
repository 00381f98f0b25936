/**
 * What a frame says of itself: kind, target, filter, exposure, time, pointing.
 *
 * Telescopes write their headers in many ways; the ways met in real frames are
 * understood here, and nowhere else.
 *
 * @module
 */

import { basename } from "node:path";
import { DataError } from "../config/errors.ts";
import type { FitsHeader } from "../fits/header.ts";
import { parseDec, parseRa } from "./angle.ts";
import { airmass, mjdToIso, type SitePosition } from "./time.ts";
import { HeaderCards } from "./_header_cards.ts";
import { readStart } from "./_start_time.ts";

/** What a frame was taken for. */
export type ImageType = "bias" | "dark" | "flat" | "light";

/** A correction of what telescopes write: a card's value to be taken as another. */
export interface HeaderCorrection {
  /** Code of the telescope, `*` for any. */
  readonly unit: string;
  /** Name of the card. */
  readonly keyword: string;
  /** The value found, `*` for any, present or not. */
  readonly from: string;
  /** The value to take. */
  readonly to: string;
}

/** What a frame says of itself. */
export interface FrameInfo {
  /** Code of the telescope; the TELESCOP card where no code is known. */
  readonly unit: string;
  /** Target; the kind in capitals for calibration frames without one, else `unknown`. */
  readonly object: string;
  /** What it was taken for. */
  readonly imageType: ImageType;
  /** Without blanks; undefined where the frame has no such card. */
  readonly filter?: string;
  /** Exposure time; 0 for a bias without one. */
  readonly exposureS: number;
  /** Start of the exposure, UTC, ISO 8601. */
  readonly dateObs: string;
  /** Start of the exposure, UTC, days. */
  readonly mjd: number;
  /** Pointing; undefined where the frame has none that can be read. */
  readonly raDeg?: number;
  /** Pointing; there with `raDeg` or not at all. */
  readonly decDeg?: number;
  /** Electrons an ADU. */
  readonly gain?: number;
  /** The camera's gain setting, where GAIN holds one instead of electrons an ADU. */
  readonly gainSetting?: number;
  /** Such as "1x1". */
  readonly binning: string;
  /** Of the detector. */
  readonly temperatureC?: number;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** At mid-exposure, computed where site and pointing are known, else the card. */
  readonly airmass?: number;
  /** The INSTRUME card. */
  readonly instrument?: string;
}

/** What is known besides the header. */
export interface FrameInfoOptions {
  /** The file, for messages and for a unit code in its name. */
  readonly path: string;
  /** Code of the telescope, if known. */
  readonly unit?: string;
  /** Header of the HDU of the pixels, when the cards stand in the primary header. */
  readonly extension?: FitsHeader;
  /** Where the telescope stands. */
  readonly site?: SitePosition;
}

/** GAIN above this is a setting of the camera, not electrons an ADU. */
const LARGEST_GAIN = 50;
/** A temperature above this is in kelvin. */
const LARGEST_CELSIUS = 100;

/**
 * Reads what a frame says of itself.
 *
 * @param header Primary header, or that of the image.
 * @param rules Corrections of cards for this telescope.
 * @param options File, telescope, second header, site.
 * @returns The facts; those that are optional are left out where the frame lacks them.
 * @throws {DataError} If time, exposure, size or kind cannot be had; it names file and card.
 */
export function readFrameInfo(
  header: FitsHeader,
  rules: readonly HeaderCorrection[],
  options: FrameInfoOptions,
): FrameInfo {
  const unit = options.unit ?? unitOf(header, options.path);
  const cards = new HeaderCards(
    correctHeader(header, rules, unit),
    options.extension && correctHeader(options.extension, rules, unit),
    options.path,
  );
  const exposure = cards.number("EXPTIME", "EXPOSURE", "EXP_TIME", "ITIME");
  const imageType = imageTypeOf(cards, exposure);
  if (exposure === undefined && imageType !== "bias") throw cards.missing("EXPTIME");
  const exposureS = exposure ?? 0;
  if (!(exposureS >= 0)) throw cards.bad("EXPTIME", exposureS);
  const mjd = readStart(cards);
  const filter = filterOf(cards);
  const gain = gainOf(cards);
  const temperatureC = temperatureOf(cards);
  const pointing = pointingOf(cards);
  const air = airmassOf(cards, pointing, mjd + exposureS / 2 / 86400, options.site);
  const instrument = cards.text("INSTRUME");
  return {
    unit,
    object: objectOf(cards, imageType),
    imageType,
    exposureS,
    dateObs: mjdToIso(mjd),
    mjd,
    binning: binningOf(cards),
    width: sizeOf(cards, 1),
    height: sizeOf(cards, 2),
    ...pointing,
    ...gain,
    ...(filter !== undefined && { filter }),
    ...(temperatureC !== undefined && { temperatureC }),
    ...(air !== undefined && { airmass: air }),
    ...(instrument !== undefined && { instrument }),
  };
}

/**
 * Applies corrections to a copy of a header; for each card the first that fits wins.
 *
 * @param header Not changed.
 * @param rules Corrections; those of other telescopes are passed over.
 * @param unit Code of the telescope.
 * @returns The corrected copy.
 */
export function correctHeader(
  header: FitsHeader,
  rules: readonly HeaderCorrection[],
  unit: string,
): FitsHeader {
  const corrected = header.clone();
  const done = new Set<string>();
  for (const rule of rules) {
    if ((rule.unit !== "*" && rule.unit !== unit) || done.has(rule.keyword)) continue;
    const value = corrected.get(rule.keyword);
    const matches = rule.from === "*" ||
      (value !== undefined && sameValue(String(value ?? "").trim(), rule.from.trim()));
    if (!matches) continue;
    corrected.set(rule.keyword, asNumber(rule.to, value));
    done.add(rule.keyword);
  }
  return corrected;
}

function sameValue(a: string, b: string): boolean {
  return a === b || (a !== "" && b !== "" && Number(a) === Number(b));
}

/** Keeps a card a number where it was one or did not exist. */
function asNumber(text: string, old: unknown): string | number {
  const number = Number(text);
  return typeof old !== "string" && text.trim() !== "" && Number.isFinite(number) ? number : text;
}

function unitOf(header: FitsHeader, path: string): string {
  const telescope = header.text("TELESCOP")?.trim() ?? "";
  const code = /7DT\d{2}/.exec(telescope) ?? /^7DT\d{2}/.exec(basename(path));
  return code?.[0] ?? (telescope === "" ? "unknown" : telescope);
}

/** Words of IMAGETYP, OBSTYPE and the like, in the order they are tried. */
const TYPE_WORDS: readonly (readonly [RegExp, ImageType])[] = [
  [/\b(?:bias|zero|offset)/i, "bias"],
  [/dark/i, "dark"],
  [/flat/i, "flat"],
  [/light|object|science|expose|target|\bobj\b|\bsci\b|standard/i, "light"],
];

/** Names that observers give to calibration frames; "Dark Cloud" is none. */
const CALIBRATION_NAME = /^(?:bias|zero|dark|(?:dome|sky|twilight)?flat)s?(?:[_-]\w*)?$/i;

function imageTypeOf(cards: HeaderCards, exposure: number | undefined): ImageType {
  for (const keyword of ["IMAGETYP", "IMAGETYPE", "OBSTYPE", "FRAMETYP", "FRAME"]) {
    const text = cards.text(keyword);
    if (text === undefined) continue;
    const known = TYPE_WORDS.find(([words]) => words.test(text));
    if (known === undefined) throw cards.bad(keyword, text);
    return known[1];
  }
  const object = cards.text("OBJECT") ?? "";
  const named = CALIBRATION_NAME.test(object) &&
    TYPE_WORDS.find(([words]) => words.test(object));
  if (named) return named[1];
  return exposure === 0 ? "bias" : "light";
}

function objectOf(cards: HeaderCards, imageType: ImageType): string {
  const named = cards.text("OBJECT", "OBJNAME", "TARGET", "FIELD");
  return named ?? (imageType === "light" ? "unknown" : imageType.toUpperCase());
}

function filterOf(cards: HeaderCards): string | undefined {
  const text = cards.text("FILTER", "FILTERS", "FILTNAM", "FILTER1", "FILTER2");
  // DECam writes "z DECam SDSS c0004 9260.0 1520.0".
  return text?.replace(/\s+DECam\b.*$/i, "").replace(/\s+/g, "");
}

function gainOf(cards: HeaderCards): Pick<FrameInfo, "gain" | "gainSetting"> {
  const electrons = cards.number("EGAIN");
  const card = cards.number("GAIN", "GAINA");
  const isSetting = card !== undefined && (card > LARGEST_GAIN || (electrons ?? 0) > 0);
  const gain = (electrons ?? 0) > 0 ? electrons : isSetting ? undefined : card;
  return {
    ...(gain !== undefined && gain > 0 && { gain }),
    ...(isSetting && card !== electrons && { gainSetting: card }),
  };
}

function temperatureOf(cards: HeaderCards): number | undefined {
  const value = cards.number("CCD-TEMP", "CCDATEMP", "CCDTEMP", "CAMTEMP", "DET-TEMP") ??
    cards.number("SET-TEMP");
  return value !== undefined && value > LARGEST_CELSIUS ? value - 273.15 : value;
}

function binningOf(cards: HeaderCards): string {
  const [x, y] = [cards.number("XBINNING", "CCDBIN1"), cards.number("YBINNING", "CCDBIN2")];
  if (x !== undefined) return `${x}x${y ?? x}`;
  const pair = /^(\d+)\s*[ x,]\s*(\d+)$/i.exec(cards.text("CCDSUM", "BINNING") ?? "");
  return pair === null ? "1x1" : `${pair[1]}x${pair[2]}`;
}

function sizeOf(cards: HeaderCards, axis: 1 | 2): number {
  const size = cards.size(axis);
  if (size === undefined) throw cards.missing(`NAXIS${axis}`);
  return size;
}

/** The first pair of cards that can be read; what cannot be read counts as absent. */
function pointingOf(cards: HeaderCards): Pick<FrameInfo, "raDeg" | "decDeg"> {
  for (const [ra, dec] of [["RA", "DEC"], ["OBJCTRA", "OBJCTDEC"], ["CRVAL1", "CRVAL2"]] as const) {
    const [raValue, decValue] = [cards.scalar(ra), cards.scalar(dec)];
    if (raValue === undefined || decValue === undefined) continue;
    if (ra === "CRVAL1" && !cards.text("CTYPE1")?.startsWith("RA")) continue;
    try {
      return { raDeg: parseRa(raValue), decDeg: parseDec(decValue) };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  return {};
}

function airmassOf(
  cards: HeaderCards,
  { raDeg, decDeg }: Pick<FrameInfo, "raDeg" | "decDeg">,
  mjd: number,
  site: SitePosition | undefined,
): number | undefined {
  if (site !== undefined && raDeg !== undefined && decDeg !== undefined) {
    const computed = airmass(raDeg, decDeg, mjd, site);
    if (Number.isFinite(computed)) return computed;
  }
  const card = cards.number("AIRMASS", "SECZ");
  return card !== undefined && card >= 1 ? card : undefined;
}
