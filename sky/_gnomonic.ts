/**
 * The gnomonic projection with its distortions, both ways.
 *
 * @module
 */

import type { FitsHeader } from "../fits/header.ts";
import { PlaneMap } from "./_polynomial.ts";
import { addTerm, tpvPolynomial } from "./_tpv.ts";
import { wcsCards } from "./_wcs_cards.ts";
import { RADIANS, wrapDeg } from "./angle.ts";
import type { Distortion, PixelJacobian, Wcs, WcsModel } from "./wcs.ts";

type Matrix = readonly [number, number, number, number];

/** How near, in px or degrees of the plane, the inverse of a distortion gets. */
const SIP_TOLERANCE_PX = 1e-9;
const TPV_TOLERANCE_DEG = 1e-13;

/** The gnomonic projection with its distortion. */
export class GnomonicWcs implements Wcs {
  readonly model: WcsModel;
  readonly pixelScaleArcsec: number;
  readonly rotationDeg: number;
  readonly parity: 1 | -1;
  readonly #cd: Matrix;
  readonly #inverse: Matrix;
  readonly #tpv: PlaneMap | undefined;
  readonly #sip: PlaneMap | undefined;
  readonly #turn: readonly [cos: number, sin: number];
  readonly #pole: readonly [sinDec: number, cosDec: number];

  /**
   * Makes the map.
   *
   * @param model What defines the map; its matrix must not be singular.
   */
  constructor(model: WcsModel) {
    this.model = model;
    const [a, b, c, d] = model.cd;
    this.#cd = model.swapped ? [c, d, a, b] : [a, b, c, d];
    const [xa, xb, ya, yb] = this.#cd;
    const determinant = xa * yb - xb * ya;
    this.#inverse = [yb / determinant, -xb / determinant, -ya / determinant, xa / determinant];
    this.pixelScaleArcsec = Math.sqrt(Math.abs(determinant)) * 3600;
    this.parity = determinant < 0 ? 1 : -1;
    const turn = (180 - model.lonpoleDeg) * RADIANS;
    this.#turn = [Math.cos(turn), Math.sin(turn)];
    const dec = model.crval[1] * RADIANS;
    this.#pole = [Math.sin(dec), Math.cos(dec)];
    this.rotationDeg = wrapDeg(Math.atan2(xb, yb) / RADIANS - turn / RADIANS);
    this.#tpv = tpvMap(model.distortion);
    this.#sip = sipMap(model.distortion);
  }

  /** Plane coordinates ξ, η in degrees, and their derivatives by x and y. */
  #plane(x: number, y: number): { xi: number; eta: number; by: Matrix } {
    const [p, q] = [x + 1 - this.model.crpix[0], y + 1 - this.model.crpix[1]];
    const sip = this.#sip?.apply(p, q);
    const [u, v] = sip === undefined ? [p, q] : [sip[0], sip[1]];
    const [a, b, c, d] = this.#cd;
    let xi = a * u + b * v;
    let eta = c * u + d * v;
    let by: Matrix = this.#cd;
    if (sip !== undefined) by = multiply(by, [sip[2], sip[3], sip[4], sip[5]]);
    if (this.#tpv !== undefined) {
      const bent = this.#tpv.apply(xi, eta);
      by = multiply([bent[2], bent[3], bent[4], bent[5]], by);
      [xi, eta] = [bent[0], bent[1]];
    }
    const [cos, sin] = this.#turn;
    if (sin !== 0) {
      by = multiply([cos, -sin, sin, cos], by);
      [xi, eta] = [cos * xi - sin * eta, sin * xi + cos * eta];
    }
    return { xi, eta, by };
  }

  pixelToSky(x: number, y: number): [number, number] {
    const { xi, eta } = this.#plane(x, y);
    const [sinDec, cosDec] = this.#pole;
    const [e, n] = [xi * RADIANS, eta * RADIANS];
    const toward = cosDec - n * sinDec;
    const raDeg = wrapDeg(this.model.crval[0] + Math.atan2(e, toward) / RADIANS);
    return [raDeg, Math.atan2(sinDec + n * cosDec, Math.hypot(e, toward)) / RADIANS];
  }

  skyToPixel(raDeg: number, decDeg: number): [number, number] {
    const [sinPole, cosPole] = this.#pole;
    const delta = (raDeg - this.model.crval[0]) * RADIANS;
    const [sinDec, cosDec] = [Math.sin(decDeg * RADIANS), Math.cos(decDeg * RADIANS)];
    const cosDelta = Math.cos(delta);
    const depth = sinPole * sinDec + cosPole * cosDec * cosDelta;
    if (!(depth > 0)) return [NaN, NaN];
    const e = cosDec * Math.sin(delta) / depth / RADIANS;
    const n = (cosPole * sinDec - sinPole * cosDec * cosDelta) / depth / RADIANS;
    const [cos, sin] = this.#turn;
    let [xi, eta] = [cos * e + sin * n, cos * n - sin * e];
    if (this.#tpv !== undefined) [xi, eta] = this.#tpv.invert(xi, eta, TPV_TOLERANCE_DEG);
    const [a, b, c, d] = this.#inverse;
    let [p, q] = [a * xi + b * eta, c * xi + d * eta];
    if (this.#sip !== undefined) [p, q] = this.#sip.invert(p, q, SIP_TOLERANCE_PX);
    return [p + this.model.crpix[0] - 1, q + this.model.crpix[1] - 1];
  }

  jacobian(x: number, y: number): PixelJacobian {
    const { xi, eta, by } = this.#plane(x, y);
    const [e, n] = [xi * RADIANS, eta * RADIANS];
    const [sinDec, cosDec] = this.#pole;
    const toward = cosDec - n * sinDec;
    const up = sinDec + n * cosDec;
    const horizontal = Math.hypot(e, toward);
    const rho2 = 1 + e * e + n * n;
    // d(ra) cos(dec) and d(dec) for steps of ξ and η, from ra = atan2(ξ, toward) and
    // tan(dec) = up / horizontal.
    const cosOverH2 = 1 / (horizontal * Math.sqrt(rho2));
    const east: readonly [number, number] = [toward * cosOverH2, e * sinDec * cosOverH2];
    const north: readonly [number, number] = [
      -up * e / horizontal / rho2,
      (cosDec * horizontal + up * toward * sinDec / horizontal) / rho2,
    ];
    const [a, b, c, d] = by;
    return {
      eastX: (east[0] * a + east[1] * c) * 3600,
      eastY: (east[0] * b + east[1] * d) * 3600,
      northX: (north[0] * a + north[1] * c) * 3600,
      northY: (north[0] * b + north[1] * d) * 3600,
    };
  }

  pixelAreaArcsec2(x: number, y: number): number {
    const { xi, eta, by: [a, b, c, d] } = this.#plane(x, y);
    const rho2 = 1 + (xi * xi + eta * eta) * RADIANS * RADIANS;
    return Math.abs(a * d - b * c) * 3600 * 3600 / (rho2 * Math.sqrt(rho2));
  }

  cards(): FitsHeader {
    return wcsCards(this.model);
  }
}

function multiply([a, b, c, d]: Matrix, [e, f, g, h]: Matrix): Matrix {
  return [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h];
}

function tpvMap(distortion: Distortion): PlaneMap | undefined {
  if (distortion.kind !== "tpv") return undefined;
  return new PlaneMap(tpvPolynomial(distortion.pv1, 1), tpvPolynomial(distortion.pv2, 2));
}

function sipMap(distortion: Distortion): PlaneMap | undefined {
  if (distortion.kind !== "sip") return undefined;
  const [a, b]: [number[][], number[][]] = [[], []];
  addTerm(a, 1, 0, 1);
  addTerm(b, 0, 1, 1);
  for (const [p, q, coefficient] of distortion.a) addTerm(a, p, q, coefficient);
  for (const [p, q, coefficient] of distortion.b) addTerm(b, p, q, coefficient);
  return new PlaneMap({ powers: a, radial: [] }, { powers: b, radial: [] });
}
