/**
 * What the last manifest of a night says to people.
 *
 * @module
 */

import type { Manifest, Product } from "../stages/manifest.ts";
import type { GateNotice, NoticeBody } from "./notices.ts";

/** Entries of a list that a notice takes along. */
const SHOWN = 20;

/**
 * Summarises a night that went through every stage.
 *
 * @param manifest The last one.
 * @returns Counts, depths, candidates, failed gates, what was left behind.
 */
export function summariseRun(manifest: Manifest): NoticeBody {
  const counts: Record<string, number> = {};
  for (const { kind } of manifest.products) counts[kind] = (counts[kind] ?? 0) + 1;
  const searched = manifest.stages.findLast((record) => record.name === "detect");
  const metric = (name: string) => {
    const value = searched?.metrics[name];
    return typeof value === "number" ? value : null;
  };
  return {
    counts,
    candidates: metric("candidates"),
    transients: metric("transients"),
    suspect: metric("suspect"),
    depths: manifest.products.filter((product) => product.kind === "stack").flatMap(depthOf),
    gates: manifest.products.flatMap(failedGates).slice(0, SHOWN),
    left: manifest.left.slice(0, SHOWN).map(({ stage, id, message }) => ({ stage, id, message })),
  };
}

function depthOf(product: Product): { id: string; depth5: number }[] {
  const depth5 = product.measured.depth5;
  return typeof depth5 === "number" ? [{ id: product.id, depth5 }] : [];
}

function failedGates(product: Product): GateNotice[] {
  return product.gates.filter((gate) => gate.verdict === "fail")
    .map(({ name: gate, value, threshold }) => ({ id: product.id, gate, value, threshold }));
}
