/**
 * What a person wants to read at the end of a run.
 *
 * @module
 */

import type { Manifest, Product, ProductKind } from "../stages/manifest.ts";
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
  const times = elapsed.map(({ stage, s, ran }) =>
    `  ${stage.padEnd(9)}${ran ? `${s.toFixed(1).padStart(7)} s` : "   done before"}`
  );
  const left = manifest.left.map((entry) =>
    `  ${entry.stage}: ${entry.id}: ${oneLine(entry.message)}`
  );
  return [
    `${unit} ${date}: ${describeCounts(manifest)}`,
    ...times,
    ...describeDegraded(manifest),
    ...(left.length === 0 ? ["  nothing left behind"] : [`Left behind (${left.length}):`, ...left]),
    `Manifests: ${work}`,
  ].join("\n");
}

/**
 * Images of a kind that later stages can use.
 *
 * @param manifest The manifest.
 * @param kind The kind.
 * @returns Those that were not left behind.
 */
export function usableImages(manifest: Manifest, kind: ProductKind): readonly Product[] {
  const lost = new Set(manifest.left.flatMap(({ products }) => products));
  return manifest.products.filter((product) => product.kind === kind && !lost.has(product.id));
}

/**
 * Shortens the message of a program that failed, which holds the end of its output.
 *
 * @param message Perhaps of several lines.
 * @returns Its first and its last line.
 */
export function oneLine(message: string): string {
  const lines = message.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const [first = "", last = ""] = [lines[0], lines.at(-1)];
  return lines.length < 2 ? first : `${first}: ${last.replace(/^[>\s]+/, "")}`;
}

/** Gates that images passed in part only. */
function describeDegraded(manifest: Manifest): string[] {
  const counts = new Map<string, number>();
  for (const kind of ["frame", "stack", "difference"] as const) {
    for (const { gates } of usableImages(manifest, kind)) {
      const degraded = gates.filter(({ verdict }) => verdict === "degraded");
      for (const name of new Set(degraded.map((gate) => gate.name))) {
        counts.set(`${kind}s: ${name}`, (counts.get(`${kind}s: ${name}`) ?? 0) + 1);
      }
    }
  }
  return [...counts].map(([what, count]) => `  degraded ${what} (${count})`);
}

function describeCounts(manifest: Manifest): string {
  const raw = manifest.products.filter(({ kind }) => kind === "raw");
  const lights = raw.filter(({ imageType }) => imageType === "light").length;
  const made = (["frame", "stack", "difference"] as const).map((kind) => {
    const count = usableImages(manifest, kind).length;
    return `${count} ${kind}${count === 1 ? "" : "s"}`;
  }).join(", ");
  return raw.length === 0 ? made : `${lights} lights of ${raw.length} raw frames → ${made}`;
}
