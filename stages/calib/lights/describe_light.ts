/**
 * What the manifest says of a calibrated light.
 *
 * @module
 */

import type { Gate, Product } from "../../manifest.ts";
import type { NewProduct } from "../../stage.ts";
import type { RawFrame } from "../frames/frame.ts";
import type { AppliedFringe } from "./fringe.ts";
import type { LightPaths } from "./light_outputs.ts";
import { type LightRecipe, mastersOf } from "./light_recipe.ts";
import { darkScale } from "../masters/master.ts";
import type { RawImage } from "../frames/raw_image.ts";

/** Pixels in each plane. */
export type LightCounts = Record<"BAD" | "SAT" | "NO_DATA" | "SUSPECT" | "CR", number>;

/** What was written, and found. */
export interface MadeLight extends LightPaths {
  readonly counts: LightCounts;
  readonly raw: Pick<RawImage, "overscanAdu" | "overscanNoiseAdu">;
  readonly fringe: AppliedFringe | undefined;
}

/**
 * Describes a calibrated light and its companions.
 *
 * @param frame The raw light.
 * @param recipe What it was calibrated with.
 * @param made What was written, and found.
 * @returns The image, its mask and, if there are any, its weights.
 */
export function describeLight(
  frame: RawFrame,
  recipe: LightRecipe,
  made: MadeLight,
): NewProduct[] {
  const { bytes: _bytes, sha256: _sha256, stage: _stage, ...raw } = frame.product;
  const { width, height } = frame.setup;
  const from = [raw.id, ...mastersOf(recipe).map((found) => found.master.id)];
  const image: NewProduct = {
    ...raw,
    ...{ id: recipe.id, kind: "frame", path: made.path, imageType: "light", from, width, height },
    gain: frame.detector.gainEAdu,
    measured: measure(frame, recipe, made),
    gates: gatesOf(recipe),
  };
  const { unit, object, filter, mjd } = raw;
  const shared = {
    ...Object.fromEntries(
      Object.entries({ unit, object, filter, mjd }).filter(([, value]) => value !== undefined),
    ),
    ...{ of: recipe.id, from, width, height },
  };
  const mask: NewProduct = {
    ...shared,
    ...{ id: `${recipe.id}.mask`, kind: "mask", path: made.maskPath },
  };
  if (made.weightPath === undefined) return [image, mask];
  const weight = { id: `${recipe.id}.weight`, kind: "weight" as const, path: made.weightPath };
  return [image, mask, { ...shared, ...weight }];
}

function measure(
  frame: RawFrame,
  recipe: LightRecipe,
  { counts, fringe, raw }: MadeLight,
): Product["measured"] {
  const borrowed = mastersOf(recipe).filter((found) => found.borrowed)
    .map((found) => found.master.id);
  const fit = recipe.dark?.fit;
  return {
    badPixels: counts.BAD,
    saturatedPixels: counts.SAT,
    suspectPixels: counts.SUSPECT,
    noDataPixels: counts.NO_DATA,
    ...(recipe.cosmicRays ? { cosmicRayPixels: counts.CR } : {}),
    darkScale: darkScale(recipe.dark?.master, frame.product.exposureS ?? 0),
    ...(raw.overscanAdu === undefined ? {} : {
      overscanAdu: raw.overscanAdu,
      overscanNoiseAdu: raw.overscanNoiseAdu ?? null,
    }),
    ...(fit === undefined ? {} : {
      dark: fit.dark.id,
      darkAgeNights: fit.ageNights,
      ...(fit.temperatureDiffC === null ? {} : { darkTemperatureDiffC: fit.temperatureDiffC }),
    }),
    ...(fringe === undefined ? {} : {
      fringeScale: fringe.applied ? fringe.scale : 0,
      fringeError: Number.isFinite(fringe.error) ? fringe.error : null,
    }),
    ...(borrowed.length === 0 ? {} : { borrowed: borrowed.join(" ") }),
    ...(frame.layout.stale.length === 0 ? {} : { staleRegions: frame.layout.stale.join(" ") }),
  };
}

function gatesOf(recipe: LightRecipe): Gate[] {
  const gates: Gate[] = [];
  for (const type of ["bias", "dark", "flat"] as const) {
    if (recipe[type] !== undefined) continue;
    gates.push({
      name: type,
      value: 0,
      threshold: `a ${type} is at hand`,
      verdict: "degraded",
    });
  }
  const fit = recipe.dark?.fit;
  if (fit !== undefined && !fit.withinLimits) {
    gates.push({
      name: "darkSuits",
      value: fit.temperatureDiffC ?? fit.ageNights,
      threshold: `temperature and age of ${fit.dark.id} within the limits`,
      verdict: "degraded",
    });
  }
  return gates;
}
