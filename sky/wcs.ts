/**
 * World coordinates: from pixels to the sky and back.
 *
 * Gnomonic projection with the distortions met in practice: none (TAN), TPV (also
 * as SCAMP's "TAN with PV" cards) and SIP. Pixels are counted from 0 here, from 1
 * in the cards. Directions are in the frame of the header, taken as ICRS.
 *
 * @module
 */

import type { FitsHeader } from "../fits/header.ts";
import { GnomonicWcs } from "./_gnomonic.ts";
import { CARDS_OF_WCS, wcsCards } from "./_wcs_cards.ts";
import { readWcsModel } from "./_wcs_read.ts";
import { RADIANS, wrapDeg } from "./angle.ts";

/** The SIP polynomials of one axis, by the powers of both pixel offsets. */
export type SipTerms = readonly (readonly [p: number, q: number, coefficient: number])[];

/** What the polynomials of a WCS do to the plane. */
export type Distortion =
  | { readonly kind: "none" }
  /** Coefficients `[40]` of both axes, applied after the matrix, degrees. */
  | { readonly kind: "tpv"; readonly pv1: readonly number[]; readonly pv2: readonly number[] }
  /** Added to the pixel offsets before the matrix, px. */
  | {
    readonly kind: "sip";
    readonly a: SipTerms;
    readonly b: SipTerms;
    /** The file's approximate inverse; kept for other programs, not used here. */
    readonly ap: SipTerms;
    readonly bp: SipTerms;
  };

/** Everything that defines a WCS. */
export interface WcsModel {
  /** Direction of the reference point, degrees. */
  readonly crval: readonly [raDeg: number, decDeg: number];
  /** Reference pixel, counted from 1 as in the cards. */
  readonly crpix: readonly [x: number, y: number];
  /** CD1_1, CD1_2, CD2_1, CD2_2, degrees a pixel. */
  readonly cd: readonly [number, number, number, number];
  /** What the polynomials do to the plane. */
  readonly distortion: Distortion;
  /** Native longitude of the celestial pole, degrees; 180 nearly always. */
  readonly lonpoleDeg: number;
  /** Whether the first axis is declination. */
  readonly swapped: boolean;
  /** ICRS, FK5… as in RADESYS. */
  readonly frame: string;
}

/** Maps pixels to the sky and back. */
export interface Wcs {
  /** What defines the map. */
  readonly model: WcsModel;
  /** Side of a square of the area of the reference pixel, arcsec, without distortion. */
  readonly pixelScaleArcsec: number;
  /** Position angle of the +y axis at the reference point, north through east, degrees. */
  readonly rotationDeg: number;
  /** 1 as seen on the sky (north up, east left), -1 mirrored. */
  readonly parity: 1 | -1;
  /** Gives the direction of a pixel position, degrees; (0, 0) is the centre of the first pixel. */
  pixelToSky(x: number, y: number): [raDeg: number, decDeg: number];
  /** Gives the pixel position of a direction to 1e-6 px; NaN where the image cannot reach it. */
  skyToPixel(raDeg: number, decDeg: number): [x: number, y: number];
  /** Gives the displacements on the sky, arcsec, of a step of one pixel along x and along y. */
  jacobian(x: number, y: number): PixelJacobian;
  /** Gives the solid angle of a pixel, arcsec². */
  pixelAreaArcsec2(x: number, y: number): number;
  /** Gives the cards of this WCS, and no others. */
  cards(): FitsHeader;
}

/** Displacements on the sky a pixel, arcsec. */
export interface PixelJacobian {
  /** East by a step along x. */
  readonly eastX: number;
  /** East by a step along y. */
  readonly eastY: number;
  /** North by a step along x. */
  readonly northX: number;
  /** North by a step along y. */
  readonly northY: number;
}

/**
 * Makes a WCS from what defines it.
 *
 * @param model The definition; its matrix must not be singular.
 * @returns The map.
 */
export function wcsFromModel(model: WcsModel): Wcs {
  return new GnomonicWcs(model);
}

/** A plain WCS about the middle of an image. */
export interface TanOptions {
  /** Direction of the middle of the image. */
  readonly raDeg: number;
  /** Declination of the middle of the image. */
  readonly decDeg: number;
  /** Side of a pixel at the middle. */
  readonly scaleArcsec: number;
  /** Position angle of the +y axis, north through east; 0. */
  readonly rotationDeg?: number;
  /** 1 as seen on the sky (CD1_1 < 0 with north up), -1 mirrored; 1. */
  readonly parity?: 1 | -1;
  /** Columns of the image. */
  readonly width: number;
  /** Rows of the image. */
  readonly height: number;
}

/**
 * Makes an undistorted WCS about the middle of an image.
 *
 * @param options Direction, scale, rotation, parity and size in pixels.
 * @returns The map.
 */
export function tanWcs(options: TanOptions): Wcs {
  const scale = options.scaleArcsec / 3600;
  const angle = (options.rotationDeg ?? 0) * RADIANS;
  const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  const parity = options.parity ?? 1;
  return new GnomonicWcs({
    crval: [wrapDeg(options.raDeg), options.decDeg],
    crpix: [(options.width + 1) / 2, (options.height + 1) / 2],
    cd: [-parity * cos, sin, parity * sin, cos],
    distortion: { kind: "none" },
    lonpoleDeg: 180,
    swapped: false,
    frame: "ICRS",
  });
}

/**
 * Makes the WCS of a cut-out.
 *
 * @param wcs The WCS of the whole image.
 * @param x0 Column of the whole image that becomes column 0.
 * @param y0 Row of the whole image that becomes row 0.
 * @returns The map of the cut-out.
 */
export function shiftWcs(wcs: Wcs, x0: number, y0: number): Wcs {
  const { crpix } = wcs.model;
  return new GnomonicWcs({ ...wcs.model, crpix: [crpix[0] - x0, crpix[1] - y0] });
}

/**
 * Reads the WCS of a header.
 *
 * The matrix may be CDi_j, PCi_j with CDELTi, or CDELTi with CROTA2. PV cards on a
 * plain TAN are taken as TPV, as SCAMP means them, unless CTYPE says "-SIP".
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const wcs = tanWcs({ raDeg: 30, decDeg: -5, scaleArcsec: 0.5, width: 101, height: 101 });
 * const again = wcsFromHeader(wcs.cards());
 * assert.ok(Math.abs(again!.skyToPixel(30, -5)[0] - 50) < 1e-9);
 * ```
 *
 * @param header Cards of the image's own HDU.
 * @returns The map, or undefined when the header holds no celestial WCS.
 * @throws {DataError} If projection, unit or equinox is not supported, or the matrix singular.
 */
export function wcsFromHeader(header: FitsHeader): Wcs | undefined {
  const model = readWcsModel(header);
  return model === undefined ? undefined : new GnomonicWcs(model);
}

/**
 * Removes every card of the primary WCS, IRAF's WAT cards included.
 *
 * @param header Changed in place.
 * @returns The same header.
 */
export function clearWcs(header: FitsHeader): FitsHeader {
  return header.filter(({ keyword }) => !CARDS_OF_WCS.test(keyword));
}

/**
 * Replaces the WCS of a header.
 *
 * @param header Changed in place.
 * @param wcs The new map.
 * @returns The same header.
 */
export function setWcs(header: FitsHeader, wcs: Wcs): FitsHeader {
  clearWcs(header);
  for (const { keyword, value, comment } of wcsCards(wcs.model).cards) {
    header.set(keyword, value, comment);
  }
  return header;
}
