/**
 * The stage `phot`: seeing, fluxes, zero points and depths of frames and stacks.
 *
 * @module
 */

import { basename } from "node:path";
import * as z from "zod";
import { makeScratchFolder } from "../../config/scratch_folder.ts";
import { UsageError } from "../../config/errors.ts";
import type { Product } from "../manifest.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { describeFailures, type GateLimits, judge } from "./gates.ts";
import { type ImagePhotometry, measureImage, type MeasureOptions } from "./measure_image.ts";
import { savePhotometry } from "./outputs.ts";
import { findReference, isFile, referenceHasFilter } from "./reference.ts";

const params = z.object({
  reference: z.string().nullable().default(null)
    .describe("Photometric reference for all images; by default the object's file in path_refcat"),
  matchRadius: z.number().positive().default(1.5)
    .describe("Largest distance between a source and its reference star").meta({ unit: "arcsec" }),
  refMagMin: z.number().default(10)
    .describe("Brightest reference magnitude for the zero point").meta({ unit: "mag" }),
  refMagMax: z.number().default(18)
    .describe("Faintest reference magnitude for the zero point").meta({ unit: "mag" }),
  maxMagError: z.number().positive().default(0.05)
    .describe("Largest error of a star's own magnitude for the zero point").meta({ unit: "mag" }),
  clipSigma: z.number().positive().default(3)
    .describe("Clip reference stars farther than this from the median").meta({ unit: "sigma" }),
  requireZeroPoint: z.boolean().default(false)
    .describe("Leave an image behind when there is no reference for it"),
  minStars: z.int().min(1).default(5).describe("Reference stars below which the image fails"),
  goodStars: z.int().min(1).default(50).describe("Reference stars below which it is degraded"),
  maxScatter: z.number().positive().default(0.1)
    .describe("Scatter of the zero point at which the image fails").meta({ unit: "mag" }),
  maxEllipticity: z.number().positive().max(1).default(0.3)
    .describe("Median ellipticity of the stars at which the image fails"),
  starSnr: z.number().positive().default(20)
    .describe("Least signal to noise of the stars that the seeing is taken from"),
  saturationFraction: z.number().positive().max(1).default(0.9)
    .describe("Part of the saturation level above which a star counts as saturated"),
  detectThreshold: z.number().positive().default(1.5)
    .describe("Threshold of the extraction").meta({ unit: "sigma" }),
  detectMinArea: z.int().min(1).default(5)
    .describe("Least area of a source").meta({ unit: "px" }),
  backSize: z.int().min(8).default(128)
    .describe("Mesh of the background").meta({ unit: "px" }),
  noiseApertures: z.int().min(100).default(4000)
    .describe("Places tried for the noise of the sky in apertures"),
});

const metrics = z.object({
  images: z.int().describe("Images measured"),
  calibrated: z.int().describe("Of these, with a zero point"),
  failed: z.int().describe("Of these, left behind by a gate"),
});

/** The stage `phot`. */
export const phot = defineStage({
  name: "phot",
  summary: "Measure seeing, brightness, zero point and depth",
  description:
    "Source Extractor runs twice on each image: once for the seeing, once with the six circular " +
    "apertures that follow from it (diameters 2 x 0.673, 2 and 3 seeing; 3, 5 and 10 arcsec) and " +
    "the automatic one. Clean stars are matched to a reference with a column mag_<filter>; the zero " +
    "point of an aperture is the clipped median of reference minus instrumental magnitude, its " +
    "error the robust scatter over the square root of the number of stars. The depth at n sigma is " +
    "zero point - 2.5 log10(n x noise), the noise being measured in such apertures on empty sky.\n\n" +
    "Images measured before are not measured again: stacks come first, then frames. An image " +
    "without a reference goes on without a zero point, marked as degraded.",
  params,
  inputs: {
    frame: "Frames with a WCS that were not measured yet",
    stack: "Stacks that were not measured yet",
  },
  outputs: {
    frame: "The frame with ZP_x EZP_x UL3_x UL5_x SEEING PEEING ELLIP ELONG SKYVAL SKYSIG",
    stack: "The stack with the same cards",
    catalogue: "Sources with calibrated magnitudes, `.phot.cat`",
    picture: "Reference minus instrumental magnitude of each star, `.zp.png`",
  },
  metrics,
  ingestAs: "frame",
  select: selectUnmeasured,
  async run(params, context) {
    const results = await context.each(
      context.inputs,
      (image) => measureOne(image, params, context),
      { id: (image) => image.id, concurrency: 2 },
    );
    return {
      products: results.flatMap((result) => result.products),
      metrics: {
        images: results.length,
        calibrated: results.filter((result) => result.calibrated).length,
        failed: results.filter((result) => result.failed).length,
      },
    };
  },
});

/**
 * Chooses what is to be measured: stacks that were not measured, else frames that were not.
 *
 * @param products Frames and stacks.
 * @returns Those without a measured seeing.
 */
export function selectUnmeasured(products: readonly Product[]): readonly Product[] {
  const unmeasured = products.filter((product) =>
    product.measured["seeingArcsec"] === undefined && product.measured["zeroPoint"] === undefined
  );
  const stacks = unmeasured.filter((product) => product.kind === "stack");
  return stacks.length > 0 ? stacks : unmeasured;
}

interface OneResult {
  readonly products: readonly NewProduct[];
  readonly calibrated: boolean;
  readonly failed: boolean;
}

async function measureOne(
  image: Product,
  params: MeasureOptions & GateLimits & { readonly reference: string | null },
  context: StageContext,
): Promise<OneResult> {
  const reference = await chooseReference(image, params.reference, context);
  const scratch = makeScratchFolder(".phot-", context.folder);
  try {
    const measured = await measureImage(image, reference, { ...params, scratch }, context);
    const zeroPoint = measured.calibration[0]?.zeroPoint ?? null;
    const { ellipticity } = measured.seeing;
    const hasReference = measured.reference !== null;
    const gates = judge({ zeroPoint, hasReference, ellipticity }, params);
    const products = await savePhotometry(measured, gates, params, context);
    const failure = describeFailures(gates);
    if (failure !== undefined) leaveByGate(measured, failure, context);
    return { products, calibrated: zeroPoint !== null, failed: failure !== undefined };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** The file that was asked for, else the object's; null where it has nothing for this image. */
async function chooseReference(
  image: Product,
  asked: string | null,
  context: StageContext,
): Promise<string | null> {
  const { object, filter } = image;
  if (asked !== null && !await isFile(asked)) {
    throw new UsageError(`Cannot read the photometric reference "${asked}": there is no such file`);
  }
  const path = asked ??
    (object === undefined ? undefined : await findReference(context.site.paths.refcat, object));
  if (path === undefined || filter === undefined) {
    context.log.warn("{id}: no photometric reference, so no zero point", { id: image.id });
    return null;
  }
  if (await referenceHasFilter(path, filter)) return path;
  context.log.warn("{id}: {file} has no magnitudes in {filter}, so no zero point", {
    id: image.id,
    file: basename(path),
    filter,
  });
  return null;
}

function leaveByGate(measured: ImagePhotometry, failure: string, context: StageContext): void {
  context.leave(measured.image.id, {
    error: "Gate",
    message: `Cannot go on with "${measured.image.id}": ${failure}`,
    details: {
      zeroPointStars: measured.calibration[0]?.zeroPoint?.stars ?? null,
      zeroPointScatterMag: measured.calibration[0]?.zeroPoint?.scatterMag ?? null,
      ellipticity: measured.seeing.ellipticity,
    },
  });
}
