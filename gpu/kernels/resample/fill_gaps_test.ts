import assert from "node:assert/strict";
import { fillGaps } from "./_fill_gaps_oracle.ts";

Deno.test("fillGaps() interpolates along the row and takes one side at an edge", () => {
  const data = Float32Array.of(5, 99, 99, 20, 99, 99, 99, 8);
  const mask = Uint16Array.of(0, 1, 1, 0, 1, 1, 1, 0);
  assert.equal(fillGaps(data, mask, { width: 4, bits: 1, mark: 4 }), 5);
  assert.deepEqual([...data], [5, 10, 15, 20, 8, 8, 8, 8]);
  assert.deepEqual([...mask], [0, 5, 5, 0, 5, 5, 5, 0]);
});

Deno.test("fillGaps() leaves a gap wider than its reach and a row without a usable pixel", () => {
  const data = Float32Array.of(1, NaN, NaN, NaN, NaN, NaN, 2, NaN, NaN, NaN, NaN, NaN, NaN, NaN);
  const mask = new Uint16Array(14);
  fillGaps(data, mask, { width: 7, bits: 1, reachPx: 2 });
  assert.deepEqual([...data.subarray(0, 7)], [1, 1, 1, NaN, 2, 2, 2]);
  assert.ok(data.subarray(7).every(Number.isNaN));
});
