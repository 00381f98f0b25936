/**
 * Times of observation: UTC as modified Julian days, nights, sidereal time, airmass.
 *
 * A modified Julian day in float64 resolves about a microsecond.
 *
 * @module
 */

import { AstroTime, RotateVector, Rotation_EQJ_EQD, SiderealTime, Vector } from "astronomy-engine";
import { DataError } from "../config/errors.ts";
import { RADIANS, wrapDeg } from "./angle.ts";

/** Modified Julian day of 1970-01-01. */
const MJD_OF_UNIX = 40587;
/** Modified Julian day of 2000-01-01T12:00. */
const MJD_OF_J2000 = 51544.5;
const DAY_MS = 86_400_000;

/** A place on Earth. */
export interface SitePosition {
  /** Geodetic, north positive. */
  readonly latDeg: number;
  /** East positive. */
  readonly lonDeg: number;
  /** Above the sea, m. */
  readonly heightM: number;
}

const DATE = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})$/;
const OLD_DATE = /^(\d{1,2})\/(\d{1,2})\/(\d{2})$/;
const TIME = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?\s*(Z|UTC?|[+-]\d{2}:?\d{2})?$/i;

/**
 * Reads a time of observation as UTC.
 *
 * Takes ISO 8601 with or without an offset ("…T18:33:43.317-0700"; none means
 * UTC), a date alone with the time in a card of its own, and the form DD/MM/YY of
 * the last century. Where the second text holds a date as well, it is used alone.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(mjdToIso(parseUtc("2013-08-03", "19:28:45")), "2013-08-03T19:28:45.000");
 * assert.equal(mjdToIso(parseUtc("2017-12-19T18:33:43.317-0700")), "2017-12-20T01:33:43.317");
 * ```
 *
 * @param text Date, or date and time.
 * @param utText Time of the day in UTC, used when `text` has none.
 * @returns Modified Julian day.
 * @throws {DataError} If it cannot be read or no such day exists.
 */
export function parseUtc(text: string, utText?: string): number {
  const trimmed = text.trim();
  const [date = "", clock] = trimmed.split(/[T\s]+(.*)/s);
  if (clock !== undefined && clock !== "") return parseDay(date, text) + parseClock(clock, text);
  if (utText === undefined) return parseDay(date, text);
  const ut = utText.trim();
  if (/[T]/.test(ut) && /^\d{4}-/.test(ut)) return parseUtc(ut);
  return parseDay(date, text) + parseClock(ut, `${trimmed} ${ut}`);
}

/**
 * Says whether a text of a date holds a time of the day too.
 *
 * @param text As in a DATE-OBS card.
 * @returns False for a date alone.
 */
export function hasClock(text: string): boolean {
  return /[T\s]\d{1,2}:/.test(text.trim());
}

function parseDay(text: string, whole: string): number {
  const modern = DATE.exec(text);
  const old = modern === null ? OLD_DATE.exec(text) : null;
  const [year, month, day] = modern !== null
    ? [Number(modern[1]), Number(modern[2]), Number(modern[3])]
    : old !== null
    ? [1900 + Number(old[3]), Number(old[2]), Number(old[1])]
    : [NaN, NaN, NaN];
  const time = new Date(Date.UTC(year, month - 1, day));
  if (time.getUTCMonth() !== month - 1 || time.getUTCDate() !== day) {
    throw badTime(whole, Number.isNaN(year) ? "no date in it" : "no such day");
  }
  return time.getTime() / DAY_MS + MJD_OF_UNIX;
}

/** Gives the time of the day in days; an offset from UTC is taken off. */
function parseClock(text: string, whole: string): number {
  const parts = TIME.exec(text.trim());
  if (parts === null) throw badTime(whole, "no time of the day in it");
  const [hours, minutes, seconds] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)];
  if (hours > 24 || minutes > 59 || seconds >= 61) throw badTime(whole, "no such time");
  const offset = /^([+-])(\d{2}):?(\d{2})$/.exec(parts[4] ?? "");
  const offsetMinutes = offset === null
    ? 0
    : (offset[1] === "-" ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  return (hours * 3600 + (minutes - offsetMinutes) * 60 + seconds) / 86400;
}

function badTime(text: string, why: string): DataError {
  return new DataError(`Cannot read time "${text}": ${why}`, { details: { value: text } });
}

/**
 * Reads ISO 8601 as UTC.
 *
 * @param iso Such as "2024-04-23T02:53:12.000".
 * @returns Modified Julian day.
 * @throws {DataError} If it cannot be read.
 */
export function isoToMjd(iso: string): number {
  return parseUtc(iso);
}

/**
 * Writes a time as ISO 8601, UTC, in milliseconds, without a zone, as DATE-OBS wants it.
 *
 * @param mjd Modified Julian day, UTC.
 * @returns Such as "2024-04-23T02:53:12.000".
 */
export function mjdToIso(mjd: number): string {
  return new Date(Math.round((mjd - MJD_OF_UNIX) * DAY_MS)).toISOString().replace("Z", "");
}

/**
 * Names the night of a time by the local date of its evening.
 *
 * @param mjd Modified Julian day, UTC.
 * @param lonDeg East longitude of the place; nights are cut at local mean noon.
 * @returns Such as "2024-04-22".
 */
export function nightOf(mjd: number, lonDeg: number): string {
  return mjdToIso(Math.floor(mjd + lonDeg / 360 - 0.5)).slice(0, 10);
}

/**
 * Gives the apparent sidereal time of a place.
 *
 * @param mjd Modified Julian day, UTC taken for UT1 (at most 0.9 s, 13.5″, off).
 * @param lonDeg East longitude.
 * @returns Degrees in [0, 360).
 */
export function localSiderealDeg(mjd: number, lonDeg: number): number {
  return wrapDeg(SiderealTime(timeOf(mjd)) * 15 + lonDeg);
}

function timeOf(mjd: number): AstroTime {
  return new AstroTime(mjd - MJD_OF_J2000);
}

/**
 * Gives the altitude above the horizon without refraction.
 *
 * Precession and nutation are applied, annual aberration (20″) is not: within
 * 0.01° of astropy's AltAz without pressure.
 *
 * @param position Direction, J2000.
 * @param mjd Modified Julian day, UTC.
 * @param site The place.
 * @returns Degrees, negative below the horizon.
 */
export function altitudeDeg(
  position: { readonly raDeg: number; readonly decDeg: number },
  mjd: number,
  site: SitePosition,
): number {
  const time = timeOf(mjd);
  const cosDec = Math.cos(position.decDeg * RADIANS);
  const j2000 = new Vector(
    cosDec * Math.cos(position.raDeg * RADIANS),
    cosDec * Math.sin(position.raDeg * RADIANS),
    Math.sin(position.decDeg * RADIANS),
    time,
  );
  const ofDate = RotateVector(Rotation_EQJ_EQD(time), j2000);
  const raDeg = Math.atan2(ofDate.y, ofDate.x) / RADIANS;
  const hourAngle = (localSiderealDeg(mjd, site.lonDeg) - raDeg) * RADIANS;
  const lat = site.latDeg * RADIANS;
  const sinAltitude = Math.sin(lat) * ofDate.z +
    Math.cos(lat) * Math.hypot(ofDate.x, ofDate.y) * Math.cos(hourAngle);
  return Math.asin(Math.min(1, Math.max(-1, sinAltitude))) / RADIANS;
}

/**
 * Gives the relative air mass by the formula of Young (1994) for true altitudes.
 *
 * Equals the secant of the zenith distance within 0.4 % down to 30° altitude, 1 % down
 * to 20°, and stays finite at the horizon.
 *
 * @param raDeg Right ascension, J2000.
 * @param decDeg Declination, J2000.
 * @param mjd Modified Julian day, UTC.
 * @param site The place.
 * @returns Air mass, 1 at the zenith; NaN below the horizon.
 */
export function airmass(raDeg: number, decDeg: number, mjd: number, site: SitePosition): number {
  const altitude = altitudeDeg({ raDeg, decDeg }, mjd, site);
  if (altitude < 0) return NaN;
  const c = Math.sin(altitude * RADIANS);
  const top = 1.002432 * c * c + 0.148386 * c + 0.0096467;
  return top / (c * c * c + 0.149864 * c * c + 0.0102963 * c + 0.000303978);
}
