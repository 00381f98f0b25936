/**
 * Parameters of the stage `subtract`.
 *
 * @module
 */

import * as z from "zod";
import { ENGINES } from "./engines/engines.ts";

const order = z.int().min(0).max(4).nullable().default(null);

/** What the stage can be told. */
export const params = z.object({
  engine: z.enum(["auto", ...ENGINES]).default("auto")
    .describe(
      "What subtracts; auto: HOTPANTS when it is installed, then native, then ZOGY, until one passes",
    ),
  reference: z.string().nullable().default(null)
    .describe("Reference for all frames; by default the object's in path_references/<filter>"),
  convolve: z.enum(["auto", "reference", "science", "preconvolve"]).default("auto").describe(
    "Image that is convolved; auto: the sharper; preconvolve: the reference, after the science frame by its PSF",
  ),
  basis: z.enum(["gaussians", "delta"]).default("gaussians")
    .describe("What the native kernel is made of; delta: a smooth sum of single pixels"),
  kernelOrder: order.describe("Spatial order of the kernel; by default what the stars carry"),
  scaleOrder: z.int().min(0).max(3).default(0)
    .describe("Spatial order of the photometric scale"),
  backgroundOrder: order.describe(
    "Spatial order of the background; by default what the stars carry",
  ),
  regions: z.string().regex(/^[1-9]\d?x[1-9]\d?$/).nullable().default(null)
    .describe("Regions of HOTPANTS along x and y, such as 3x2; by default one"),
  clipSigma: z.number().positive().default(4)
    .describe("Drop kernel stars whose chi2 lies farther than this above the median")
    .meta({ unit: "sigma" }),
  minSnr: z.number().positive().default(20).describe("Faintest kernel star"),
  maxSnr: z.number().positive().default(1000)
    .describe("Brightest kernel star, if ten are left without brighter ones"),
  maxStars: z.int().min(3).nullable().default(null).describe(
    "Kernel stars at most, spread over the field; by default 200, and 5 for each million pixels",
  ),
  skyMesh: z.int().min(0).default(64)
    .describe("Squares by which the remaining background is taken off the difference; 0: it stays")
    .meta({ unit: "px" }),
  decorrelate: z.boolean().default(false)
    .describe("Write the difference with white noise too: <stack>.subt.decorr.fits"),
  score: z.boolean().default(false)
    .describe("Write how significant a point source is at each pixel: <stack>.subt.score.fits"),
  psf: z.boolean().default(false)
    .describe("Write the PSF of the difference at 5x5 places: <stack>.subt.psf.fits"),
  pictures: z.boolean().default(true)
    .describe("Draw an overview, a map of what is left, and the kernel"),
  maxPullError: z.number().positive().default(0.15)
    .describe("How far from 1 the spread of difference over noise may be; fails at twice that"),
  maxPowerLeft: z.number().positive().default(0.2)
    .describe("Signal left in star footprints, of the star's; fails at twice that"),
  maxConditionNumber: z.number().positive().default(1e9)
    .describe("Condition number of the kernel fit; fails at a thousand times that"),
  maxSumError: z.number().positive().default(0.1)
    .describe(
      "How far the kernel sum may be from what fluxes and zero points demand; fails at twice that",
    ),
  maxRegistration: z.number().positive().default(1)
    .describe(
      "Median offset of the stars of both images, and its scatter; fails at three times that",
    )
    .meta({ unit: "px" }),
  maxBlockPull: z.number().positive().default(3)
    .describe("Mean of the difference over 64-px squares of sky, rms; degraded beyond")
    .meta({ unit: "sigma" }),
  maxStarPull: z.number().positive().default(3)
    .describe("Spread of difference over noise in the cores of kernel stars; degraded beyond"),
  maxMasked: z.number().min(0).max(1).default(0.5)
    .describe("Part of the pixels that may be unusable; degraded beyond"),
  minCoverage: z.number().min(0).max(1).default(0.1)
    .describe("Part of the frame that the reference must cover"),
});

/** What the stage was told. */
export type Params = z.output<typeof params>;
