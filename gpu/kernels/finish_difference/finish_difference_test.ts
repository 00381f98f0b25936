import assert from "node:assert/strict";
import fc from "fast-check";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { joinMasks, weighDifference, zeroGaps } from "./finish_difference.ts";

const EDGE = 16, CARRIED = 2 | 256, NO_DATA = 256, UNUSABLE = 2 | 16 | 256;

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

async function compareMasks(compute: Compute, width: number, height: number, seed: number) {
  const random = sequence(seed);
  const reachPx = Math.floor(random() * 6);
  const make = () =>
    Uint16Array.from({ length: width * height }, () => random() < 0.03 ? random() * 0x7fff : 0);
  const moved = make(), still = make();
  const firstRow = Math.floor(random() * height), rows = height - firstRow;
  const joined = new Uint16Array(rows * width);
  const options = { reachPx, carried: CARRIED, edge: EDGE };
  await joinMasks(compute, { width, height, moved, still }, firstRow, joined, options);
  joined.forEach((value, i) => {
    const x = i % width, y = firstRow + Math.floor(i / width);
    let bits = moved[y * width + x]! | still[y * width + x]!;
    for (let row = Math.max(0, y - reachPx); row <= Math.min(height - 1, y + reachPx); row++) {
      for (let c = Math.max(0, x - reachPx); c <= Math.min(width - 1, x + reachPx); c++) {
        bits |= moved[row * width + c]! & CARRIED;
      }
    }
    const inside = Math.min(x, y, width - 1 - x, height - 1 - y) >= reachPx;
    assert.equal(value, inside ? bits : bits | EDGE, `${x},${y}`);
  });
}

const side = fc.integer({ min: 1, max: 45 });
const seeds = fc.integer({ min: 1, max: 1e6 });

backendTest(
  "joinMasks() grows the planes of the convolved image alone, and marks the edge",
  async (compute) => {
    await fc.assert(
      fc.asyncProperty(side, side, seeds, (w, h, seed) => compareMasks(compute, w, h, seed)),
      { numRuns: 30 },
    );
  },
  { bindingBytes: 2048 },
);

async function compareWeights(compute: Compute, width: number, rows: number, seed: number) {
  const random = sequence(seed), count = width * rows;
  const joined = Uint16Array.from({ length: count }, () => random() < 0.2 ? random() * 0x7fff : 0);
  const difference = Float32Array.from({ length: count }, () => random() < 0.1 ? NaN : random());
  const variance = Float32Array.from(
    { length: count },
    () => random() < 0.1 ? NaN : random() < 0.1 ? 0 : random() < 0.1 ? Infinity : random(),
  );
  const into = {
    difference: new Float32Array(count),
    mask: new Uint16Array(count),
    weight: new Float32Array(count),
  };
  const planes = { noData: NO_DATA, unusable: UNUSABLE };
  const rowsIn = { width, joined, difference, variance };
  const none = await weighDifference(compute, rowsIn, into, planes);
  assert.equal(none, into.weight.filter((weight) => weight === 0).length);
  const zeroed = new Float32Array(count);
  await zeroGaps(compute, { width, values: into.weight, mask: joined }, zeroed, planes);
  zeroed.forEach((v, i) => assert.equal(v, joined[i]! & NO_DATA ? 0 : into.weight[i]!));
  joined.forEach((bits, i) => {
    const known = Number.isFinite(difference[i]!) && Number.isFinite(variance[i]!);
    const mask = known ? bits : bits | NO_DATA;
    assert.equal(into.mask[i], mask);
    assert.equal(into.difference[i], mask & NO_DATA ? 0 : difference[i]!);
    const weight = mask & UNUSABLE || !(variance[i]! > 0) ? 0 : 1 / variance[i]!;
    assert.ok(Math.abs(into.weight[i]! - weight) <= 2 ** -22 * weight);
  });
}

backendTest(
  "weighDifference() leaves no gap in the difference and no weight where a pixel is unusable",
  async (compute) => {
    await fc.assert(
      fc.asyncProperty(side, side, seeds, (w, h, seed) => compareWeights(compute, w, h, seed)),
      { numRuns: 30 },
    );
  },
  { bindingBytes: 2048 },
);
