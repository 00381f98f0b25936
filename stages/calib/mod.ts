/**
 * The stage `calib`: from raw frames to calibrated ones.
 *
 * @module
 */

import * as z from "zod";
import { DataError } from "../../config/errors.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { loadFrame, type RawFrame } from "./frames/frame.ts";
import { MasterLibrary } from "./masters/library.ts";
import { calibrateLights, inOrderOfMasters, makeFringes } from "./lights/lights.ts";
import { makeMasters, type MasterPlan } from "./masters/masters.ts";
import { type CalibParams, params } from "./params.ts";
import { PixelCache } from "./frames/pixel_cache.ts";

/** Images kept in memory: bias, dark and flat, and with weights the variance of each. */
const CACHE_ROOM = { plain: 3, weight: 6 };

/** Takes the detector out of raw frames. */
export const calib = defineStage({
  name: "calib",
  summary: "Take bias, dark and flat out of raw frames",
  description:
    `Takes off the overscan and trims where cards (BIASSEC, TRIMSEC, DATASEC) or ccd.dat say so and
the regions fit the image; stale ones are reported, not obeyed. Amplifiers with a DETSEC each are put together.

Makes master biases, darks (without bias) and flats (without bias and dark, each divided by
its median; those lit unlike the others left out) from the night's own frames. A new master is compared with the
last accepted one: level, noise, changed pixels. One that is too far off is kept with ACCEPTED = F but not used,
unless one of an earlier night that was refused agrees with it. Masters that are missing are borrowed from
the nearest earlier night in the master tree; darks are chosen by exposure, then temperature, then date.

Lights become (raw − bias − dark × scale) / flat, where scale is the light's exposure over that of the dark;
fringes are then taken out where fringe.dat has a pattern. The mask gets BAD (hot in the
dark, dead or without a value in the flat), SAT (raw value at saturation), SUSPECT (raw value not linear: MAXLIN, or
nine tenths of saturation), NO_DATA, CROSSTALK (a saturated pixel of another amplifier shines through; CRSTLK cards),
and INTRP where a BAD pixel was filled. If asked, pixels hit by cosmic rays are found by L.A.Cosmic, filled, and
marked CR and INTRP.

A light without bias, without a flat in its filter, or of another size than the masters is left behind.
Tile-compressed raw frames (.fits.fz) are read as plain ones.`,
  params,
  inputs: { raw: "Raw biases, darks, flats and lights" },
  outputs: {
    master: "Master frames, their variances and counts, and fringe patterns, in the master tree",
    frame: "Calibrated lights, ADU",
    mask: "Planes BAD, SAT, SUSPECT, NO_DATA, CROSSTALK, CR, INTRP of each light",
    weight: "Inverse variances of lights, 1/ADU²",
    archive: "Compressed copies of the lights and their companions",
  },
  metrics: z.object({
    masters: z.int(),
    lights: z.int().describe("Raw lights"),
    calibrated: z.int(),
    borrowed: z.int().describe("Lights that took a master of another night"),
    refused: z.int().describe("Masters too far from the last accepted one"),
  }),
  ingestAs: "raw",
  async run(params, context) {
    const { site, signal } = context;
    const frames = await context.each(
      context.inputs,
      (product) => loadFrame(product, site),
      { id: (product) => product.id },
    );
    reportStale(frames, context);
    const room = params.weight ? CACHE_ROOM.weight : CACHE_ROOM.plain;
    using cache = new PixelCache(context.compute, room);
    const plan = planMasters(params, cache, context);
    const masters: NewProduct[] = [];
    for (const type of ["bias", "dark", "flat"] as const) {
      masters.push(...await makeMasters(type, frames, plan, context));
    }
    signal.throwIfAborted();
    const lights = inOrderOfMasters(frames);
    const calibrated = await calibrateLights(lights, plan, params, context);
    const patterns = params.makeFringe ? await makeFringes(calibrated, plan, context) : [];
    return {
      products: [...masters, ...calibrated, ...patterns],
      metrics: { lights: lights.length, ...countProducts(masters, calibrated) },
    };
  },
});

function planMasters(
  params: CalibParams,
  cache: PixelCache,
  context: StageContext,
): MasterPlan {
  const night = nightOf(context);
  const root = context.site.paths.masters;
  return {
    ...params,
    root,
    night,
    library: new MasterLibrary(root, night, params),
    cache,
  };
}

function countProducts(masters: readonly NewProduct[], calibrated: readonly NewProduct[]) {
  const made = masters.filter(({ role }) => role === undefined);
  const lights = calibrated.filter(({ kind }) => kind === "frame");
  const has = (key: string) => ({ measured = {} }: NewProduct) => Object.hasOwn(measured, key);
  return {
    masters: made.length,
    calibrated: lights.length,
    borrowed: lights.filter(has("borrowed")).length,
    refused: made.filter(({ measured }) => measured?.["accepted"] === false).length,
  };
}

/** Says once for each region that does not fit how many frames have it. */
function reportStale(frames: readonly RawFrame[], context: StageContext): void {
  const counts = new Map<string, number>();
  for (const { layout, setup } of frames) {
    for (const region of layout.stale) {
      const key = `${region} does not fit ${setup.width}×${setup.height} px`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  for (const [state, frames] of counts) {
    context.log.warn("{frames} frames: {state} and is not obeyed", { frames, state });
  }
}

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
