/**
 * The parameters of everything that combines frames: the stage `stack` and `gppy reference`.
 *
 * @module
 */

import * as z from "zod";
import type { CombineMethod } from "../../gpu/kernels/clip_stack/clip_stack.ts";

/** How frames are resampled and combined. */
export const combineParams = {
  engine: z.enum(["auto", "native", "swarp"]).default("auto")
    .describe("What resamples and combines; auto is native"),
  combine: z.enum(["clipped-mean", "median", "mean", "clipped-median", "artefacts"])
    .default("clipped-mean")
    .describe(
      "How the samples of a pixel become one; artefacts: trails and cosmic rays are found as " +
        "a whole in each frame and left out of the mean",
    ),
  clipSigma: z.number().positive().default(4)
    .describe("Reject samples farther than this from their median").meta({ unit: "sigma" }),
  clipRelative: z.number().min(0).default(0.1)
    .describe(
      "Never reject samples nearer than clip-sigma times this fraction of the median, so " +
        "that stars survive changes of seeing",
    ),
  growPx: z.number().min(0).max(50).default(3)
    .describe("With artefacts: pixels around them that are left out too").meta({ unit: "px" }),
  weights: z.enum(["noise", "equal"]).default("noise")
    .describe("Shares of the frames in a mean: by inverse variance of the sky, or equal"),
  scale: z.enum(["auto", "zeropoint", "stars", "exposure", "none"]).default("auto")
    .describe(
      "What brings frames to one flux scale; auto: zero points where all are measured, else " +
        "common stars where they are known, by catalogues or by a gate, else exposures",
    ),
  kernel: z.enum(["lanczos2", "lanczos3", "lanczos4", "bilinear", "nearest"]).default("lanczos3")
    .describe("Interpolation"),
  background: z.enum(["mesh", "constant", "none"]).default("mesh")
    .describe("What is taken off each frame before it is resampled"),
  meshPx: z.int().min(16).default(256).describe("Cell of the background mesh").meta({ unit: "px" }),
  grid: z.enum(["auto", "target", "pointing", "frames", "first"]).default("auto")
    .describe(
      "Grid of the stack: the tile of the object, a tile about the pointing, what encloses the " +
        "frames, the first frame's; auto: the tile where it is known, else the frames",
    ),
  gridHeader: z.string().nullable().default(null)
    .describe("Grid of this FITS file, or of a text with one header card a line"),
  gridTable: z.string().nullable().default(null)
    .describe("Table of tiles (tile, ra, dec) instead of alltarget.dat"),
  tileWidthPx: z.int().min(0).default(0)
    .describe("Columns of a tile; 0: 6.5 % more than the frame").meta({ unit: "px" }),
  tileHeightPx: z.int().min(0).default(0)
    .describe("Rows of a tile; 0: 6.5 % more than the frame").meta({ unit: "px" }),
  pixelScaleArcsec: z.number().min(0).default(0)
    .describe("Pixel of the stack; 0: that of the unit or the frames").meta({ unit: "arcsec" }),
};

const limit = (describe: string, unit?: string) =>
  z.number().positive().nullable().default(null).describe(describe)
    .meta(unit === undefined ? {} : { unit });

/** What an input must fulfil; what was not measured passes. */
export const gateParams = {
  maxSeeingArcsec: limit("Leave out inputs of worse seeing", "arcsec"),
  maxSeeingRatio: limit("Leave out inputs whose seeing is more than this times the best"),
  maxEllipticity: limit("Leave out inputs whose stars are more elliptic"),
  minDepthMag: limit("Leave out inputs less deep than this at 5 sigma", "mag"),
  maxDepthLossMag: limit("Leave out inputs this much less deep than the deepest", "mag"),
  maxRmsArcsec: limit("Leave out inputs whose astrometry scatters more", "arcsec"),
  minTransparency: limit(
    "Leave out inputs less transparent than this times the clearest, by zero points or common stars",
  ),
};

const combineSchema = z.object(combineParams);

/** How a stack is combined: pixel by pixel, or after a search for artefacts. */
export type StackMethod = CombineMethod | "artefacts";

/** What is done to the samples of a pixel; SWarp, which knows no artefacts, clips. */
export function pixelMethod(method: StackMethod, engine = "native"): CombineMethod {
  if (method !== "artefacts") return method;
  return engine === "swarp" ? "clipped-mean" : "mean";
}

/** How frames are resampled and combined. */
export type CombineParams = z.output<typeof combineSchema>;
