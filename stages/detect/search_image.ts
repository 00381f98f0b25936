/**
 * The search of one difference image: extraction of both signs, measurement, flags.
 *
 * @module
 */

import { join } from "node:path";
import { nearestGaussMask } from "../../config/gauss_conv.ts";
import { readAsciiHead } from "../../sky/catalogue.ts";
import { apertureDiametersPx } from "../phot/apertures.ts";
import { type ExtractionSetup, extractSources, type ImageCompanions } from "../phot/extraction.ts";
import { writeFlagImages } from "../phot/flag_image.ts";
import { measureSkyNoise, type SkyNoise } from "../phot/noise.ts";
import { stencilOf } from "../phot/stencil.ts";
import type { Product } from "../manifest.ts";
import type { StageContext } from "../stage.ts";
import { together } from "../../config/together.ts";
import type { Candidate } from "./candidate.ts";
import { type FlagLimits, flagsOf } from "./flags.ts";
import type { DifferenceInputs } from "./inputs.ts";
import { invertImage } from "./invert.ts";
import { type Extraction, measureCandidates } from "./measure_candidates.ts";
import {
  judgeCandidates,
  type KnownSources,
  type Suspicion,
  type SuspicionLimits,
} from "./suspicion.ts";

/** How sources are extracted; see the schema of the stage. */
export interface SearchOptions {
  /** Least signal to noise of a peak of the filtered difference. */
  readonly detectSnr: number;
  readonly detectMinArea: number;
  readonly backSize: number;
  readonly noiseApertures: number;
  /** Whether what has faded counts too. */
  readonly fading: boolean;
  /** Folder for what is only needed meanwhile. */
  readonly scratch: string;
}

/** What a search found. */
export interface SearchResult {
  readonly inputs: DifferenceInputs;
  /** What brightened, then what faded. */
  readonly candidates: readonly Candidate[];
  /** Flags of each candidate, in the order of the rules. */
  readonly flags: readonly (readonly boolean[])[];
  /** What speaks against all of them. */
  readonly suspicion: Suspicion;
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
  "FLAGS",
];

/**
 * Searches a difference image.
 *
 * @param inputs The difference and what belongs to it.
 * @param options Extraction.
 * @param limits Thresholds of the flags, and for the image as a whole.
 * @param context The stage's context.
 * @returns Candidates with their flags; none is no error.
 * @throws {GppyError} If the image cannot be searched.
 */
export async function searchImage(
  inputs: DifferenceInputs,
  options: SearchOptions,
  limits: FlagLimits & SuspicionLimits,
  context: StageContext,
): Promise<SearchResult> {
  const extraction = await extractBothSigns(inputs, options, context);
  const brighter = await measureCandidates(inputs, extraction, { sign: 1 });
  const after = brighter.length;
  const fainter = options.fading
    ? await measureCandidates(inputs, extraction, { sign: -1, after })
    : [];
  const candidates = [...brighter, ...fainter];
  const flags = candidates.map((candidate) => flagsOf(candidate, limits, inputs));
  const { noise, diametersPx } = extraction;
  const sources = await readSources(inputs.catalogue);
  const suspicion = judgeCandidates(candidates, sources, inputs.seeingPx, limits);
  return { inputs, candidates, flags, suspicion, noise, diametersPx };
}

/** The sources of the science image, as photometry found them. */
async function readSources(catalogue: Product | undefined): Promise<KnownSources | undefined> {
  if (catalogue === undefined) return undefined;
  const table = await readAsciiHead(catalogue.path);
  const columns = ["X_IMAGE", "Y_IMAGE", "FLUX_APER_1"];
  if (!columns.every((name) => table.has(name))) return undefined;
  const [x, y, fluxAdu] = columns.map((name) => table.column(name));
  return { x: x!.map((value) => value - 1), y: y!.map((value) => value - 1), fluxAdu: fluxAdu! };
}

/**
 * Extracts the sources of both signs.
 *
 * A first extraction finds the background and empty sky; the noise measured there
 * sets the threshold of the extractions that count.
 */
async function extractBothSigns(
  inputs: DifferenceInputs,
  options: SearchOptions,
  context: StageContext,
): Promise<Extraction> {
  const { seeingPx, pixelScaleArcsec } = inputs;
  const at = (name: string): string => join(options.scratch, name);
  const diametersPx = apertureDiametersPx(seeingPx, pixelScaleArcsec);
  const seeingArcsec = seeingPx * pixelScaleArcsec;
  const pass = { columns: COLUMNS, seeingArcsec, aperturesPx: diametersPx };
  const first = await setUpExtraction(inputs, options, context);
  const [subtracted, segmentation] = [at("subtracted.fits"), at("segmentation.fits")];
  const checkImages = { "-BACKGROUND": subtracted, "SEGMENTATION": segmentation };
  await together([
    extractSources(first, { ...pass, catalogue: at("first.cat"), checkImages }),
    invertImage(inputs.difference.path, at("inverted.fits")),
  ]);
  const noise = await measureSkyNoise(
    { image: inputs.difference.path, subtracted, segmentation, flags: first.companions.flagImage },
    { diametersPx, apertures: options.noiseApertures },
  );
  const detectThreshold = options.detectSnr *
    filteredNoise(await Deno.readTextFile(first.filter), noise, diametersPx[0] ?? 1);
  const setup = { ...first, detectThreshold };
  const [positive, negative] = await together([
    extractSources(setup, { ...pass, catalogue: at("positive.cat") }),
    extractSources({ ...setup, image: at("inverted.fits") }, {
      ...pass,
      catalogue: at("negative.cat"),
    }),
  ]);
  return { positive, negative, subtracted, noise, diametersPx };
}

/**
 * Gives the noise of an image after a detection filter, in units of that before it.
 *
 * √Σk² / Σk for independent pixels, times what the noise in an aperture exceeds
 * that of independent pixels.
 *
 * @param filter Text of the filter's file.
 * @param noise Noise of the sky.
 * @param diameterPx Diameter of the first aperture.
 * @returns A factor below 1.
 */
export function filteredNoise(filter: string, noise: SkyNoise, diameterPx: number): number {
  const kernel = filter.split("\n").filter((line) => /^\s*[-+.\d]/.test(line))
    .flatMap((line) => line.trim().split(/\s+/).map(Number));
  const sum = kernel.reduce((total, value) => total + value, 0);
  const independent = Math.sqrt(kernel.reduce((total, value) => total + value * value, 0)) / sum;
  const sigmaAdu = noise.skySigmaAdu * Math.sqrt(stencilOf(diameterPx).areaPx);
  const shared = Math.max(1, (noise.apertureSigmaAdu[0] ?? sigmaAdu) / sigmaAdu);
  return independent * (Number.isFinite(shared) ? shared : 1);
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
    detectThreshold: FIRST_THRESHOLD,
    detectMinArea: options.detectMinArea,
    backSizePx: options.backSize,
  };
}

/** Threshold of the first extraction, in units of the noise of a pixel. */
const FIRST_THRESHOLD = 1.5;
/** A difference does not saturate; its mask knows where the images did. */
const UNLIMITED_ADU = 1e9;

async function companionsOf(inputs: DifferenceInputs, scratch: string): Promise<ImageCompanions> {
  const weightImage = inputs.weight?.path;
  if (inputs.mask === undefined) return { weightImage };
  const made = await writeFlagImages(inputs.mask.path, join(scratch, "mask"), inputs);
  return { flagImage: made.flagImage, weightImage: weightImage ?? made.weightImage };
}
