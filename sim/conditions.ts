/**
 * What differs from frame to frame: seeing, transparency, sky, pointing.
 *
 * @module
 */

import type { Unit } from "../config/site.ts";
import { RADIANS, wrapDeg } from "../sky/angle.ts";
import { airmass } from "../sky/time.ts";
import type { Wcs } from "../sky/wcs.ts";
import { BANDS } from "./bands.ts";
import { frameWcs } from "./frame_wcs.ts";
import type { PsfField } from "./profile.ts";
import { keyOf, RandomStream } from "./random.ts";

/** A light frame as the plan has it. */
export interface LightRequest {
  /** Name of the filter in the beam. */
  readonly filter: string;
  /** Length of the exposure. */
  readonly exposureS: number;
  /** Start, UTC. */
  readonly mjd: number;
  /** Number of the frame in its night. */
  readonly index: number;
  /** Direction of the field. */
  readonly raDeg: number;
  /** Declination of the field. */
  readonly decDeg: number;
}

/** What holds for the whole night. */
export interface NightFrame {
  /** Of the simulation. */
  readonly seed: number;
  /** Night, YYYY-MM-DD. */
  readonly date: string;
  /** The telescope. */
  readonly unit: Unit;
  /** Of the frame, px. */
  readonly width: number;
  /** Of the frame, px. */
  readonly height: number;
  /** Mean FWHM at 550 nm on axis at the zenith. */
  readonly seeingArcsec: number;
  /** Standard deviation of the dithers along each axis. */
  readonly ditherArcsec: number;
  /** Size of the error common to the night. */
  readonly pointingErrorArcsec: number;
  /** Radial displacement in the corners. */
  readonly distortionPx: number;
}

/** The truth about one light frame. */
export interface LightTruth {
  /** Where the telescope was sent, and what its cards say. */
  readonly commanded: { readonly raDeg: number; readonly decDeg: number };
  /** Where it pointed, and how the image is distorted. */
  readonly wcs: Wcs;
  /** Point-spread function over the field. */
  readonly psf: PsfField;
  /** FWHM on axis in this frame. */
  readonly seeingArcsec: number;
  /** At the middle of the exposure. */
  readonly airmass: number;
  /** Share of the light that clouds let through. */
  readonly transparency: number;
  /** Electrons a pixel. */
  readonly skyE: number;
  /** Relative change of the sky from the centre to the right and to the upper edge. */
  readonly skyGradient: readonly [number, number];
  /** Electrons from a source of 0 mag AB. */
  readonly electronsAtZero: number;
  /** Magnitude of 1 ADU in the whole exposure, where the response is 1. */
  readonly zeroPoint: number;
}

const KEYS = { night: 101, frame: 102 } as const;

/**
 * Draws the conditions of one light frame.
 *
 * @param night What holds for the whole night.
 * @param request The frame.
 * @returns The truth about it.
 */
export function lightTruth(night: NightFrame, request: LightRequest): LightTruth {
  const random = new RandomStream(night.seed, keyOf(night.date), KEYS.frame, request.index);
  const band = BANDS[request.filter]!;
  const middle = request.mjd + request.exposureS / 172800;
  const up = airmass(request.raDeg, request.decDeg, middle, night.unit);
  const air = Number.isFinite(up) ? Math.min(up, 6) : 6;
  const transparency = 1 - Math.abs(0.015 * random.normal());
  const electronsAtZero = band.rateAtZero * request.exposureS * transparency *
    10 ** (-0.4 * band.extinction * air);
  const seeingArcsec = night.seeingArcsec * (band.wavelengthNm / 550) ** -0.2 * air ** 0.6 *
    (1 + 0.05 * Math.max(-2, Math.min(3, random.normal())));
  const { commanded, wcs } = point(night, request, random);
  return {
    commanded,
    wcs,
    psf: drawPsf(night, seeingArcsec, random),
    seeingArcsec,
    airmass: air,
    transparency,
    skyE: skyElectrons(request.filter, request.exposureS, wcs.pixelScaleArcsec) *
      (1 + 0.03 * random.normal()),
    skyGradient: [0.015 * random.normal(), 0.015 * random.normal()],
    electronsAtZero,
    zeroPoint: 2.5 * Math.log10(electronsAtZero / night.unit.gainEAdu),
  };
}

/**
 * The dark sky through a filter.
 *
 * @param filter Name.
 * @param exposureS Of the frame.
 * @param scaleArcsec Side of a pixel.
 * @returns Electrons a pixel.
 */
export function skyElectrons(filter: string, exposureS: number, scaleArcsec: number): number {
  const band = BANDS[filter]!;
  return band.rateAtZero * exposureS * 10 ** (-0.4 * band.skyMag) * scaleArcsec ** 2;
}

function drawPsf(night: NightFrame, seeingArcsec: number, random: RandomStream): PsfField {
  const angle = random.between(0, 2 * Math.PI), ellipticity = random.between(0.01, 0.05);
  return {
    width: night.width,
    height: night.height,
    fwhmPx: seeingArcsec / night.unit.pixelScaleArcsec,
    growth: 0.06,
    tilt: [0.015 * random.normal(), 0.015 * random.normal()],
    ellipticity: [ellipticity * Math.cos(angle), ellipticity * Math.sin(angle)],
    radialEllipticity: 0.04,
  };
}

function point(night: NightFrame, request: LightRequest, random: RandomStream) {
  const ofNight = new RandomStream(night.seed, keyOf(night.date), KEYS.night);
  const towards = ofNight.between(0, 2 * Math.PI);
  const clipped = () => Math.max(-2.5, Math.min(2.5, random.normal()));
  const commanded = offset(request, night.ditherArcsec * clipped(), night.ditherArcsec * clipped());
  const error = night.pointingErrorArcsec;
  const pointed = offset(
    commanded,
    error * (Math.cos(towards) + 0.15 * clipped()),
    error * (Math.sin(towards) + 0.15 * clipped()),
  );
  const wcs = frameWcs({
    unit: night.unit,
    width: night.width,
    height: night.height,
    ...pointed,
    scaleFactor: 1 + 4e-4 * ofNight.between(-1, 1),
    rotationErrorDeg: 0.12 * ofNight.between(-1, 1),
    distortionPx: night.distortionPx,
  });
  return { commanded, wcs };
}

function offset(
  from: { readonly raDeg: number; readonly decDeg: number },
  eastArcsec: number,
  northArcsec: number,
): { raDeg: number; decDeg: number } {
  const decDeg = from.decDeg + northArcsec / 3600;
  return {
    raDeg: wrapDeg(from.raDeg + eastArcsec / 3600 / Math.cos(decDeg * RADIANS)),
    decDeg,
  };
}
