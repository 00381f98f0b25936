/**
 * Folding workgroups into rows: a dimension holds 65 535 of them at most.
 *
 * @module
 */

/** Workgroups along x and y. */
export type DispatchGrid = readonly [x: number, y: number];

/**
 * Folds workgroups into as few rows as there must be. A shader finds its place from
 * `workgroup_id.y * num_workgroups.x + workgroup_id.x` and must leave out what is beyond the end.
 *
 * @param groups How many are needed.
 * @param limit Most along a dimension.
 * @returns At least as many groups.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(dispatchGrid(100, 65535), [100, 1]);
 * assert.deepEqual(dispatchGrid(100_000, 65535), [50_000, 2]);
 * ```
 */
export function dispatchGrid(groups: number, limit = 65535): DispatchGrid {
  const rows = Math.max(1, Math.ceil(groups / limit));
  if (rows > limit) throw new RangeError(`${groups} workgroups are more than ${limit} × ${limit}`);
  return [Math.ceil(groups / rows), rows];
}
