/**
 * What became of every raw frame: in a product, or left behind with a reason, or neither.
 *
 * @module
 */

import type { Left, Manifest, Product, ProductKind } from "../stages/manifest.ts";
import type { Journal } from "./journal.ts";

/** What became of one raw frame. */
export interface FrameAccount {
  readonly id: string;
  readonly path: string;
  readonly imageType: string | null;
  readonly object: string | null;
  readonly filter: string | null;
  /** `used` in a product, `left` with a reason, or neither. */
  readonly state: "used" | "left" | "unaccounted";
  /** The farthest kind of product that was made from it. */
  readonly reached: ProductKind | null;
  /** The stage that left it or what was made from it behind. */
  readonly stage: string | null;
  /** Why. */
  readonly reason: string | null;
}

/** Kinds of images in the order in which a light goes through them. */
const REACH: readonly ProductKind[] = ["master", "frame", "stack", "difference"];

/**
 * Accounts for the raw frames of a manifest.
 *
 * @param manifest The last one of a night.
 * @returns One entry a raw frame, and one a file that could not be read.
 */
export function accountFrames(manifest: Manifest): FrameAccount[] {
  const children = indexChildren(manifest.products);
  const reasons = new Map<string, Left>();
  for (const left of manifest.left) {
    if (left.stage === "ingest") continue; // of files that are no products
    for (const id of [left.id, ...left.products]) if (!reasons.has(id)) reasons.set(id, left);
  }
  const raw = manifest.products.filter((product) => product.kind === "raw");
  const known = new Set(raw.map((product) => product.id));
  const taken = new Set(raw.map((product) => product.path));
  const unread = manifest.left.filter((left) =>
    left.stage === "ingest" && !taken.has(left.path ?? "")
  );
  return [
    ...raw.map((product) => accountFor(product, children, reasons)),
    ...unread.map((left): FrameAccount => ({
      id: known.has(left.id) ? `${left.id} (${left.path})` : left.id,
      path: left.path ?? left.id,
      imageType: null,
      object: null,
      filter: null,
      state: "left",
      reached: null,
      stage: left.stage,
      reason: left.message,
    })),
  ];
}

function indexChildren(products: readonly Product[]): Map<string, Product[]> {
  const children = new Map<string, Product[]>();
  for (const product of products) {
    for (const parent of product.from) {
      const list = children.get(parent);
      if (list) list.push(product);
      else children.set(parent, [product]);
    }
  }
  return children;
}

function accountFor(
  raw: Product,
  children: ReadonlyMap<string, readonly Product[]>,
  reasons: ReadonlyMap<string, Left>,
): FrameAccount {
  const family = new Map<string, Product>([[raw.id, raw]]);
  const pending = [raw.id];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const child of children.get(id) ?? []) {
      if (family.has(child.id)) continue;
      family.set(child.id, child);
      pending.push(child.id);
    }
  }
  const members = [...family.values()];
  const reached = REACH.findLast((kind) => members.some((product) => product.kind === kind)) ??
    null;
  // Of an image made of many frames the reason is not this frame's own, unless it is the first.
  const left = members.map((product) => reasons.get(product.id)).find((entry) =>
    entry !== undefined
  );
  return {
    id: raw.id,
    path: raw.path,
    imageType: raw.imageType ?? null,
    object: raw.object ?? null,
    filter: raw.filter ?? null,
    state: reached !== null ? "used" : left ? "left" : "unaccounted",
    reached,
    stage: left?.stage ?? null,
    reason: left?.message ?? null,
  };
}

/**
 * Replaces the frames of a night in the journal; call it within a transaction.
 *
 * @param journal The journal.
 * @param night The night.
 * @param frames Every raw frame.
 */
export function writeFrames(
  journal: Journal,
  night: number,
  frames: readonly FrameAccount[],
): void {
  journal.run("DELETE FROM frames WHERE night = ?", night);
  for (const frame of frames) {
    journal.run(
      "INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      night,
      frame.id,
      frame.path,
      frame.imageType,
      frame.object,
      frame.filter,
      frame.state,
      frame.reached,
      frame.stage,
      frame.reason,
    );
  }
  journal.run("DELETE FROM frame_counts WHERE night = ?", night);
  journal.run(
    "INSERT INTO frame_counts SELECT night, state, count(*) FROM frames WHERE night = ? GROUP BY state",
    night,
  );
}
