/**
 * The parameters of the astrometric stage.
 *
 * @module
 */

import * as z from "zod";

/** Parameters of `gppy astrom`; each is described by itself. */
export const astromParams = z.object({
  initialWcs: z.enum(["auto", "pointing", "header"]).default("auto").describe(
    "First guess of the WCS: the header's own (header), the pointing cards with scale, rotation " +
      "and parity of obs.dat (pointing), or the header's if it is credible (auto)",
  ),
  reference: z.string().nullable().default(null).describe(
    "Reference catalogue in LDAC form, instead of <path_ref_scamp>/<object>.cat or .ldac",
  ),
  referenceFrame: z.string().nullable().default(null).describe(
    "Id of a frame, or of the raw frame it was made from, whose own sources, placed by its " +
      "first WCS, are the reference catalogue",
  ),
  server: z.boolean().default(true).describe(
    "Ask the server of 7dt.scamp where there is no reference catalogue on disk",
  ),
  engine: z.enum(["auto", "missfits", "native"]).default("auto").describe(
    "What merges the solution into the image; auto takes MissFITS where it is installed",
  ),
  solveField: z.enum(["auto", "never", "always"]).default("auto").describe(
    "Use of astrometry.net's solve-field: where the pointing is missing or wrong and the program " +
      "is installed (auto), never, or for every frame",
  ),
  pixelScaleArcsec: z.number().positive().nullable().default(null)
    .describe("Unbinned pixel scale, instead of that of obs.dat").meta({ unit: "arcsec/px" }),
  rotationDeg: z.number().nullable().default(null).describe(
    "Position angle of the image's +y axis from north through east, instead of that of obs.dat",
  ).meta({ unit: "deg" }),
  parity: z.enum(["sky", "mirrored"]).nullable().default(null).describe(
    "Whether east is left when north is up (sky), instead of the parity of obs.dat",
  ),
  detectSigma: z.number().positive().default(5)
    .describe("Detection threshold of Source Extractor").meta({ unit: "sigma" }),
  distortDegree: z.int().min(1).max(7).nullable().default(null).describe(
    "Degree of the distortion polynomial; none chooses 1 to 3 by the number of stars",
  ),
  positionErrorArcmin: z.number().positive().nullable().default(null)
    .describe("How far the pointing may be off, instead of POSITION_MAXERR of 7dt.scamp")
    .meta({ unit: "arcmin" }),
  crossidRadiusArcsec: z.number().positive().nullable().default(null)
    .describe("Radius of cross-identification, instead of CROSSID_RADIUS of 7dt.scamp")
    .meta({ unit: "arcsec" }),
  matchResolutionPx: z.number().positive().default(2).describe(
    "Resolution of pattern matching; SCAMP's own choice is finer, slower and less sure",
  ).meta({ unit: "px" }),
  minSn: z.number().positive().nullable().default(null)
    .describe("Lowest signal-to-noise of a source that counts, instead of that of 7dt.scamp"),
  maxRmsArcsec: z.number().positive().default(0.5)
    .describe("Gate: largest rms to the reference along either axis").meta({ unit: "arcsec" }),
  minMatched: z.int().min(1).default(10).describe("Gate: fewest reference stars matched"),
  minContrast: z.number().nonnegative().default(3).describe(
    "Gate: lowest contrast of the match in position; right ones have 4 and more, wrong ones 1.5",
  ),
  toolTimeoutS: z.number().positive().default(1800)
    .describe("Time limit of each outside program").meta({ unit: "s" }),
});

/** Parameters of `gppy astrom`. */
export type AstromParams = z.output<typeof astromParams>;

/** What the stage counts. */
export const astromMetrics = z.object({
  frames: z.int().describe("Frames that got a WCS"),
  failedGate: z.int().describe("Frames left behind by the gate"),
  medianRmsArcsec: z.number().nullable().describe("Median rms to the reference"),
  medianMatched: z.number().nullable().describe("Median number of matched reference stars"),
  groups: z.array(z.looseObject({
    name: z.string().describe("Object and filter"),
    reference: z.string().describe("Reference catalogue"),
    frames: z.int(),
    internalRmsArcsec: z.array(z.number()).describe("Agreement among the frames, both axes"),
  })),
});

/** What the stage counts. */
export type AstromMetrics = z.output<typeof astromMetrics>;
