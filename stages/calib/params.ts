/**
 * The parameters of the stage `calib`.
 *
 * @module
 */

import * as z from "zod";
import { OVERSCAN_METHODS } from "./frames/overscan.ts";

const COMBINE = ["median", "clipped-median", "clipped-mean", "mean"] as const;

/** Every parameter with its default, unit and description. */
export const params = z.object({
  overscan: z.enum(OVERSCAN_METHODS).default("smooth")
    .describe("How an overscan becomes a level: by line and smoothed, by line, or one for all"),
  combine: z.enum(COMBINE).default("clipped-mean").describe("How biases and darks are combined"),
  flatCombine: z.enum(COMBINE).default("clipped-median").describe("How flats are combined"),
  clipSigma: z.number().positive().default(4)
    .describe("Reject samples of a master farther than this from their median")
    .meta({ unit: "sigma" }),
  minInputs: z.int().min(1).default(3).describe("Frames a master needs at least"),
  masterVariance: z.boolean().default(true)
    .describe("Write variance and counts of each pixel beside a master"),
  minFlatAdu: z.number().positive().default(500)
    .describe("Median above bias and dark that a flat needs").meta({ unit: "ADU" }),
  flatGradient: z.number().positive().default(0.02)
    .describe("A flat whose illumination differs more from that of the others is left out"),
  judge: z.boolean().default(true)
    .describe("Use a new master only if it is near the last accepted one"),
  driftAdu: z.number().positive().default(20)
    .describe("A bias or dark farther than this from the last one is refused")
    .meta({ unit: "ADU" }),
  flatDrift: z.number().positive().default(0.05)
    .describe("A flat whose ratio to the last one scatters more is refused"),
  noiseRatio: z.number().min(1).default(2)
    .describe("A master whose noise differs by more than this factor is refused (flats: 3 times)"),
  changedFraction: z.number().min(0).max(1).default(0.05)
    .describe("A master with more pixels than this part changed by 6 sigma is refused"),
  darkTemperatureC: z.number().positive().default(2)
    .describe("A dark farther than this in temperature is taken only if there is no other")
    .meta({ unit: "°C" }),
  darkMaxAge: z.int().min(0).default(30)
    .describe("A dark older than this is taken only if there is no other")
    .meta({ unit: "nights" }),
  hotSigma: z.number().positive().default(10)
    .describe("A pixel this far above the median of the dark is bad").meta({ unit: "sigma" }),
  flatMin: z.number().min(0).default(0.3).describe("A pixel with a flat below this is bad"),
  flatMax: z.number().positive().default(3).describe("A pixel with a flat above this is bad"),
  repair: z.boolean().default(true)
    .describe("Fill bad pixels from the usable ones around them"),
  cosmicRays: z.boolean().default(false)
    .describe(
      "Mark and fill pixels hit by cosmic rays (L.A.Cosmic). Off, since stacks reject them by " +
        "comparing frames, and in single frames about 4 stars of 1000 (FWHM 3 px) lose light in their core",
    ),
  needBias: z.boolean().default(true)
    .describe("Leave lights behind for which there is no bias; else they count as degraded"),
  needDark: z.boolean().default(false)
    .describe("Leave lights behind for which there is no dark; else they count as degraded"),
  needFlat: z.boolean().default(true)
    .describe("Leave lights behind for which there is no flat; else they count as degraded"),
  fringe: z.boolean().default(true).describe("Take out fringes for which fringe.dat has a pattern"),
  makeFringe: z.boolean().default(false)
    .describe("Make a fringe pattern of each filter from the night's lights, which are dithered"),
  weight: z.boolean().default(false).describe("Write inverse variances, .weight.fits"),
  compress: z.boolean().default(false)
    .describe("Keep Rice-compressed copies, .fits.fz, of lights and their companions beside them"),
});

/** What the user chose. */
export type CalibParams = z.output<typeof params>;
