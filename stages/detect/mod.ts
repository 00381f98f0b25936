/**
 * The stage `detect`: from difference images to a list of transients.
 *
 * @module
 */

import * as z from "zod";
import { makeScratchFolder } from "../../config/scratch_folder.ts";
import type { Product } from "../manifest.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { type FlagLimits, isTransient } from "./flags.ts";
import { findInputs } from "./inputs.ts";
import { type OutputOptions, saveSearch } from "./outputs.ts";
import { searchImage, type SearchOptions } from "./search_image.ts";
import type { SuspicionLimits } from "./suspicion.ts";

const params = z.object({
  detectSnr: z.number().positive().default(4)
    .describe("Least signal to noise of a peak of the difference after the matched filter"),
  detectMinArea: z.int().min(1).default(5)
    .describe("Least area of a candidate").meta({ unit: "px" }),
  backSize: z.int().min(8).default(128)
    .describe("Mesh of the background of the difference").meta({ unit: "px" }),
  noiseApertures: z.int().min(100).default(4000)
    .describe("Places tried for the noise of the difference in apertures"),
  fading: z.boolean().default(true)
    .describe("Also look for what is fainter than in the reference"),
  edgePx: z.number().min(0).default(10)
    .describe("flag edge: nearer than this to one of the four edges").meta({ unit: "px" }),
  minSnr: z.number().default(5)
    .describe("flag snr: signal to noise below this in an aperture of 2 x 0.673 seeing"),
  maxEllipticity: z.number().min(0).max(1).default(0.5)
    .describe("flag shape: ellipticity above this"),
  maxElongation: z.number().min(1).default(2)
    .describe("flag shape: elongation above this"),
  minFwhmRatio: z.number().min(0).default(0.65)
    .describe("flag fwhm: FWHM below this part of the seeing").meta({ unit: "seeing" }),
  maxFwhmRatio: z.number().positive().default(1.6)
    .describe("flag fwhm: FWHM above this multiple of the seeing").meta({ unit: "seeing" }),
  negativeRadius: z.number().min(0).default(2)
    .describe(
      "flag negative: a twin of the other sign of at least 0.3 times the flux within this radius",
    )
    .meta({ unit: "seeing" }),
  maxDipoleRatio: z.number().min(0).default(0.4)
    .describe("flag dipole: signal of the other sign over its own within 1.5 seeing above this"),
  maxMaskedFraction: z.number().min(0).max(1).default(0.1)
    .describe("flag masked: masked part of the aperture above this"),
  minReferenceFraction: z.number().min(0).max(1).default(0.9)
    .describe("flag outside_reference: part of the aperture that the reference covers below this"),
  maxApertureDifference: z.number().min(0).default(0.4)
    .describe(
      "flag magnitude_difference: the smallest and the 3-seeing aperture differ by more than this " +
        "and 2 sigma, added in squares, from what they differ by on a star",
    ).meta({ unit: "mag" }),
  minReferenceContrast: z.number().default(0.03)
    .describe("flag residual: flux below this part of the steady light in the aperture"),
  maxSharedOffset: z.number().min(0).default(0.2)
    .describe(
      "Doubt an image of whose candidates of one sign more than this part stands at one offset " +
        "from brighter stars, as ghosts and trails of all stars do",
    ),
  maxPerSource: z.number().min(0).default(1)
    .describe("Doubt an image with more candidates than this times its sources, and 20 at least"),
  stampSize: z.int().min(11).default(101)
    .describe("Side of the stamps").meta({ unit: "px" }),
  maxStamps: z.int().min(0).default(500)
    .describe("Most transients an image that get stamps, the most significant first"),
  flaggedStamps: z.int().min(0).default(0)
    .describe("Most flagged candidates an image that get stamps, the most significant first"),
});

const metrics = z.object({
  images: z.int().describe("Difference images searched"),
  candidates: z.int().describe("Sources found in them"),
  transients: z.int().describe("Of these, with no flag"),
  faded: z.int().describe("Of the transients, fainter than in the reference"),
  suspect: z.int().describe("Of the transients, in images that are doubted as a whole"),
});

/** The stage `detect`. */
export const detect = defineStage({
  name: "detect",
  summary: "Find transients in difference images",
  description:
    "Source Extractor runs on the difference and on the inverted difference. Every source is a " +
    "candidate, of sign 1 where the image is brighter than the reference and -1 where it is fainter; ten rules " +
    "raise flags of their own (edge, snr, shape, fwhm, negative, dipole, masked, outside_reference, magnitude_difference, residual), and a candidate without any flag " +
    "is a transient. An image whose candidates follow its stars, or are too many, is doubted as a " +
    "whole: they stay, and catalogue, stamps and manifest say why. Brightness is measured in the apertures of phot with the zero points of the " +
    "science image, its noise in apertures on empty parts of the difference.\n\n" +
    "That nothing was found is no error.",
  params,
  inputs: { difference: "Science image minus reference, on the grid of the science image" },
  outputs: {
    transients: "All candidates with brightness and flags, `.transient.cat`",
    regions: "The same for ds9, `.transient.reg`: transients green, the others red",
    table: "Candidates by flag, `.flags.csv`",
    stamp: "Cut-outs of science image, reference and difference: FITS, and one PNG a transient",
    picture: "The whole difference with the candidates marked",
  },
  metrics,
  ingestAs: "difference",
  async run(params, context) {
    const results = await context.each(
      context.inputs,
      (difference) => searchOne(difference, params, context),
      { id: (difference) => difference.id },
    );
    return {
      products: results.flatMap((result) => result.products),
      metrics: {
        images: results.length,
        candidates: results.reduce((sum, result) => sum + result.candidates, 0),
        transients: results.reduce((sum, result) => sum + result.transients, 0),
        faded: results.reduce((sum, result) => sum + result.faded, 0),
        suspect: results.reduce((sum, result) => sum + result.suspect, 0),
      },
    };
  },
});

interface OneResult {
  readonly products: readonly NewProduct[];
  readonly candidates: number;
  readonly transients: number;
  readonly faded: number;
  readonly suspect: number;
}

async function searchOne(
  difference: Product,
  params: Omit<SearchOptions, "scratch"> & FlagLimits & SuspicionLimits & OutputOptions,
  context: StageContext,
): Promise<OneResult> {
  const inputs = await findInputs(difference, context);
  const scratch = makeScratchFolder(".detect-", context.folder);
  try {
    const result = await searchImage(inputs, { ...params, scratch }, params, context);
    const products = await saveSearch(result, params, context);
    const passed = result.candidates.filter((_, i) => isTransient(result.flags[i] ?? []));
    const [transients, faded] = [passed.length, passed.filter(({ sign }) => sign < 0).length];
    context.log.info(
      "{id}: {candidates} candidates, {transients} transients, {faded} of them faded",
      {
        id: difference.id,
        candidates: result.candidates.length,
        ...{ transients, faded },
      },
    );
    const { reason } = result.suspicion;
    if (reason !== undefined) {
      context.log.warn("{id}: its candidates are suspect: {reason}", { id: difference.id, reason });
    }
    const suspect = reason === undefined ? 0 : transients;
    return { products, candidates: result.candidates.length, transients, faded, suspect };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}
