/**
 * The plan of a night: which frames, when, under which names.
 *
 * @module
 */

import { isoToMjd, mjdToIso } from "../sky/time.ts";
import type { SimulateParams } from "./params.ts";
import { keyOf, RandomStream } from "./random.ts";

/** What happens to a frame. */
export type Fate = "whole" | "truncated" | "aborted";

/** One frame of the night. */
export interface PlannedFrame {
  /** What it is taken for. */
  readonly imageType: "bias" | "dark" | "flat" | "light";
  /** Target, or the type in capitals. */
  readonly object: string;
  /** The filter in the beam, also of a bias or dark. */
  readonly filter: string;
  /** Length of the exposure; cut short if aborted. */
  readonly exposureS: number;
  /** Start, UTC. */
  readonly mjd: number;
  /** Number of the frame in its night, from 0; names its noise. */
  readonly index: number;
  /** Name of the raw file. */
  readonly fileName: string;
  /** What happens to it. */
  readonly fate: Fate;
}

/** UTC at which each part of the night begins. Morning twilight in Chile is near 10:40. */
const STARTS = { light: "02:53:12", flat: "10:40:00", bias: "11:20:00", dark: "11:40:00" } as const;
const READOUT_S = 8;
const FILTER_CHANGE_S = 12;

type Draft = Omit<PlannedFrame, "index" | "fileName" | "mjd">;

/**
 * Plans a night.
 *
 * @param params What was asked.
 * @returns Frames in order of time.
 */
export function planNight(params: SimulateParams): readonly PlannedFrame[] {
  const lights = params.object.flatMap((object) =>
    params.filters.flatMap((filter) =>
      repeat(params.lights, light(object, filter, params.exposure, "whole"))
    )
  );
  const parts = {
    light: [...lights, ...spoiltLights(params)],
    flat: flats(params),
    bias: repeat(params.noBias ? 0 : params.bias, calibration("bias", 0, params)),
    dark: params.noDarks ? [] : [
      ...repeat(params.darks, calibration("dark", params.exposure, params)),
      ...repeat(params.flatDarks, calibration("dark", flatExposure(params), params)),
    ],
  };
  const frames: PlannedFrame[] = [];
  for (const name of ["light", "flat", "bias", "dark"] as const) {
    schedule(parts[name], `${params.date}T${STARTS[name]}`, params.unit, frames);
  }
  return frames;
}

function repeat(count: number, draft: Draft): Draft[] {
  return Array.from({ length: count }, () => draft);
}

function light(object: string, filter: string, exposureS: number, fate: Fate): Draft {
  return { imageType: "light", object, filter, exposureS, fate };
}

function calibration(imageType: "bias" | "dark", exposureS: number, params: SimulateParams): Draft {
  const object = imageType.toUpperCase();
  return { imageType, object, filter: params.filters[0]!, exposureS, fate: "whole" };
}

/** Truncated and aborted lights come on top of the good ones, the filters in turn. */
function spoiltLights(params: SimulateParams): Draft[] {
  const random = new RandomStream(params.seed, keyOf(params.date), 201);
  const object = params.object[0]!;
  return Array.from({ length: params.truncated + params.aborted }, (_, i) => {
    const filter = params.filters[i % params.filters.length]!;
    if (i < params.truncated) return light(object, filter, params.exposure, "truncated");
    const cut = params.exposure * random.between(0.05, 0.3);
    return light(object, filter, Math.max(0.1, Math.round(cut * 10) / 10), "aborted");
  });
}

function flats(params: SimulateParams): Draft[] {
  return params.filters.filter((filter) => !params.noFlats.includes(filter)).flatMap((filter) =>
    Array.from({ length: params.flats }, (_, i): Draft => ({
      imageType: "flat",
      object: "FLAT",
      filter,
      exposureS: flatExposure(params) + (params.flatDarks > 0 ? 0 : 0.5 * i),
      fate: "whole",
    }))
  );
}

/** Flats against the twilight get longer, unless darks of their exposure are wanted. */
function flatExposure(params: SimulateParams): number {
  return Math.min(5, params.exposure);
}

function schedule(
  drafts: readonly Draft[],
  startIso: string,
  unit: string,
  frames: PlannedFrame[],
): void {
  let mjd = isoToMjd(startIso);
  const numbers = new Map<string, number>();
  let lastFilter = drafts[0]?.filter;
  for (const draft of drafts) {
    if (draft.filter !== lastFilter) mjd += FILTER_CHANGE_S / 86400;
    lastFilter = draft.filter;
    const series = `${draft.object} ${draft.filter}`;
    const number = (numbers.get(series) ?? 0) + 1;
    numbers.set(series, number);
    const fileName = rawName(unit, draft, mjd, number);
    frames.push({ ...draft, mjd, index: frames.length, fileName });
    mjd += (Math.ceil(draft.exposureS) + READOUT_S) / 86400;
  }
}

/** Such as `7DT07_20240423_025312_T09614_m600_1x1_100.0s_0001.fits`. */
function rawName(unit: string, draft: Draft, mjd: number, number: number): string {
  const [day = "", clock = ""] = mjdToIso(mjd).split("T");
  return [
    unit,
    day.replaceAll("-", ""),
    clock.slice(0, 8).replaceAll(":", ""),
    draft.object,
    draft.filter,
    "1x1",
    `${draft.exposureS.toFixed(1)}s`,
    `${String(number).padStart(4, "0")}.fits`,
  ].join("_");
}
