/**
 * From the scene to electrons on pixels: point lists of a frame, strip by strip.
 *
 * @module
 */

import { RADIANS } from "../sky/angle.ts";
import type { Wcs } from "../sky/wcs.ts";
import {
  type PointList,
  type PsfField,
  shapeAt,
  stampPoint,
  stampRadius,
  type Strip,
} from "./profile.ts";
import { galaxyPoints, pointsFor } from "./sersic.ts";
import type { Galaxy, Scene } from "./scene.ts";

/** Rows that are rendered at once. */
export const STRIP_ROWS = 128;

/** Stamps of a galaxy's points reach this far: 0.4 % of the light lies outside. */
const GALAXY_REACH_FWHM = 3;

/** What turns a scene into electrons. */
export interface RenderOptions {
  /** True WCS of the frame. */
  readonly wcs: Wcs;
  /** Point-spread function; gives the size of the frame too. */
  readonly psf: PsfField;
  /** Electrons of a star or galaxy of the scene, by its colours and brightness. */
  readonly fluxOf: (source: { mag600: number; temperatureK: number }) => number;
  /** Point sources besides the scene's. */
  readonly extra: readonly { raDeg: number; decDeg: number; flux: number }[];
  /** A stamp ends where it is fainter than this, electrons a pixel. */
  readonly thresholdE: number;
}

/**
 * All that shines on a frame, as points in its pixels. Galaxies become many points.
 *
 * @param scene Stars and galaxies.
 * @param options WCS, PSF and fluxes.
 * @returns Only points whose stamps touch the frame.
 */
export function pointsOf(scene: Scene, options: RenderOptions): PointList {
  const rows: number[] = [];
  const { wcs, psf } = options;
  const add = (x: number, y: number, flux: number, minFwhm?: number) => {
    const radius = stampRadius(flux, psf.fwhmPx, options.thresholdE, minFwhm);
    if (x < -radius || y < -radius || x > psf.width + radius || y > psf.height + radius) return;
    rows.push(x, y, flux, radius);
  };
  for (const star of scene.stars) {
    const [x, y] = wcs.skyToPixel(star.raDeg, star.decDeg);
    add(x, y, options.fluxOf(star));
  }
  for (const { raDeg, decDeg, flux } of options.extra) {
    const [x, y] = wcs.skyToPixel(raDeg, decDeg);
    add(x, y, flux);
  }
  for (const galaxy of scene.galaxies) {
    const [x, y] = wcs.skyToPixel(galaxy.raDeg, galaxy.decDeg);
    const reach = 120;
    if (x < -reach || y < -reach || x > psf.width + reach || y > psf.height + reach) continue;
    addGalaxy(galaxy, options, { x, y }, add);
  }
  return transpose(rows);
}

function addGalaxy(
  galaxy: Galaxy,
  options: RenderOptions,
  centre: { x: number; y: number },
  add: (x: number, y: number, flux: number, minFwhm?: number) => void,
): void {
  const { wcs, psf } = options;
  const flux = options.fluxOf(galaxy);
  const cosDec = Math.cos(galaxy.decDeg * RADIANS);
  const [northX, northY] = wcs.skyToPixel(galaxy.raDeg, galaxy.decDeg + 1 / 3600);
  const [eastX, eastY] = wcs.skyToPixel(galaxy.raDeg + 1 / 3600 / cosDec, galaxy.decDeg);
  const count = pointsFor(galaxy, psf.fwhmPx * wcs.pixelScaleArcsec);
  const offsets = galaxyPoints(galaxy, count);
  for (let i = 0; i < count; i++) {
    const east = offsets[3 * i]!, north = offsets[3 * i + 1]!;
    const x = centre.x + east * (eastX - centre.x) + north * (northX - centre.x);
    const y = centre.y + east * (eastY - centre.y) + north * (northY - centre.y);
    add(x, y, flux * offsets[3 * i + 2]!, GALAXY_REACH_FWHM);
  }
}

function transpose(rows: readonly number[]): PointList {
  const count = rows.length / 4;
  const column = (offset: number) =>
    Float64Array.from({ length: count }, (_, i) => rows[4 * i + offset]!);
  return { x: column(0), y: column(1), flux: column(2), radius: column(3) };
}

/** Which points touch which strip of {@linkcode STRIP_ROWS} rows. */
export class StripIndex {
  readonly #points: PointList;
  readonly #psf: PsfField;
  readonly #byStrip: number[][];

  /**
   * Sorts points into strips.
   *
   * @param points In pixels of the frame.
   * @param psf Its height is that of the frame.
   */
  constructor(points: PointList, psf: PsfField) {
    this.#points = points;
    this.#psf = psf;
    const strips = Math.ceil(psf.height / STRIP_ROWS);
    this.#byStrip = Array.from({ length: strips }, () => []);
    for (let i = 0; i < points.x.length; i++) {
      const y = points.y[i]!, radius = points.radius[i]!;
      const first = Math.max(0, Math.floor((y - radius) / STRIP_ROWS));
      const last = Math.min(strips - 1, Math.floor((y + radius) / STRIP_ROWS));
      for (let strip = first; strip <= last; strip++) this.#byStrip[strip]!.push(i);
    }
  }

  /** Adds the light of all points to a strip that begins at a multiple of STRIP_ROWS. */
  stampInto(strip: Strip): void {
    const { x, y, flux, radius } = this.#points;
    for (const i of this.#byStrip[strip.y0 / STRIP_ROWS] ?? []) {
      const source = { x: x[i]!, y: y[i]!, flux: flux[i]!, radius: radius[i]! };
      stampPoint(strip, shapeAt(this.#psf, source.x, source.y), source);
    }
  }
}
