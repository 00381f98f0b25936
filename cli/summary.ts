/**
 * What a person wants to read at the end of a run.
 *
 * @module
 */

import type { Manifest } from "../stages/manifest.ts";
import type { StageTime } from "../watch/run_night.ts";

/**
 * Describes a run: each stage with its time, what was made, what was left behind.
 *
 * @param manifest The last manifest.
 * @param elapsed Seconds each stage took.
 * @returns Lines of text.
 */
export function describeRun(
  manifest: Manifest,
  elapsed: readonly StageTime[],
): string {
  const { unit, date, work } = manifest.night;
  const raw = manifest.products.filter((product) => product.kind === "raw");
  const lights = raw.filter((product) => product.imageType === "light").length;
  const count = (kind: string) =>
    manifest.products.filter((product) => product.kind === kind).length;
  const times = elapsed.map(({ stage, s, ran }) =>
    `  ${stage.padEnd(9)}${ran ? `${s.toFixed(1).padStart(7)} s` : "   done before"}`
  );
  const left = manifest.left.map((entry) => `  ${entry.stage}: ${entry.id}: ${entry.message}`);
  return [
    `${unit} ${date}: ${lights} lights of ${raw.length} raw frames → ${count("frame")} frames, ` +
    `${count("stack")} stacks, ${count("difference")} differences`,
    ...times,
    ...(left.length === 0 ? ["  nothing left behind"] : [`Left behind (${left.length}):`, ...left]),
    `Manifests: ${work}`,
  ].join("\n");
}
