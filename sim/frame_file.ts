/**
 * One raw frame of the plan, from the sky to the file.
 *
 * @module
 */

import { join } from "node:path";
import type { Unit } from "../config/site.ts";
import { rawCards } from "./cards.ts";
import type { LightTruth } from "./conditions.ts";
import type { Detector } from "./detector.ts";
import { type Exposure, writeRawFrame } from "./exposure.ts";
import type { SimulateParams } from "./params.ts";
import type { PlannedFrame } from "./plan.ts";
import { keyOf, RandomStream } from "./random.ts";
import { pointsOf } from "./render.ts";
import { magnitudeIn, type Scene } from "./scene.ts";
import { differenceMagnitude, FADED_SHARE, type Transient } from "./transients.ts";

/** Level of a flat frame, electrons a pixel: a third of the converter's range. */
const FLAT_ELECTRONS = 5500;
/** A truncated file keeps this share of its bytes. */
const TRUNCATED_SHARE = 0.6;
/** Dark current doubles in this many degrees. */
const DOUBLING_C = 6;

/** All that decides about a raw frame. */
export interface FrameJob {
  /** From the plan. */
  readonly frame: PlannedFrame;
  /** What is true about a light frame. */
  readonly light: LightTruth | undefined;
  /** What shines in the field of a light frame. */
  readonly field: { readonly scene: Scene; readonly transients: readonly Transient[] } | undefined;
  /** The camera. */
  readonly detector: Detector;
  /** The telescope. */
  readonly unit: Unit;
  /** What was asked. */
  readonly params: SimulateParams;
}

/**
 * Writes one raw frame.
 *
 * @param folder Of the night.
 * @param job The frame.
 */
export async function writeFrame(folder: string, job: FrameJob): Promise<void> {
  const { frame, unit, params, light } = job;
  const keys = [params.seed, keyOf(params.date), keyOf(unit.code), frame.index];
  const random = new RandomStream(...keys, 3);
  const temperatureC = -10 + 0.15 * random.normal();
  const header = rawCards(frame, unit, {
    temperatureC,
    light,
    ...(frame.fate === "aborted" ? { requestedS: params.exposure } : {}),
  });
  const { width, height } = params.size;
  const exposure: Exposure = {
    exposureS: frame.exposureS,
    filter: frame.filter,
    cosmicCount: params.cosmics * width * height / 1e6 * frame.exposureS / 100,
    biasDriftAdu: 0.3 * random.normal(),
    darkFactor: 2 ** ((temperatureC + 10) / DOUBLING_C),
    noiseKeys: keys,
    ...illumination(job, random),
  };
  const path = join(folder, frame.fileName);
  await writeRawFrame(path, job.detector, exposure, header);
  if (frame.fate === "truncated") {
    const { size } = await Deno.stat(path);
    await Deno.truncate(path, Math.round(size * TRUNCATED_SHARE));
  }
}

function illumination(
  { frame, light, field }: FrameJob,
  random: RandomStream,
): Pick<Exposure, "skyE" | "skyGradient" | "sources"> {
  if (frame.imageType === "flat") {
    const skyE = FLAT_ELECTRONS * (1 + 0.1 * random.normal());
    return { skyE, skyGradient: [0, 0], sources: null };
  }
  if (!light || !field) return { skyE: 0, skyGradient: [0, 0], sources: null };
  const { wcs, psf, skyE, skyGradient, electronsAtZero } = light;
  const electrons = (magnitude: number) => electronsAtZero * 10 ** (-0.4 * magnitude);
  const points = pointsOf(field.scene, {
    wcs,
    psf,
    thresholdE: 0.1,
    fluxOf: (source) => electrons(magnitudeIn(source, frame.filter)),
    extra: field.transients.map((transient) => ({
      raDeg: transient.raDeg,
      decDeg: transient.decDeg,
      flux: electrons(differenceMagnitude(transient, frame.filter)) *
        (transient.kind === "new" ? 1 : FADED_SHARE / (1 - FADED_SHARE)),
    })),
  });
  return { skyE, skyGradient, sources: { points, psf } };
}
