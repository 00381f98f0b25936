/**
 * The search of one difference image: extraction of both signs, measurement, flags.
 *
 * @module
 */

import { join } from "node:path";
import { nearestGaussMask } from "../../config/gauss_conv.ts";
import { apertureDiametersPx } from "../phot/apertures.ts";
import { type ExtractionSetup, extractSources, type ImageCompanions } from "../phot/extraction.ts";
import { writeFlagImages } from "../phot/flag_image.ts";
import { measureSkyNoise, type SkyNoise } from "../phot/noise.ts";
import type { StageContext } from "../stage.ts";
import type { Candidate } from "./candidate.ts";
import { type FlagLimits, flagsOf } from "./flags.ts";
import type { DifferenceInputs } from "./inputs.ts";
import { invertImage } from "./invert.ts";
import { type Extraction, measureCandidates } from "./measure_candidates.ts";

/** How sources are extracted; see the schema of the stage. */
export interface SearchOptions {
  readonly detectThreshold: number;
  readonly detectMinArea: number;
  readonly backSize: number;
  readonly noiseApertures: number;
  /** Folder for what is only needed meanwhile. */
  readonly scratch: string;
}

/** What a search found. */
export interface SearchResult {
  readonly inputs: DifferenceInputs;
  readonly candidates: readonly Candidate[];
  /** Flags of each candidate, in the order of the rules. */
  readonly flags: readonly (readonly boolean[])[];
  readonly noise: SkyNoise;
  readonly diametersPx: readonly number[];
}

const COLUMNS: readonly string[] = [
  "NUMBER",
  "X_IMAGE",
  "Y_IMAGE",
  "FLUX_AUTO",
  "FLUX_APER(6)",
  "KRON_RADIUS",
  "A_IMAGE",
  "B_IMAGE",
  "ELLIPTICITY",
  "ELONGATION",
  "FWHM_IMAGE",
  "FLAGS",
];

/**
 * Searches a difference image.
 *
 * @param inputs The difference and what belongs to it.
 * @param options Extraction.
 * @param limits Thresholds of the flags.
 * @param context The stage's context.
 * @returns Candidates with their flags; none is no error.
 * @throws {GppyError} If the image cannot be searched.
 */
export async function searchImage(
  inputs: DifferenceInputs,
  options: SearchOptions,
  limits: FlagLimits,
  context: StageContext,
): Promise<SearchResult> {
  const extraction = await extractBothSigns(inputs, options, context);
  const candidates = await measureCandidates(inputs, extraction);
  const flags = candidates.map((candidate) => flagsOf(candidate, limits, inputs));
  const { noise, diametersPx } = extraction;
  return { inputs, candidates, flags, noise, diametersPx };
}

async function extractBothSigns(
  inputs: DifferenceInputs,
  options: SearchOptions,
  context: StageContext,
): Promise<Extraction> {
  const { seeingPx, pixelScaleArcsec } = inputs;
  const diametersPx = apertureDiametersPx(seeingPx, pixelScaleArcsec);
  const setup = await setUpExtraction(inputs, options, context);
  const subtracted = join(options.scratch, "subtracted.fits");
  const segmentation = join(options.scratch, "segmentation.fits");
  const inverted = join(options.scratch, "inverted.fits");
  const pass = {
    columns: COLUMNS,
    seeingArcsec: seeingPx * pixelScaleArcsec,
    aperturesPx: diametersPx,
  };
  const positive = await extractSources(setup, {
    ...pass,
    catalogue: join(options.scratch, "positive.cat"),
    checkImages: { "-BACKGROUND": subtracted, "SEGMENTATION": segmentation },
  });
  await invertImage(inputs.difference.path, inverted);
  const negative = await extractSources({ ...setup, image: inverted }, {
    ...pass,
    catalogue: join(options.scratch, "negative.cat"),
  });
  const flags = setup.companions.flagImage;
  const noise = await measureSkyNoise(
    { image: inputs.difference.path, subtracted, segmentation, flags },
    { diametersPx, apertures: options.noiseApertures },
  );
  return { positive, negative, subtracted, noise, diametersPx };
}

async function setUpExtraction(
  inputs: DifferenceInputs,
  options: SearchOptions,
  context: StageContext,
): Promise<ExtractionSetup> {
  return {
    tools: context.tools,
    image: inputs.difference.path,
    companions: await companionsOf(inputs, options.scratch),
    config: context.site.file("7dt.sex"),
    filter: context.site.file(nearestGaussMask(inputs.seeingPx)),
    gain: 0,
    saturationAdu: UNLIMITED_ADU,
    pixelScaleArcsec: inputs.pixelScaleArcsec,
    detectThreshold: options.detectThreshold,
    detectMinArea: options.detectMinArea,
    backSizePx: options.backSize,
  };
}

/** A difference does not saturate; its mask knows where the images did. */
const UNLIMITED_ADU = 1e9;

async function companionsOf(inputs: DifferenceInputs, scratch: string): Promise<ImageCompanions> {
  const weightImage = inputs.weight?.path;
  if (inputs.mask === undefined) return { weightImage };
  const made = await writeFlagImages(inputs.mask.path, join(scratch, "mask"));
  return { flagImage: made.flagImage, weightImage: weightImage ?? made.weightImage };
}
