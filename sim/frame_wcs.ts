/**
 * Where the telescope really points: the true WCS of a frame, with distortion.
 *
 * @module
 */

import type { Unit } from "../config/site.ts";
import { tanWcs, type Wcs, wcsFromModel } from "../sky/wcs.ts";

/** What the true WCS of a frame follows from. */
export interface TruePointing {
  /** Nominal scale, rotation and parity. */
  readonly unit: Pick<Unit, "pixelScaleArcsec" | "rotationDeg" | "parity">;
  /** Of the frame, px. */
  readonly width: number;
  /** Of the frame, px. */
  readonly height: number;
  /** True direction of the middle of the frame. */
  readonly raDeg: number;
  /** True declination of the middle. */
  readonly decDeg: number;
  /** True scale over nominal scale. */
  readonly scaleFactor: number;
  /** True minus nominal rotation. */
  readonly rotationErrorDeg: number;
  /** Radial displacement in the corners, px, growing with the cube of the distance. */
  readonly distortionPx: number;
}

/**
 * The true WCS of a frame: gnomonic, with a cubic TPV distortion.
 *
 * @param pointing Direction, scale, rotation, distortion.
 * @returns The map between pixels and sky.
 */
export function frameWcs(pointing: TruePointing): Wcs {
  const { unit, width, height, distortionPx } = pointing;
  const scaleArcsec = unit.pixelScaleArcsec * pointing.scaleFactor;
  const plain = tanWcs({
    raDeg: pointing.raDeg,
    decDeg: pointing.decDeg,
    scaleArcsec,
    rotationDeg: unit.rotationDeg + pointing.rotationErrorDeg,
    parity: unit.parity,
    width,
    height,
  });
  if (distortionPx === 0) return plain;
  const scaleDeg = scaleArcsec / 3600;
  const cornerDeg = Math.hypot(width, height) / 2 * scaleDeg;
  const cubic = distortionPx * scaleDeg / cornerDeg ** 3;
  return wcsFromModel({ ...plain.model, distortion: radialTpv(cubic) });
}

/** ξ' = ξ (1 + k r²), η' = η (1 + k r²), in TPV's numbering of terms. */
function radialTpv(cubicPerDeg2: number) {
  const axis = Array.from({ length: 40 }, () => 0);
  axis[1] = 1;
  axis[7] = cubicPerDeg2;
  axis[9] = cubicPerDeg2;
  return { kind: "tpv", pv1: axis, pv2: [...axis] } as const;
}
