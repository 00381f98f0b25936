/**
 * Photometry of one image, from its file to its measured quantities.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { nearestGaussMask } from "../../config/gauss_conv.ts";
import { type FitsHeader } from "../../fits/header.ts";
import { readHeader } from "../../fits/file.ts";
import type { Table } from "../../fits/table.ts";
import { type Wcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { Product } from "../manifest.ts";
import type { StageContext } from "../stage.ts";
import { apertureDiametersPx } from "./apertures.ts";
import { type ApertureCalibration, calibrate } from "./calibrate.ts";
import { MEASURED_COLUMNS, SHAPE_COLUMNS } from "./columns.ts";
import { type ExtractionSetup, extractSources, type ImageCompanions } from "./extraction.ts";
import { writeFlagImages } from "./flag_image.ts";
import { measureSkyNoise, type SkyNoise } from "./noise.ts";
import { type ApertureFluxes, autoAreasPx, fluxesOf } from "./photometry.ts";
import { matchReference, readReference, type ReferenceMatches } from "./reference.ts";
import { measureSeeing, type Seeing } from "./seeing.ts";

/** The parameters that a measurement depends on; see the schema of the stage. */
export interface MeasureOptions {
  readonly detectThreshold: number;
  readonly detectMinArea: number;
  readonly backSize: number;
  readonly starSnr: number;
  readonly saturationFraction: number;
  readonly noiseApertures: number;
  readonly matchRadius: number;
  readonly refMagMin: number;
  readonly refMagMax: number;
  readonly maxMagError: number;
  readonly clipSigma: number;
}

/** Everything measured on one image. */
export interface ImagePhotometry {
  readonly image: Product;
  readonly header: FitsHeader;
  /** Undefined when the image has none. */
  readonly wcs: Wcs | undefined;
  readonly pixelScaleArcsec: number;
  readonly gain: number;
  readonly diametersPx: readonly number[];
  readonly table: Table;
  /** Position of every source, degrees; NaN without a WCS. */
  readonly raDeg: Float64Array;
  readonly decDeg: Float64Array;
  readonly seeing: Seeing;
  readonly noise: SkyNoise;
  readonly fluxes: readonly ApertureFluxes[];
  readonly matches: ReferenceMatches | undefined;
  readonly calibration: readonly ApertureCalibration[];
  /** The reference used, or null. */
  readonly reference: string | null;
}

/**
 * Measures an image: seeing, noise of the sky, fluxes, and the calibration of every aperture.
 *
 * @param image The image.
 * @param reference Path of the photometric reference; null for none.
 * @param options Parameters, and a folder for what is only needed meanwhile.
 * @param context The stage's context.
 * @returns What was measured.
 * @throws {GppyError} If the image cannot be measured.
 */
export async function measureImage(
  image: Product,
  reference: string | null,
  options: MeasureOptions & { readonly scratch: string },
  context: StageContext,
): Promise<ImagePhotometry> {
  const header = await readHeader(image.path);
  const wcs = wcsFromHeader(header);
  const setup = await setUpExtraction(image, header, wcs, options, context);
  const { pixelScaleArcsec, gain } = setup;
  const seeing = await firstPass(setup, options);
  const filter = context.site.file(nearestGaussMask(seeing.fwhmPx));
  const second = await secondPass({ ...setup, filter }, seeing, options);
  const { table, noise } = second;
  const positions = skyPositions(table, wcs);
  const clean = cleanRows(table, setup.saturationAdu * options.saturationFraction);
  if (reference !== null && wcs === undefined) {
    context.log.warn("{id}: no WCS, so no zero point", { id: image.id });
  }
  const matches = reference === null || wcs === undefined || image.filter === undefined
    ? undefined
    : await matchStars(reference, image.filter, positions, clean, options);
  const fluxes = fluxesOf(table, noise, gain);
  const stars = starRows(table, seeing, clean);
  const { clipSigma, maxMagError } = options;
  const autoAreaPx = autoAreasPx(table);
  const calibration = calibrate({
    fluxes,
    noise,
    stars,
    autoAreaPx,
    matches,
    clipSigma,
    maxMagError,
  });
  return {
    ...{ image, header, wcs, pixelScaleArcsec, gain, ...second, ...positions },
    ...{ seeing, fluxes, matches, calibration },
    reference: matches === undefined ? null : reference,
  };
}

/** The extraction that counts, with apertures by the seeing, and the noise of the sky it leaves. */
async function secondPass(
  setup: ExtractionSetup,
  seeing: Seeing,
  options: MeasureOptions & { readonly scratch: string },
): Promise<Pick<ImagePhotometry, "table" | "noise" | "diametersPx">> {
  const diametersPx = apertureDiametersPx(seeing.fwhmPx, setup.pixelScaleArcsec);
  const subtracted = join(options.scratch, "subtracted.fits");
  const segmentation = join(options.scratch, "segmentation.fits");
  const table = await extractSources(setup, {
    catalogue: join(options.scratch, "second.cat"),
    columns: MEASURED_COLUMNS,
    seeingArcsec: seeing.fwhmPx * setup.pixelScaleArcsec,
    aperturesPx: diametersPx,
    checkImages: { "-BACKGROUND": subtracted, "SEGMENTATION": segmentation },
  });
  const noise = await measureSkyNoise(
    { image: setup.image, subtracted, segmentation, flags: setup.companions.flagImage },
    { diametersPx, apertures: options.noiseApertures },
  );
  return { table, noise, diametersPx };
}

/**
 * Prepares the extraction of an image: what its header, its unit and its mask say.
 *
 * The gain is EGAIN of the header, else the product's, else the unit's; the level of saturation
 * SATURATE of the header, else the unit's.
 *
 * @throws {DataError} If the scale of the pixels is unknown.
 */
async function setUpExtraction(
  image: Product,
  header: FitsHeader,
  wcs: Wcs | undefined,
  options: MeasureOptions & { readonly scratch: string },
  context: StageContext,
): Promise<ExtractionSetup> {
  const unit = context.site.units.get(image.unit ?? context.manifest.night.unit);
  const pixelScaleArcsec = wcs?.pixelScaleArcsec ?? unit?.pixelScaleArcsec;
  if (pixelScaleArcsec === undefined) {
    throw new DataError(`Cannot measure "${image.path}": neither a WCS nor a known unit`);
  }
  return {
    tools: context.tools,
    image: image.path,
    companions: await companionsOf(image, header, options.scratch, context),
    config: context.site.file("7dt.sex"),
    filter: context.site.file(nearestGaussMask(3)),
    gain: header.number("EGAIN") ?? image.gain ?? unit?.gainEAdu ?? 0,
    saturationAdu: header.number("SATURATE") ?? unit?.saturationAdu ?? DEFAULT_SATURATION_ADU,
    pixelScaleArcsec,
    detectThreshold: options.detectThreshold,
    detectMinArea: options.detectMinArea,
    backSizePx: options.backSize,
  };
}

/** Of a 16-bit converter, when nothing better is known. */
const DEFAULT_SATURATION_ADU = 60_000;

async function companionsOf(
  image: Product,
  header: FitsHeader,
  scratch: string,
  context: StageContext,
): Promise<ImageCompanions> {
  const weight = context.companion(image.id, "weight");
  const mask = context.companion(image.id, "mask");
  if (mask === undefined) return { weightImage: weight?.path };
  const size = { width: header.requireNumber("NAXIS1"), height: header.requireNumber("NAXIS2") };
  const made = await writeFlagImages(mask.path, join(scratch, "mask"), size);
  return { flagImage: made.flagImage, weightImage: weight?.path ?? made.weightImage };
}

async function firstPass(
  setup: ExtractionSetup,
  options: MeasureOptions & { readonly scratch: string },
): Promise<Seeing> {
  const table = await extractSources({
    ...setup,
    detectThreshold: Math.max(5, setup.detectThreshold),
  }, {
    catalogue: join(options.scratch, "first.cat"),
    columns: SHAPE_COLUMNS,
    seeingArcsec: 3 * setup.pixelScaleArcsec,
  });
  const flux = table.column("FLUX_AUTO");
  const error = table.column("FLUXERR_AUTO");
  return measureSeeing({
    fwhmPx: table.column("FWHM_IMAGE"),
    ellipticity: table.column("ELLIPTICITY"),
    elongation: table.column("ELONGATION"),
    snr: Float64Array.from(flux, (value, i) => value / (error[i] ?? NaN)),
    peakAdu: table.column("FLUX_MAX"),
    backgroundAdu: table.column("BACKGROUND"),
    fluxAdu: flux,
    flags: table.column("FLAGS"),
    ...(table.has("IMAFLAGS_ISO") ? { maskFlags: table.column("IMAFLAGS_ISO") } : {}),
  }, { minSnr: options.starSnr, saturationAdu: setup.saturationAdu * options.saturationFraction });
}

function skyPositions(
  table: Table,
  wcs: Wcs | undefined,
): { raDeg: Float64Array; decDeg: Float64Array } {
  const raDeg = new Float64Array(table.rows).fill(NaN);
  const decDeg = new Float64Array(table.rows).fill(NaN);
  if (wcs === undefined) return { raDeg, decDeg };
  const x = table.column("X_IMAGE");
  const y = table.column("Y_IMAGE");
  for (let i = 0; i < table.rows; i++) {
    const [ra, dec] = wcs.pixelToSky((x[i] ?? NaN) - 1, (y[i] ?? NaN) - 1);
    raDeg[i] = ra;
    decDeg[i] = dec;
  }
  return { raDeg, decDeg };
}

/** Unflagged, unmasked, unsaturated. */
function cleanRows(table: Table, saturationAdu: number): number[] {
  const flags = table.column("FLAGS");
  const mask = table.has("IMAFLAGS_ISO") ? table.column("IMAFLAGS_ISO") : undefined;
  const peak = table.column("FLUX_MAX");
  const background = table.column("BACKGROUND");
  return Array.from({ length: table.rows }, (_, i) => i).filter((i) =>
    flags[i] === 0 && (mask?.[i] ?? 0) === 0 &&
    (peak[i] ?? NaN) + (background[i] ?? NaN) < saturationAdu
  );
}

/** Clean sources as wide as the stars, bright enough for aperture corrections. */
function starRows(table: Table, seeing: Seeing, clean: readonly number[]): number[] {
  const fwhm = table.column("FWHM_IMAGE");
  const flux = table.column("FLUX_AUTO");
  const error = table.column("FLUXERR_AUTO");
  return clean.filter((i) => {
    const ratio = (fwhm[i] ?? NaN) / seeing.fwhmPx;
    return ratio > 0.8 && ratio < 1.25 && (flux[i] ?? NaN) > 20 * (error[i] ?? NaN);
  });
}

async function matchStars(
  path: string,
  filter: string,
  positions: { readonly raDeg: Float64Array; readonly decDeg: Float64Array },
  rows: readonly number[],
  options: MeasureOptions,
): Promise<ReferenceMatches> {
  const stars = await readReference(path, filter, {
    minMag: options.refMagMin,
    maxMag: options.refMagMax,
  });
  return matchReference(positions, rows, stars, options.matchRadius);
}
