/**
 * Compares a new master with the last one accepted.
 *
 * @module
 */

import { mad, MAD_TO_SIGMA, median } from "../../sky/stats.ts";
import type { Gate } from "../manifest.ts";
import { borrowMasters, darkScale, type Master } from "./master.ts";
import { PixelSample, readStrips } from "./strips.ts";

/** How far a master may be from the last one. */
export interface DriftLimits {
  /** Of biases and darks, ADU. */
  readonly driftAdu: number;
  /** Of flats: scatter of the ratio of the two. */
  readonly flatDrift: number;
}

/**
 * Judges a new master by the last one before its night.
 *
 * Biases and darks: the median difference. Flats: the robust scatter of the ratio.
 * A master that is far off is used, and marked as degraded.
 *
 * @param master The new one.
 * @param root The master tree.
 * @param limits How far is too far.
 * @param signal Ends the reading.
 * @returns The gate, or undefined when there is no earlier master.
 */
export async function judgeDrift(
  master: Master,
  root: string,
  limits: DriftLimits,
  signal: AbortSignal,
): Promise<Gate | undefined> {
  const before = String(Number(master.night) - 1); // in order of text before the night itself
  const earlier = await borrowMasters(root, { ...master, night: before });
  const last = master.type === "dark"
    ? earlier.find((dark) => dark.exposureS === master.exposureS)
    : earlier[0];
  if (last === undefined) return undefined;
  const flat = master.type === "flat";
  const value = await measureDrift(master, last, signal);
  const limit = flat ? limits.flatDrift : limits.driftAdu;
  return {
    name: flat ? "flatDrift" : "driftAdu",
    value: Number.isFinite(value) ? value : null,
    threshold: `at most ${limit} from ${last.id}`,
    verdict: value <= limit ? "pass" : "degraded",
  };
}

async function measureDrift(master: Master, last: Master, signal: AbortSignal): Promise<number> {
  const { width, height } = master.setup;
  const sample = new PixelSample(width * height);
  const scale = master.type === "dark" ? darkScale(last, master.exposureS) : 1;
  for await (const { strips } of readStrips([master.path, last.path], signal)) {
    const [now, then] = [strips[0]!, strips[1]!];
    for (let i = 0; i < now.length; i++) {
      now[i] = master.type === "flat" ? now[i]! / then[i]! : now[i]! - scale * then[i]!;
    }
    sample.add(now);
  }
  const centre = median(sample.values);
  return master.type === "flat"
    ? mad(sample.values, centre) * MAD_TO_SIGMA / centre
    : Math.abs(centre);
}
