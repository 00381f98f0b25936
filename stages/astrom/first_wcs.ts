/**
 * The first guess of a frame's WCS, good enough for pattern matching to start from.
 *
 * @module
 */

import type { FitsHeader } from "../../fits/header.ts";
import { separationDeg } from "../../sky/angle.ts";
import { tanWcs, type Wcs, wcsFromHeader } from "../../sky/wcs.ts";

/** Which first guess to take. */
export type InitialWcs = "auto" | "pointing" | "header";

/** Where a first guess came from. */
export type FirstWcsSource = "header" | "pointing" | "target table" | "solve-field";

/** What is known of a frame besides its header. */
export interface FrameGeometry {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Pointing of the header's cards, degrees. */
  readonly pointing?: readonly [raDeg: number, decDeg: number] | undefined;
  /** Coordinates of the field in the target table, degrees. */
  readonly target?: readonly [raDeg: number, decDeg: number] | undefined;
  /** Arcsec a pixel of this frame, binning included. */
  readonly scaleArcsec: number;
  /** Position angle of the +y axis, from north through east. */
  readonly rotationDeg: number;
  /** 1 as seen on the sky, -1 mirrored. */
  readonly parity: 1 | -1;
}

/** A first guess and where it came from. */
export interface FirstWcs {
  /** The guess. */
  readonly wcs: Wcs;
  /** Where it came from. */
  readonly source: FirstWcsSource;
}

/** A header's own WCS counts for `auto` only if its scale is this near to the expected one. */
const SCALE_TOLERANCE = 0.1;
/** …and its centre this near to the pointing. */
const CENTRE_TOLERANCE_DEG = 1.5;

/**
 * Chooses the first WCS of a frame.
 *
 * `auto` takes the WCS of the header where there is one, unless the header says
 * that it was not solved (PLTSOLVD = F), or scale or centre contradict what is
 * known; else the pointing cards, else the target table.
 *
 * @param header The frame's header.
 * @param geometry What is known besides.
 * @param initial Which guess is wanted.
 * @returns The guess, or nothing where nobody says where the frame points.
 */
export function firstWcs(
  header: FitsHeader,
  geometry: FrameGeometry,
  initial: InitialWcs,
): FirstWcs | undefined {
  if (initial !== "pointing") {
    const wcs = headerWcs(header);
    const taken = wcs !== undefined && (initial === "header" || isCredible(wcs, header, geometry));
    if (taken) return { wcs, source: "header" };
  }
  const { pointing, target } = geometry;
  const centre = pointing ?? target;
  if (centre === undefined) return undefined;
  return {
    wcs: tanWcs({
      raDeg: centre[0],
      decDeg: centre[1],
      scaleArcsec: geometry.scaleArcsec,
      rotationDeg: geometry.rotationDeg,
      parity: geometry.parity,
      width: geometry.width,
      height: geometry.height,
    }),
    source: pointing === undefined ? "target table" : "pointing",
  };
}

/** The header's WCS; one that lacks cards or cannot be inverted is none. */
function headerWcs(header: FitsHeader): Wcs | undefined {
  const wcs = wcsFromHeader(header);
  if (wcs === undefined) return undefined;
  return Number.isFinite(wcs.pixelScaleArcsec) && wcs.pixelScaleArcsec > 0 ? wcs : undefined;
}

function isCredible(wcs: Wcs, header: FitsHeader, geometry: FrameGeometry): boolean {
  if (header.boolean("PLTSOLVD") === false) return false;
  const ratio = wcs.pixelScaleArcsec / geometry.scaleArcsec;
  if (Math.abs(Math.log(ratio)) > Math.log(1 + SCALE_TOLERANCE)) return false;
  const expected = geometry.pointing ?? geometry.target;
  if (expected === undefined) return true;
  const [raDeg, decDeg] = wcs.pixelToSky((geometry.width - 1) / 2, (geometry.height - 1) / 2);
  const centre = { raDeg: expected[0], decDeg: expected[1] };
  return separationDeg({ raDeg, decDeg }, centre) < CENTRE_TOLERANCE_DEG;
}
