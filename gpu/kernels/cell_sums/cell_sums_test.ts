import assert from "node:assert/strict";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { sumCells } from "./cell_sums.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

async function compare(compute: Compute, width: number, height: number, cellPx: number) {
  const random = sequence(width * height + cellPx);
  const pixels = width * height;
  const difference = Float32Array.from({ length: pixels }, () => 10 * (random() - 0.4));
  const weight = Float32Array.from({ length: pixels }, () => random() < 0.1 ? 0 : 0.1 + random());
  const quiet = Uint8Array.from({ length: pixels }, () => random() < 0.3 ? 0 : 1);
  const columns = Math.ceil(width / cellPx), rows = Math.ceil(height / cellPx);
  const middles = Float32Array.from({ length: rows * columns }, () => 2 * random());
  const options = { cellPx, clipSigma: 3, middles };
  const plain = { ...options, also: [] };
  const made = await sumCells(compute, { width, height, difference, weight, quiet }, options);
  const bare = await sumCells(compute, { width, height, difference, weight, quiet }, plain);
  assert.deepEqual([bare.count, bare.sum], [made.count, made.sum]);
  assert.ok(bare.variance.every((value) => value === 0) && bare.squares.every((v) => v === 0));
  assert.deepEqual([made.columns, made.rows], [columns, rows]);
  for (let cell = 0; cell < rows * columns; cell++) {
    const sums = [0, 0, 0, 0, 0];
    let open = 0;
    for (let i = 0; i < pixels; i++) {
      const x = Math.floor((i % width) / cellPx), y = Math.floor(Math.floor(i / width) / cellPx);
      if (y * columns + x !== cell || !quiet[i] || weight[i] === 0) continue;
      const power = (difference[i]! - middles[cell]!) ** 2 * weight[i]!;
      // float32 may decide otherwise where it is a matter of its last digits
      if (Math.abs(power - 9) < 1e-5) open++;
      if (power > 9) continue;
      const pull = difference[i]! * Math.sqrt(weight[i]!);
      [1, difference[i]!, 1 / weight[i]!, pull, pull ** 2].forEach((value, k) => sums[k]! += value);
    }
    if (open > 0) continue;
    const found = [made.count, made.sum, made.variance, made.pulls, made.squares];
    found.forEach((column, k) => {
      const scale = 1 + Math.abs(sums[k]!) + 10 * sums[0]!;
      assert.ok(Math.abs(column[cell]! - sums[k]!) < 2 ** -20 * scale, `${cell} ${k}`);
    });
  }
}

backendTest(
  "sumCells() agrees with sums pixel by pixel, cells cut off at the edges too",
  async (compute) => {
    for (const [width, height, cellPx] of [[5, 4, 8], [64, 64, 16], [131, 77, 32]] as const) {
      await compare(compute, width, height, cellPx);
    }
  },
  { bindingBytes: 1 << 15 },
);
