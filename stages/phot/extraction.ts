/**
 * Source Extractor on one image: its settings, and what is read back.
 *
 * @module
 */

import { readTable, type Table } from "../../fits/table.ts";
import type { ToolSet } from "../../external/run_tool.ts";
import { runSextractor } from "../../external/sextractor.ts";

/** The files that stand beside an image for Source Extractor. */
export interface ImageCompanions {
  /** Integer image, 0 = good. */
  readonly flagImage?: string | undefined;
  /** Inverse variance or relative weight, 0 = no data. */
  readonly weightImage?: string | undefined;
  /** Noise, ADU; takes the place of the weight. */
  readonly noiseImage?: string | undefined;
}

/** What is constant for all extractions of an image. */
export interface ExtractionSetup {
  readonly tools: ToolSet;
  readonly image: string;
  readonly companions: ImageCompanions;
  /** Path of the configuration file. */
  readonly config: string;
  /** Path of the detection filter. */
  readonly filter: string;
  /** Electrons an ADU; 0 for an image without noise of its own sources. */
  readonly gain: number;
  readonly saturationAdu: number;
  readonly pixelScaleArcsec: number;
  readonly detectThreshold: number;
  readonly detectMinArea: number;
  readonly backSizePx: number;
}

/** What differs from one extraction to the next. */
export interface ExtractionPass {
  /** Where the catalogue goes. */
  readonly catalogue: string;
  /** Columns, as in a `.param` file. */
  readonly columns: readonly string[];
  readonly seeingArcsec: number;
  /** Diameters of the circular apertures, px. */
  readonly aperturesPx?: readonly number[];
  /** Check images by type, for example `{"SEGMENTATION": "seg.fits"}`. */
  readonly checkImages?: Readonly<Record<string, string>>;
}

/** A card that no image has: the value given is used, whatever the header says. */
const NO_CARD = "GPPYNONE";

/**
 * Runs Source Extractor once and reads its catalogue.
 *
 * @param setup The image and its constants.
 * @param pass Columns, apertures and check images.
 * @returns The table of sources; X_IMAGE and Y_IMAGE are 1-based.
 * @throws {ExternalToolError} If the program is missing or fails.
 */
export async function extractSources(
  setup: ExtractionSetup,
  pass: ExtractionPass,
): Promise<Table> {
  const withFlags = setup.companions.flagImage !== undefined;
  await runSextractor(setup.tools, {
    image: setup.image,
    catalogue: pass.catalogue,
    format: "FITS_LDAC",
    config: setup.config,
    filter: setup.filter,
    params: withFlags ? [...pass.columns, "IMAFLAGS_ISO"] : [...pass.columns],
    settings: {
      DETECT_THRESH: setup.detectThreshold,
      ANALYSIS_THRESH: setup.detectThreshold,
      DETECT_MINAREA: setup.detectMinArea,
      BACK_SIZE: setup.backSizePx,
      GAIN: setup.gain,
      GAIN_KEY: NO_CARD,
      SATUR_LEVEL: setup.saturationAdu,
      SATUR_KEY: NO_CARD,
      PIXEL_SCALE: setup.pixelScaleArcsec,
      SEEING_FWHM: pass.seeingArcsec,
      MAG_ZEROPOINT: 0,
      PHOT_APERTURES: [...(pass.aperturesPx ?? [5])],
      ...weighting(setup.companions),
    },
    files: companionFiles(setup.companions),
    ...(pass.checkImages === undefined ? {} : { checkImages: pass.checkImages }),
  });
  return await readTable(pass.catalogue, "LDAC_OBJECTS");
}

function companionFiles(companions: ImageCompanions): Record<string, string> {
  const { flagImage, weightImage, noiseImage } = companions;
  const weight = noiseImage ?? weightImage;
  return {
    ...(flagImage === undefined ? {} : { FLAG_IMAGE: flagImage }),
    ...(weight === undefined ? {} : { WEIGHT_IMAGE: weight }),
  };
}

function weighting(companions: ImageCompanions): Record<string, string> {
  if (companions.noiseImage !== undefined) {
    return { WEIGHT_TYPE: "MAP_RMS", RESCALE_WEIGHTS: "N", WEIGHT_GAIN: "N" };
  }
  return companions.weightImage === undefined
    ? { WEIGHT_TYPE: "NONE" }
    : { WEIGHT_TYPE: "MAP_WEIGHT", WEIGHT_GAIN: "N" };
}
