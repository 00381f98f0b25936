/**
 * The stage `calib`: from raw frames to calibrated ones.
 *
 * @module
 */

import { z } from "zod";
import { DataError } from "../../config/errors.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { type BadPixelLimits, calibrateLight, type LightMasters } from "./calibrate_light.ts";
import { loadFrame, type RawFrame } from "./frame.ts";
import { MasterLibrary, wishOf } from "./library.ts";
import { makeMasters, type MasterPlan } from "./masters.ts";
import { calibratedId } from "./names.ts";
import { PixelCache } from "./pixel_cache.ts";

const COMBINE = ["median", "clipped-median", "clipped-mean", "mean"] as const;

const params = z.object({
  combine: z.enum(COMBINE).default("clipped-mean").describe("How biases and darks are combined"),
  flatCombine: z.enum(COMBINE).default("clipped-median").describe("How flats are combined"),
  clipSigma: z.number().positive().default(4)
    .describe("Reject samples of a master farther than this from their median")
    .meta({ unit: "sigma" }),
  minInputs: z.int().min(1).default(3).describe("Frames a master needs at least"),
  minFlatAdu: z.number().positive().default(500)
    .describe("Median above bias and dark that a flat needs").meta({ unit: "ADU" }),
  driftAdu: z.number().positive().default(20)
    .describe("A bias or dark farther than this from the last one is marked as degraded")
    .meta({ unit: "ADU" }),
  flatDrift: z.number().positive().default(0.05)
    .describe("A flat whose ratio to the last one scatters more is marked as degraded"),
  hotSigma: z.number().positive().default(10)
    .describe("A pixel this far above the median of the dark is bad").meta({ unit: "sigma" }),
  flatMin: z.number().min(0).default(0.3).describe("A pixel with a flat below this is bad"),
  flatMax: z.number().positive().default(3).describe("A pixel with a flat above this is bad"),
  repair: z.boolean().default(true)
    .describe("Fill bad pixels from their neighbours in the row"),
  needDark: z.boolean().default(false)
    .describe("Leave lights behind for which there is no dark; else they count as degraded"),
});

/** Takes the detector out of raw frames. */
export const calib = defineStage({
  name: "calib",
  summary: "Take bias, dark and flat out of raw frames",
  description:
    `Makes master biases, darks (without bias) and flats (without bias and dark, each divided by
its median) from the night's own frames, keeps them in the master tree, and borrows those that are
missing from the nearest earlier night there. Lights become (raw − bias − dark × scale) / flat, where
scale is the light's exposure over that of the dark that suits best. The mask gets BAD (hot in the
dark, dead or without a value in the flat), SAT (raw value at saturation) and NO_DATA.

A light without bias, without a flat in its filter, or of another size than the masters is left behind.`,
  params,
  inputs: { raw: "Raw biases, darks, flats and lights" },
  outputs: {
    master: "Master frames, in the master tree",
    frame: "Calibrated lights, ADU",
    mask: "Planes BAD, SAT, NO_DATA, INTRP of each light",
  },
  metrics: z.object({
    masters: z.int(),
    lights: z.int().describe("Raw lights"),
    calibrated: z.int(),
    borrowed: z.int().describe("Lights that took a master of another night"),
  }),
  ingestAs: "raw",
  async run(params, context) {
    const { site, signal } = context;
    const frames = await context.each(
      context.inputs,
      (product) => loadFrame(product, site),
      { id: (product) => product.id },
    );
    const night = nightOf(context);
    const root = site.paths.masters;
    const library = new MasterLibrary(root, night);
    const plan: MasterPlan = { ...params, root, night, library, cache: new PixelCache() };
    const masters: NewProduct[] = [];
    for (const type of ["bias", "dark", "flat"] as const) {
      masters.push(...await makeMasters(type, frames, plan, context));
    }
    signal.throwIfAborted();
    const lights = inOrderOfMasters(frames);
    const calibrated = await calibrateLights(lights, plan, params, context);
    return {
      products: [...masters, ...calibrated],
      metrics: {
        masters: masters.length,
        lights: lights.length,
        calibrated: calibrated.length / 2,
        borrowed: calibrated.filter(({ measured }) =>
          Object.hasOwn(measured ?? {}, "borrowed")
        ).length,
      },
    };
  },
});

/** The night as `YYYYMMDD`; of frames without a night, the date of the first. */
function nightOf(context: StageContext): string {
  const { date } = context.manifest.night;
  const first = context.inputs.map(({ dateObs }) => dateObs ?? "").filter((text) => text !== "")
    .sort()[0];
  const text = /^\d{4}-\d{2}-\d{2}/.exec(date) ?? /^\d{4}-\d{2}-\d{2}/.exec(first ?? "");
  if (text === null) {
    throw new DataError("Cannot name the masters: neither night nor frame has a date");
  }
  return text[0].replaceAll("-", "");
}

/** Lights that need the same masters one after the other, so that these stay in memory. */
function inOrderOfMasters(frames: readonly RawFrame[]): RawFrame[] {
  const key = ({ product, setup }: RawFrame) =>
    [setup.width, setup.height, setup.binning, setup.gain, product.filter, product.exposureS]
      .join(" ");
  return frames.filter(({ product }) => (product.imageType ?? "light") === "light")
    .map((frame) => ({ frame, key: key(frame) }))
    .sort((a, b) => a.key.localeCompare(b.key))
    .map(({ frame }) => frame);
}

async function calibrateLights(
  lights: readonly RawFrame[],
  plan: MasterPlan,
  params: BadPixelLimits & { readonly needDark: boolean },
  context: StageContext,
): Promise<NewProduct[]> {
  const taken = new Map<string, string>();
  const made = await context.each(lights, async (frame) => {
    const masters = await chooseMasters(frame, plan.library, params.needDark);
    const id = claimName(frame, taken);
    const { folder, signal } = context;
    return await calibrateLight(frame, {
      ...masters,
      id,
      folder,
      signal,
      limits: params,
      cache: plan.cache,
    });
  }, { id: ({ product }) => product.id });
  return made.flat();
}

function claimName(frame: RawFrame, taken: Map<string, string>): string {
  const id = calibratedId(frame.product);
  const other = taken.get(id);
  if (other !== undefined) {
    throw new DataError(
      `Cannot calibrate "${frame.product.id}": "${other}" gives the same name "${id}"`,
      { details: { file: frame.product.path, other, name: id } },
    );
  }
  taken.set(id, frame.product.id);
  return id;
}

async function chooseMasters(
  frame: RawFrame,
  library: MasterLibrary,
  needDark: boolean,
): Promise<LightMasters> {
  const bias = await library.require(frame, "bias");
  const flat = await library.require(frame, "flat");
  const dark = needDark
    ? await library.require(frame, "dark")
    : await library.find(wishOf(frame, "dark"));
  return { bias, dark, flat };
}
