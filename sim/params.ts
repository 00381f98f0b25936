/**
 * What can be asked of the synthetic observatory.
 *
 * @module
 */

import * as z from "zod";
import { BANDS } from "./bands.ts";

const list = (text: string) => text.split(",").map((part) => part.trim()).filter(Boolean);

/** A list given as an array or as text with commas. */
const names = z.union([z.string().transform(list), z.array(z.string())]);

/** Width and height in pixels from `2048` or `9576x6388`. */
const size = z.union([z.string(), z.int()]).transform((value, context) => {
  const match = /^(\d+)(?:x(\d+))?$/.exec(String(value));
  const width = Number(match?.[1]), height = Number(match?.[2] ?? match?.[1]);
  if (!match || Math.min(width, height) < 256 || Math.max(width, height) > 16384) {
    context.addIssue("must be a width or WIDTHxHEIGHT, each of 256 to 16384 px");
    return z.NEVER;
  }
  return { width, height };
});

/** Parameters of {@linkcode simulate}: the night, the instrument, the sky and what goes wrong. */
export const simulateParams = z.object({
  unit: z.string().default("7DT07").describe("Telescope code as in obs.dat"),
  date: z.iso.date().default("2024-04-23").describe("Night, as in the folder name (UTC)"),
  object: names.default(["T09614"]).describe("Target names; the first is simulated most often"),
  filters: names.pipe(
    z.array(
      z.string().refine((name) => name in BANDS, {
        error: (issue) => `unknown filter "${issue.input}"; known: ${Object.keys(BANDS).join(" ")}`,
      }),
    ).min(1),
  ).default(["m450", "m600"]).describe("Filters, with commas between"),
  size: size.default({ width: 2048, height: 2048 }).describe("Frame: WIDTH or WIDTHxHEIGHT")
    .meta({ unit: "px" }),
  lights: z.int().min(0).max(500).default(3).describe("Light frames of each target and filter"),
  exposure: z.number().positive().max(3600).default(100).describe("Exposure of a light frame")
    .meta({ unit: "s" }),
  bias: z.int().min(0).max(200).default(5).describe("Bias frames"),
  darks: z.int().min(0).max(200).default(5).describe("Dark frames of the lights' exposure"),
  flatDarks: z.int().min(0).max(200).default(0).describe("Dark frames of the flats' exposure"),
  flats: z.int().min(0).max(200).default(5).describe("Flat frames of each filter"),
  seed: z.int().min(0).max(0x7fffffff).default(1).describe("Equal seeds give equal bytes"),
  ra: z.number().min(0).lt(360).optional().describe(
    "Right ascension of the first target; left out: it culminates",
  ).meta({ unit: "deg" }),
  dec: z.number().min(-89).max(89).default(-30.2).describe("Declination of the first target")
    .meta({ unit: "deg" }),
  seeing: z.number().min(0.8).max(8).default(2).describe("Mean FWHM at 550 nm on axis")
    .meta({ unit: "arcsec" }),
  stars: z.number().min(0).max(2e5).default(3000).describe("Stars brighter than 18 mag")
    .meta({ unit: "per deg²" }),
  galaxies: z.number().min(0).max(2e5).default(1500).describe("Galaxies brighter than 20 mag")
    .meta({ unit: "per deg²" }),
  transients: z.int().min(0).max(5000).default(40).describe("New sources in the lights"),
  fading: z.int().min(0).max(1000).default(4).describe("Sources that are only in the reference"),
  dither: z.number().min(0).max(600).default(12).describe("Standard deviation of the dithers")
    .meta({ unit: "arcsec" }),
  pointingError: z.number().min(0).max(600).default(6).describe("Size of the pointing error")
    .meta({ unit: "arcsec" }),
  distortion: z.number().min(-50).max(50).default(3).describe("Cubic distortion at the corners")
    .meta({ unit: "px" }),
  cosmics: z.number().min(0).max(1e4).default(5).describe("Cosmic rays in 100 s")
    .meta({ unit: "per Mpx" }),
  referenceFrames: z.int().min(1).max(1000).default(30).describe("Depth of a reference, in lights"),
  referenceSeeing: z.number().min(0.3).max(1.5).default(0.75).describe("Reference over lights")
    .meta({ unit: "fraction" }),
  truncated: z.int().min(0).default(0).describe("Light frames cut off while being written"),
  aborted: z.int().min(0).default(0).describe("Additional light frames broken off early"),
  noBias: z.boolean().default(false).describe("Write no bias frames"),
  noDarks: z.boolean().default(false).describe("Write no dark frames"),
  noFlats: names.default([]).describe("Filters to write no flats for"),
  noReference: z.boolean().default(false).describe("Write no reference frames"),
});

/** Checked parameters of {@linkcode simulate}. */
export type SimulateParams = z.output<typeof simulateParams>;

/** Parameters as given: all may be left out. */
export type SimulateInput = z.input<typeof simulateParams>;
