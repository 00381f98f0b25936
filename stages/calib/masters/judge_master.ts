/**
 * Judges a new master by the last accepted one, before it may be used.
 *
 * @module
 */

import { mad, MAD_TO_SIGMA, median } from "../../../sky/stats.ts";
import type { Gate } from "../../manifest.ts";
import { nightsBetween } from "./choose_dark.ts";
import { companionPath, type Master } from "./master.ts";
import { mastersBefore } from "./master_tree.ts";
import { sampleImage } from "../frames/strips.ts";

/** How far a master may be from the last one. */
export interface JudgeLimits {
  /** Of biases and darks: median difference, ADU. */
  readonly driftAdu: number;
  /** Of flats: robust scatter of the ratio of the two. */
  readonly flatDrift: number;
  /** Ratio of the noises, either way. */
  readonly noiseRatio: number;
  /** Part of the pixels that changed by six sigma or more. */
  readonly changedFraction: number;
  /** Darks are compared at temperatures no farther apart than this. */
  readonly darkTemperatureC: number;
}

/** A master that is being made, as far as it is judged. */
export interface Candidate
  extends Pick<Master, "type" | "setup" | "filter" | "exposureS" | "night"> {
  readonly temperatureC: number | undefined;
  /** A sample of its pixels, as {@linkcode sampleImage} takes it. */
  readonly values: Float32Array;
  /** Variances of the same pixels; NaN where not known. */
  readonly variances: Float32Array;
  /** The variance that a pixel has at least, from read noise and light. */
  readonly varianceFloor: number;
  readonly noise: number;
}

/** The outcome. */
export interface Verdict {
  readonly accepted: boolean;
  /** Empty when there is nothing to compare with. */
  readonly gates: readonly Gate[];
  /** Why it may or may not be used, in words. */
  readonly reason: string;
}

/** A pixel has changed when the difference is at least so many sigma. */
const CHANGED_SIGMA = 6;
/** Flats are never known better than this part of their value: dome, twilight and dust change. */
const FLAT_ERROR = 0.005;
/** Flats are taken at many levels of light, so that their noise may differ by this factor more. */
const FLAT_NOISE = 3;

/**
 * Judges a master.
 *
 * Compared are the level (the median difference; of flats the scatter of the ratio), the
 * noise, and how many pixels have changed by six sigma or more once the levels are brought
 * together. A master that is too far off is refused, unless a refused master of an earlier
 * night agrees with it: then the change lasts, and it is accepted as degraded.
 *
 * @param candidate The new master.
 * @param root The master tree.
 * @param limits How far is too far.
 * @param signal Ends the reading.
 * @returns Whether it may be used, and the gates.
 */
export async function judgeMaster(
  candidate: Candidate,
  root: string,
  limits: JudgeLimits,
  signal: AbortSignal,
): Promise<Verdict> {
  const { last, refused } = await earlierMasters(candidate, root, limits);
  if (last === undefined) {
    return { accepted: true, gates: [], reason: "no earlier master to compare with" };
  }
  const gates = await compareMasters(candidate, last, limits, signal);
  const failed = gates.filter(({ verdict }) => verdict === "fail");
  const age = nightsBetween(last.night, candidate.night);
  if (failed.length === 0) {
    return { accepted: true, gates, reason: `agrees with ${last.id} of ${age} nights before` };
  }
  const words = failed.map(({ name, value, threshold }) =>
    `${name} ${value === null ? "unknown" : Number(value.toPrecision(4))}, ${threshold}`
  ).join("; ");
  if (refused !== undefined) {
    const again = await compareMasters(candidate, refused, limits, signal);
    if (again.every(({ verdict }) => verdict === "pass")) {
      return {
        accepted: true,
        gates: gates.map((gate) =>
          gate.verdict === "fail" ? { ...gate, verdict: "degraded" } : gate
        ),
        reason: `a lasting change: differs from ${last.id}, agrees with ${refused.id} (${words})`,
      };
    }
  }
  return { accepted: false, gates, reason: words };
}

/** The last accepted master before the candidate's night, and a refused one of a night between. */
async function earlierMasters(
  candidate: Candidate,
  root: string,
  limits: JudgeLimits,
): Promise<{ readonly last: Master | undefined; readonly refused: Master | undefined }> {
  const night = String(Number(candidate.night) - 1); // in order of text before the night itself
  let refused: Master | undefined;
  for await (const master of mastersBefore(root, { ...candidate, night })) {
    if (!comparable(candidate, master, limits)) continue;
    if (master.accepted) return { last: master, refused };
    refused ??= master;
  }
  return { last: undefined, refused };
}

function comparable(candidate: Candidate, master: Master, limits: JudgeLimits): boolean {
  if (candidate.type !== "dark") return true;
  const apart = (candidate.temperatureC ?? NaN) - (master.temperatureC ?? NaN);
  return master.exposureS === candidate.exposureS &&
    !(Math.abs(apart) > limits.darkTemperatureC);
}

async function compareMasters(
  candidate: Candidate,
  last: Master,
  limits: JudgeLimits,
  signal: AbortSignal,
): Promise<Gate[]> {
  const then = (await sampleImage(last.path, signal)).values;
  const thenVariance = await varianceSample(last, signal);
  const flat = candidate.type === "flat";
  const { values } = candidate;
  const changes = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    changes[i] = flat ? values[i]! / then[i]! : values[i]! - then[i]!;
  }
  const centre = median(changes);
  const level = flat ? mad(changes, centre) * MAD_TO_SIGMA / centre : Math.abs(centre);
  const changed = changedFraction(changes, centre, { candidate, then, thenVariance });
  const ratio = candidate.noise / last.noise;
  const noise = Number.isFinite(ratio) && ratio > 0 ? Math.max(ratio, 1 / ratio) : 1;
  const noiseLimit = limits.noiseRatio * (flat ? FLAT_NOISE : 1);
  return [
    flat
      ? gate("flatDrift", level, limits.flatDrift, last)
      : gate("driftAdu", level, limits.driftAdu, last),
    gate("noiseRatio", noise, noiseLimit, last),
    gate("changedFraction", changed, limits.changedFraction, last),
  ];
}

function gate(name: string, value: number, limit: number, last: Master): Gate {
  return {
    name,
    value: Number.isFinite(value) ? value : null,
    threshold: `at most ${limit} from ${last.id}`,
    verdict: value <= limit ? "pass" : "fail",
  };
}

/** Variances of the last master; of one without, its typical noise squared, or NaN. */
async function varianceSample(
  last: Master,
  signal: AbortSignal,
): Promise<Float32Array | number> {
  const path = companionPath(last.path, "variance");
  const exists = await Deno.stat(path).then(() => true, () => false);
  return exists ? (await sampleImage(path, signal)).values : last.noise ** 2;
}

function changedFraction(
  changes: Float32Array,
  centre: number,
  data: {
    readonly candidate: Candidate;
    readonly then: Float32Array;
    readonly thenVariance: Float32Array | number;
  },
): number {
  const { candidate, then, thenVariance } = data;
  const flat = candidate.type === "flat";
  const floor = candidate.varianceFloor;
  let known = 0;
  let changed = 0;
  for (let i = 0; i < changes.length; i++) {
    const old = typeof thenVariance === "number" ? thenVariance : thenVariance[i]!;
    const own = candidate.variances[i]!;
    // NaN is not above the floor
    let variance = (own > floor ? own : floor) + (old > floor ? old : floor);
    if (flat) variance = variance / then[i]! ** 2 + FLAT_ERROR ** 2;
    const away = changes[i]! - centre;
    if (away !== away) continue;
    known++;
    if (away * away >= CHANGED_SIGMA ** 2 * variance) changed++;
  }
  return known === 0 ? NaN : changed / known;
}
