/**
 * Angles on the sky: reading, writing, measuring.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";

/** Degrees to radians. */
export const RADIANS = Math.PI / 180;

/**
 * Brings an angle into [0, 360).
 *
 * @param degrees Any angle.
 * @returns The same direction, at least 0 and below 360.
 */
export function wrapDeg(degrees: number): number {
  const wrapped = degrees % 360;
  if (wrapped < 0) return wrapped + 360 === 360 ? 0 : wrapped + 360;
  return wrapped + 0;
}

/**
 * Brings a difference of angles into [-180, 180).
 *
 * @param degrees Any difference.
 * @returns The same difference the short way round.
 */
export function wrapDifferenceDeg(degrees: number): number {
  return wrapDeg(degrees + 180) - 180;
}

/** A position on the sky, equatorial, degrees. */
export interface SkyPosition {
  /** Right ascension. */
  readonly raDeg: number;
  /** Declination. */
  readonly decDeg: number;
}

/**
 * Measures the angle between two directions, exact from the smallest to 180°.
 *
 * @param a One direction.
 * @param b The other.
 * @returns The angle in degrees (Vincenty's form on the sphere).
 */
export function separationDeg(a: SkyPosition, b: SkyPosition): number {
  const delta = (b.raDeg - a.raDeg) * RADIANS;
  const [sinA, cosA] = [Math.sin(a.decDeg * RADIANS), Math.cos(a.decDeg * RADIANS)];
  const [sinB, cosB] = [Math.sin(b.decDeg * RADIANS), Math.cos(b.decDeg * RADIANS)];
  const cosDelta = Math.cos(delta);
  const across = Math.hypot(cosB * Math.sin(delta), cosA * sinB - sinA * cosB * cosDelta);
  return Math.atan2(across, sinA * sinB + cosA * cosB * cosDelta) / RADIANS;
}

/** Sign, whole, minutes and, if given, seconds, parted by colons, blanks or letters. */
const SEXAGESIMAL = new RegExp(
  String.raw`^([+-])?\s*(\d+)(?::\s*|\s+|\s*[hd°]\s*)(\d+(?:\.\d*)?)` +
    String.raw`(?:(?::\s*|\s+|\s*[m'′]\s*)(\d+(?:\.\d*)?)?)?\s*["″s]?$`,
  "i",
);
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?$/;

/**
 * Reads a right ascension.
 *
 * Sexagesimal text is in hours ("05:32:11.1", "05 32 11", "5h32m11s"), a plain
 * number is in degrees, whether it comes as a number or as text.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(parseRa(" 18:15:00"), 273.75);
 * assert.equal(parseRa("31.312099"), 31.312099);
 * ```
 *
 * @param value Text or degrees.
 * @returns Degrees in [0, 360).
 * @throws {DataError} If it is neither form or out of range.
 */
export function parseRa(value: string | number): number {
  const { number, sexagesimal } = parseAngle(value, "right ascension");
  const degrees = sexagesimal ? number * 15 : number;
  if (sexagesimal ? degrees < 0 || degrees > 360 : degrees < -180 || degrees > 360) {
    throw badAngle(value, "right ascension", "out of range");
  }
  return wrapDeg(degrees);
}

/**
 * Reads a declination, in degrees whether sexagesimal or decimal.
 *
 * @param value Text ("-25:17:06", "+31 54 48.0") or degrees.
 * @returns Degrees in [-90, 90].
 * @throws {DataError} If it is neither form or out of range.
 */
export function parseDec(value: string | number): number {
  const { number } = parseAngle(value, "declination");
  if (Math.abs(number) > 90) throw badAngle(value, "declination", "out of range");
  return number;
}

/**
 * Reads any angle in degrees, sexagesimal or decimal (a latitude, a longitude).
 *
 * @param value Text or degrees.
 * @returns Degrees.
 * @throws {DataError} If it is neither form.
 */
export function parseDegrees(value: string | number): number {
  return parseAngle(value, "angle").number;
}

function parseAngle(
  value: string | number,
  what: string,
): { number: number; sexagesimal: boolean } {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw badAngle(value, what, "not a number");
    return { number: value, sexagesimal: false };
  }
  const text = value.trim();
  if (DECIMAL.test(text)) return { number: Number(text.replace(/d/i, "e")), sexagesimal: false };
  const parts = SEXAGESIMAL.exec(text);
  if (parts === null) throw badAngle(value, what, "neither sexagesimal nor decimal");
  const [whole, minutes, seconds] = [Number(parts[2]), Number(parts[3]), Number(parts[4] ?? 0)];
  if (minutes >= 60 || seconds > 60) throw badAngle(value, what, "minutes or seconds above 60");
  const size = (whole * 3600 + minutes * 60 + seconds) / 3600;
  return { number: parts[1] === "-" ? -size : size, sexagesimal: true };
}

function badAngle(value: string | number, what: string, why: string): DataError {
  return new DataError(`Cannot read ${what} "${value}": ${why}`, {
    details: { value: String(value) },
  });
}

/** How an angle is written. */
export interface AngleFormat {
  /** Digits after the point of the seconds. */
  readonly decimals?: number;
  /** Between the parts; ":". */
  readonly separator?: string;
}

/**
 * Writes a right ascension as hours, minutes and seconds.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(formatRa(273.75), "18:15:00.00");
 * assert.equal(formatRa(359.9999999), "00:00:00.00");
 * ```
 *
 * @param raDeg Degrees.
 * @param format Digits (2) and separator.
 * @returns Text such as "18:15:29.00".
 */
export function formatRa(raDeg: number, format: AngleFormat = {}): string {
  const { decimals = 2, separator = ":" } = format;
  const scale = 10 ** decimals;
  const units = Math.round((wrapDeg(raDeg) / 15) * 3600 * scale) % (24 * 3600 * scale);
  return sexagesimal(units, decimals, separator);
}

/**
 * Writes a declination as signed degrees, minutes and seconds.
 *
 * @param decDeg Degrees.
 * @param format Digits (1) and separator.
 * @returns Text such as "-25:17:06.0".
 */
export function formatDec(decDeg: number, format: AngleFormat = {}): string {
  const { decimals = 1, separator = ":" } = format;
  const units = Math.round(Math.abs(decDeg) * 3600 * 10 ** decimals);
  return (decDeg < 0 && units > 0 ? "-" : "+") + sexagesimal(units, decimals, separator);
}

/** Splits a whole number of 10^-decimals seconds, so that nothing rounds up to 60. */
function sexagesimal(units: number, decimals: number, separator: string): string {
  const scale = 10 ** decimals;
  const minutes = Math.floor(units / (60 * scale));
  const seconds = ((units - minutes * 60 * scale) / scale).toFixed(decimals);
  const pad = (value: number) => String(value).padStart(2, "0");
  const width = decimals > 0 ? decimals + 3 : 2;
  return [pad(Math.floor(minutes / 60)), pad(minutes % 60), seconds.padStart(width, "0")]
    .join(separator);
}
