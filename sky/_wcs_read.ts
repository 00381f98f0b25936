/**
 * Reads what defines a WCS from the cards of a header.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import type { FitsHeader } from "../fits/header.ts";
import { TPV_TERMS } from "./_tpv.ts";
import type { Distortion, SipTerms, WcsModel } from "./wcs.ts";

/** Degrees in each unit that CUNIT may name. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  deg: 1,
  degree: 1,
  degrees: 1,
  arcmin: 1 / 60,
  arcsec: 1 / 3600,
  rad: 180 / Math.PI,
};

/**
 * Reads what defines the primary WCS of a header.
 *
 * @param header Cards of the image's own HDU.
 * @returns The definition, or undefined when there is no celestial WCS.
 * @throws {DataError} If it cannot be used as gppy understands it.
 */
export function readWcsModel(header: FitsHeader): WcsModel | undefined {
  const [type1, type2] = [axisType(header, 1), axisType(header, 2)];
  const swapped = type1?.axis === "DEC" && type2?.axis === "RA";
  if (!swapped && !(type1?.axis === "RA" && type2?.axis === "DEC")) {
    if (type1?.celestial && type2?.celestial) throw bad(header, `axes "${type1.text}"`);
    return undefined;
  }
  if (type1.projection !== type2.projection) {
    throw bad(header, `projections "${type1.text}" and "${type2.text}"`);
  }
  const projection = type1.projection;
  if (!["TAN", "TAN-SIP", "TPV"].includes(projection)) {
    throw bad(header, `projection "${projection}"`);
  }
  const units = [unitOf(header, 1), unitOf(header, 2)] as const;
  const cd = matrixOf(header);
  if (cd === undefined) return undefined;
  const determinant = cd[0] * cd[3] - cd[1] * cd[2];
  if (!Number.isFinite(determinant) || determinant === 0) throw bad(header, "a singular matrix");
  const values = [1, 2].map((i) => header.requireNumber(`CRVAL${i}`) * units[i - 1]!);
  const [raAxis, decAxis] = swapped ? [1, 0] : [0, 1];
  return {
    crval: [values[raAxis]!, values[decAxis]!],
    crpix: [header.number("CRPIX1") ?? 0, header.number("CRPIX2") ?? 0],
    cd: [cd[0] * units[0], cd[1] * units[0], cd[2] * units[1], cd[3] * units[1]],
    distortion: distortionOf(header, projection, swapped),
    lonpoleDeg: header.number("LONPOLE") ?? 180,
    swapped,
    frame: frameOf(header),
  };
}

/** A CTYPE taken apart. */
interface AxisType {
  readonly text: string;
  readonly axis: string;
  readonly projection: string;
  /** Whether it has the form of a celestial axis, of whatever system. */
  readonly celestial: boolean;
}

function axisType(header: FitsHeader, axis: 1 | 2): AxisType | undefined {
  const text = header.text(`CTYPE${axis}`)?.trim().toUpperCase();
  if (text === undefined || text === "") return undefined;
  const parts = /^(RA|DEC|[A-Z]{1,2}LON|[A-Z]{1,2}LAT)-+(.+)$/.exec(text);
  return {
    text,
    axis: parts?.[1] ?? text,
    projection: parts?.[2] ?? "",
    celestial: parts !== null,
  };
}

function bad(header: FitsHeader, what: string): DataError {
  return new DataError(`Cannot use the WCS of "${header.where}": ${what} is not supported`, {
    details: { file: header.where, state: what },
  });
}

function unitOf(header: FitsHeader, axis: 1 | 2): number {
  const text = header.text(`CUNIT${axis}`)?.trim().toLowerCase() ?? "";
  const unit = UNITS[text];
  if (unit === undefined) throw bad(header, `unit "${text}"`);
  return unit;
}

/** The matrix from pixels to the plane; undefined when no card says anything of it. */
function matrixOf(header: FitsHeader): [number, number, number, number] | undefined {
  const elements = ["1_1", "1_2", "2_1", "2_2"];
  if (elements.some((element) => header.number(`CD${element}`) !== undefined)) {
    const [a, b, c, d] = elements.map((element) => header.number(`CD${element}`) ?? 0);
    return [a!, b!, c!, d!];
  }
  const [dx, dy] = [header.number("CDELT1"), header.number("CDELT2")];
  if (elements.some((element) => header.number(`PC${element}`) !== undefined)) {
    const [a, b, c, d] = elements.map((element, i) =>
      header.number(`PC${element}`) ?? (i % 3 === 0 ? 1 : 0)
    );
    return [a! * (dx ?? 1), b! * (dx ?? 1), c! * (dy ?? 1), d! * (dy ?? 1)];
  }
  if (dx === undefined || dy === undefined) return undefined;
  const angle = (header.number("CROTA2") ?? header.number("CROTA1") ?? 0) * Math.PI / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [dx * cos, -dy * sin, dx * sin, dy * cos];
}

function frameOf(header: FitsHeader): string {
  const named = header.text("RADESYS") ?? header.text("RADECSYS");
  const year = header.text("EQUINOX")?.trim().replace(/^[JB]/i, "") || NaN;
  const equinox = header.number("EQUINOX") ?? Number(year);
  const frame = named?.trim().toUpperCase() || (equinox < 1984 ? "FK4" : "ICRS");
  const isOld = Number.isFinite(equinox) && equinox !== 2000 && frame !== "ICRS";
  if (frame.startsWith("FK4") || isOld) {
    throw bad(header, `frame ${frame} of equinox ${Number.isFinite(equinox) ? equinox : "none"}`);
  }
  return frame;
}

/** Chooses between the distortions whose cards are there; see `wcsFromHeader`. */
function distortionOf(header: FitsHeader, projection: string, swapped: boolean): Distortion {
  const [lng, lat] = swapped ? [2, 1] as const : [1, 2] as const;
  const pv = [1, 2].map((axis) => readPv(header, axis));
  const scamp = pv[lat - 1]!.size > 0 || [...pv[lng - 1]!.keys()].some((term) => term > 4);
  if (projection === "TPV" || (projection === "TAN" && scamp)) {
    if (swapped) throw bad(header, "TPV with declination on the first axis");
    const [pv1, pv2] = pv.map((terms) =>
      Array.from({ length: TPV_TERMS }, (_, term) => terms.get(term) ?? (term === 1 ? 1 : 0))
    );
    return { kind: "tpv", pv1: pv1!, pv2: pv2! };
  }
  const [a, b] = [readSip(header, "A"), readSip(header, "B")];
  if (a.length === 0 && b.length === 0) return { kind: "none" };
  return { kind: "sip", a, b, ap: readSip(header, "AP"), bp: readSip(header, "BP") };
}

function readPv(header: FitsHeader, axis: number): Map<number, number> {
  const terms = new Map<number, number>();
  for (let term = 0; term < TPV_TERMS; term++) {
    const value = header.number(`PV${axis}_${term}`);
    if (value !== undefined) terms.set(term, value);
  }
  return terms;
}

function readSip(header: FitsHeader, name: string): SipTerms {
  const order = header.number(`${name}_ORDER`);
  if (order === undefined) return [];
  const terms: [number, number, number][] = [];
  for (let p = 0; p <= order; p++) {
    for (let q = 0; q <= order - p; q++) {
      const value = header.number(`${name}_${p}_${q}`);
      if (value !== undefined && value !== 0) terms.push([p, q, value]);
    }
  }
  return terms;
}
