/**
 * Reference frames: the same field, deeper and sharper, before anything happened.
 *
 * @module
 */

import type { Unit } from "../config/site.ts";
import { FitsHeader } from "../fits/header.ts";
import { createImage } from "../fits/image.ts";
import { setWcs, tanWcs, type Wcs, wcsFromModel } from "../sky/wcs.ts";
import { BANDS } from "./bands.ts";
import { type NightFrame, skyElectrons } from "./conditions.ts";
import { BIAS_ADU, CONVERTER_MAX } from "./detector.ts";
import type { PointList, PsfField } from "./profile.ts";
import { keyOf, RandomStream } from "./random.ts";
import { pointsOf, STRIP_ROWS, StripIndex } from "./render.ts";
import { magnitudeIn, type Scene } from "./scene.ts";
import { differenceMagnitude, FADED_SHARE, type Transient } from "./transients.ts";

/** Sky beyond all that light frames can see, on each side, px. */
const MARGIN_PX = 16;
/** The grid is off the pixels of every light frame by these fractions. */
const SUBPIXEL = [0.37, -0.21] as const;

/** Grid of the reference frames of one target. */
export interface ReferenceGrid {
  /** Undistorted. */
  readonly wcs: Wcs;
  /** px. */
  readonly width: number;
  /** px. */
  readonly height: number;
}

/** What a reference frame is made from. */
export interface ReferenceOptions {
  /** The telescope. */
  readonly unit: Unit;
  /** Of the simulation. */
  readonly seed: number;
  /** Name of the filter. */
  readonly filter: string;
  /** Exposure of one of the frames that it is the mean of. */
  readonly exposureS: number;
  /** How many frames it is the mean of. */
  readonly frames: number;
  /** FWHM on axis. */
  readonly seeingArcsec: number;
}

/**
 * The grid that holds all light frames of a target on any night: north up, east left, no distortion.
 *
 * @param field Centre of the field: the middle of the grid.
 * @param night Frame size and the errors and dithers of the telescope.
 * @returns The grid.
 */
export function referenceGrid(
  field: { readonly raDeg: number; readonly decDeg: number },
  night: NightFrame,
): ReferenceGrid {
  const { unit, width, height } = night;
  const scaleArcsec = unit.pixelScaleArcsec;
  const { raDeg, decDeg } = field;
  const point = tanWcs({ raDeg, decDeg, scaleArcsec, width: 1, height: 1 });
  const frame = tanWcs({
    raDeg,
    decDeg,
    scaleArcsec,
    rotationDeg: unit.rotationDeg,
    parity: unit.parity,
    width,
    height,
  });
  const corners = [[0, 0], [width, 0]].map(([x, y]) =>
    point.skyToPixel(...frame.pixelToSky(x!, y!)).map(Math.abs)
  );
  const wanderPx = (2.5 * night.ditherArcsec + 1.4 * night.pointingErrorArcsec) / scaleArcsec;
  const turnPx = 0.0025 * Math.max(width, height) / 2 + Math.abs(night.distortionPx);
  const half = (axis: 0 | 1) =>
    Math.ceil(Math.max(...corners.map((corner) => corner[axis]!)) + wanderPx + turnPx) + MARGIN_PX;
  const [halfX, halfY] = [half(0), half(1)];
  const crpix = [halfX + 0.5 + SUBPIXEL[0], halfY + 0.5 + SUBPIXEL[1]] as const;
  return { wcs: wcsFromModel({ ...point.model, crpix }), width: 2 * halfX, height: 2 * halfY };
}

/**
 * Writes a reference frame: float32, ADU of a single exposure, sky left in.
 *
 * @param path The file to write.
 * @param scene Stars and galaxies.
 * @param transients The fading ones shine here in full.
 * @param grid From {@linkcode referenceGrid}.
 * @param options Filter, depth, seeing.
 */
export async function writeReference(
  path: string,
  scene: Scene,
  transients: readonly Transient[],
  grid: ReferenceGrid,
  options: ReferenceOptions,
): Promise<void> {
  const { filter, frames, unit } = options;
  const { width, height } = grid;
  const electronsAtZero = BANDS[filter]!.rateAtZero * options.exposureS *
    10 ** (-0.4 * BANDS[filter]!.extinction * 1.1);
  const psf = referencePsf(grid, options);
  const points = referencePoints(scene, transients, {
    wcs: grid.wcs,
    psf,
    electronsAtZero,
    filter,
  });
  const skyE = skyElectrons(filter, options.exposureS, grid.wcs.pixelScaleArcsec);
  const saturationAdu = CONVERTER_MAX - BIAS_ADU;
  const header = referenceCards(scene.object, electronsAtZero, saturationAdu, options);
  setWcs(header, grid.wcs);
  await using writer = await createImage(path, { width, height, header });
  const index = new StripIndex(points, psf);
  const data = new Float32Array(width * STRIP_ROWS);
  const keys = [options.seed, keyOf(scene.object), keyOf(filter), 301];
  for (let y0 = 0; y0 < height; y0 += STRIP_ROWS) {
    const strip = { data, width, y0, rows: Math.min(STRIP_ROWS, height - y0) };
    data.fill(skyE);
    index.stampInto(strip);
    for (let row = 0; row < strip.rows; row++) {
      const line = data.subarray(row * width, (row + 1) * width);
      addNoise(line, new RandomStream(...keys, y0 + row), { unit, frames, saturationAdu });
    }
    await writer.writeRows(data.subarray(0, strip.rows * width));
  }
  await writer.finish();
}

/** The scene as it was before: new sources are missing, fading ones shine in full. */
function referencePoints(
  scene: Scene,
  transients: readonly Transient[],
  { wcs, psf, electronsAtZero, filter }: {
    wcs: Wcs;
    psf: PsfField;
    electronsAtZero: number;
    filter: string;
  },
): PointList {
  const electrons = (magnitude: number) => electronsAtZero * 10 ** (-0.4 * magnitude);
  return pointsOf(scene, {
    wcs,
    psf,
    thresholdE: 0.02,
    fluxOf: (source) => electrons(magnitudeIn(source, filter)),
    extra: transients.filter(({ kind }) => kind === "fading").map((transient) => ({
      raDeg: transient.raDeg,
      decDeg: transient.decDeg,
      flux: electrons(differenceMagnitude(transient, filter)) / (1 - FADED_SHARE),
    })),
  });
}

/** From expected electrons of one exposure to ADU of the mean of many. */
function addNoise(
  line: Float32Array,
  random: RandomStream,
  { unit, frames, saturationAdu }: { unit: Unit; frames: number; saturationAdu: number },
): void {
  const toAdu = 1 / (frames * unit.gainEAdu);
  const readNoise = unit.readNoiseE * Math.sqrt(frames);
  for (let x = 0; x < line.length; x++) {
    const electrons = random.poisson(line[x]! * frames) + readNoise * random.normal();
    line[x] = Math.min(saturationAdu, electrons * toAdu);
  }
}

function referencePsf(grid: ReferenceGrid, options: ReferenceOptions): PsfField {
  return {
    width: grid.width,
    height: grid.height,
    fwhmPx: options.seeingArcsec / grid.wcs.pixelScaleArcsec,
    growth: 0.03,
    tilt: [0, 0],
    ellipticity: [0.01, 0.01],
    radialEllipticity: 0.02,
  };
}

function referenceCards(
  object: string,
  electronsAtZero: number,
  saturationAdu: number,
  options: ReferenceOptions,
): FitsHeader {
  const { unit, frames, filter, seeingArcsec } = options;
  const zeroPoint = 2.5 * Math.log10(electronsAtZero / unit.gainEAdu);
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  return FitsHeader.from({
    OBJECT: [object, "target"],
    IMAGETYP: ["LIGHT", "type of frame"],
    FILTER: [filter, "filter"],
    EXPTIME: [options.exposureS * frames, "[s] total exposure"],
    EXPAVG: [options.exposureS, "[s] exposure that the ADU belong to"],
    NCOMBINE: [frames, "frames averaged"],
    "DATE-OBS": ["2023-05-17T02:10:00.000", "mean start of the exposures, UTC"],
    TELESCOP: ["7DT", "telescope"],
    BUNIT: ["adu", "of one exposure"],
    EGAIN: [unit.gainEAdu * frames, "[e-/ADU] effective gain"],
    SATURATE: [saturationAdu, "[ADU] saturation level"],
    SEEING: [round(seeingArcsec, 3), "[arcsec] FWHM on axis"],
    PEEING: [round(seeingArcsec / unit.pixelScaleArcsec, 3), "[px] FWHM on axis"],
    ZP: [round(zeroPoint, 4), "[mag] AB magnitude of 1 ADU"],
    ZP_AUTO: [round(zeroPoint, 4), "[mag] AB magnitude of 1 ADU"],
    SWCREATE: ["gppy simulate", "synthetic frame"],
  });
}
