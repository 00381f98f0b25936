/**
 * What is true about a simulated night, as tables to compare results with.
 *
 * @module
 */

import type { LightTruth } from "./conditions.ts";
import type { PlannedFrame } from "./plan.ts";
import { magnitudeIn, type Scene, type Source } from "./scene.ts";
import { csv } from "./text_file.ts";
import { differenceMagnitude, type Transient } from "./transients.ts";

/** A frame of the plan with the truth about it, where it saw the sky. */
export interface FrameTruth {
  /** From the plan. */
  readonly frame: PlannedFrame;
  /** Undefined for calibration frames. */
  readonly light: LightTruth | undefined;
}

/** Transients of one target. */
export interface ObjectTransients {
  /** The field. */
  readonly scene: Scene;
  /** What differs from the reference. */
  readonly transients: readonly Transient[];
}

/**
 * `truth.csv`: every star and galaxy of the fields with its magnitude in each filter.
 *
 * @param scenes One a target.
 * @param filters Of the night.
 * @returns Comma-separated values, positions in degrees.
 */
export function truthTable(scenes: readonly Scene[], filters: readonly string[]): string {
  const rows: (string | number)[][] = [[
    ..."object,kind,id,ra,dec,temperature_k".split(","),
    ...filters.map((name) => `mag_${name}`),
    ..."sersic_index,radius_arcsec,axis_ratio,position_angle_deg".split(","),
  ]];
  const start = (scene: Scene, kind: string, i: number, source: Source) => [
    scene.object,
    kind,
    `${kind === "star" ? "S" : "G"}${String(i + 1).padStart(6, "0")}`,
    source.raDeg.toFixed(8),
    source.decDeg.toFixed(8),
    source.temperatureK.toFixed(0),
    ...filters.map((name) => magnitudeIn(source, name).toFixed(4)),
  ];
  for (const scene of scenes) {
    scene.stars.forEach((star, i) => rows.push([...start(scene, "star", i, star), "", "", "", ""]));
    scene.galaxies.forEach((galaxy, i) =>
      rows.push([
        ...start(scene, "galaxy", i, galaxy),
        galaxy.sersicIndex,
        galaxy.radiusArcsec.toFixed(3),
        galaxy.axisRatio.toFixed(3),
        (galaxy.angleRad * 180 / Math.PI).toFixed(1),
      ])
    );
  }
  return csv(rows);
}

/**
 * `transients.csv`: what is new in the lights (`kind` new) or faded since the reference (`fading`).
 * `mag_<filter>` is the magnitude of the difference, `snr_<filter>` what it should reach in the
 * stack of the night's good lights, in an aperture of radius 0.673 FWHM, without the noise of the
 * reference. `host` is the galaxy's id in truth.csv, `x`, `y` the pixel (from 0) in the first light.
 *
 * @param fields Transients by target.
 * @param filters Of the night.
 * @param frames To find the first light of each target.
 * @returns Comma-separated values, positions in degrees.
 */
export function transientTable(
  fields: readonly ObjectTransients[],
  filters: readonly string[],
  frames: readonly FrameTruth[],
): string {
  const rows: (string | number)[][] = [[
    ..."object,id,kind,ra,dec".split(","),
    ...filters.map((name) => `mag_${name}`),
    ...filters.map((name) => `snr_${name}`),
    ..."temperature_k,host,host_mag600,x,y".split(","),
  ]];
  for (const { scene, transients } of fields) {
    const first = frames.find(({ frame }) =>
      frame.imageType === "light" && frame.object === scene.object
    )?.light;
    for (const transient of transients) {
      const { host, raDeg, decDeg } = transient;
      const [x, y] = first?.wcs.skyToPixel(raDeg, decDeg) ?? [NaN, NaN];
      rows.push([
        scene.object,
        transient.id,
        transient.kind,
        raDeg.toFixed(8),
        decDeg.toFixed(8),
        ...filters.map((name) => differenceMagnitude(transient, name).toFixed(4)),
        ...filters.map((name) => transient.snr[name]?.toFixed(2) ?? ""),
        transient.temperatureK.toFixed(0),
        host ? `G${String(scene.galaxies.indexOf(host) + 1).padStart(6, "0")}` : "",
        host ? host.mag600.toFixed(3) : "",
        x.toFixed(2),
        y.toFixed(2),
      ]);
    }
  }
  return csv(rows);
}

/**
 * `frames.csv`: every raw frame, what became of it, and for lights the truth about
 * seeing, sky, zero point (AB magnitude of 1 ADU in the exposure) and pointing.
 *
 * @param frames In order of time.
 * @param gainEAdu Of the camera.
 * @returns Comma-separated values.
 */
export function frameTable(frames: readonly FrameTruth[], gainEAdu: number): string {
  const rows: (string | number)[][] = [
    ("file,image_type,object,filter,exposure_s,mjd,fate,seeing_arcsec,fwhm_px,sky_adu," +
      "zero_point,transparency,airmass,ra,dec,ra_card,dec_card").split(","),
  ];
  for (const { frame, light } of frames) {
    const { fileName, imageType, object, filter, exposureS, mjd, fate } = frame;
    const plan = [fileName, imageType, object, filter, exposureS, mjd.toFixed(8), fate];
    rows.push([...plan, ...(light ? lightColumns(light, gainEAdu) : Array(10).fill(""))]);
  }
  return csv(rows);
}

function lightColumns(light: LightTruth, gainEAdu: number): string[] {
  const { psf, wcs, commanded } = light;
  const [raDeg, decDeg] = wcs.pixelToSky((psf.width - 1) / 2, (psf.height - 1) / 2);
  return [
    light.seeingArcsec.toFixed(3),
    psf.fwhmPx.toFixed(3),
    (light.skyE / gainEAdu).toFixed(2),
    light.zeroPoint.toFixed(4),
    light.transparency.toFixed(4),
    light.airmass.toFixed(4),
    raDeg.toFixed(7),
    decDeg.toFixed(7),
    commanded.raDeg.toFixed(7),
    commanded.decDeg.toFixed(7),
  ];
}
