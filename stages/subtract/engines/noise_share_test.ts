import assert from "node:assert/strict";
import { normalNumbers } from "../_synthetic_pair.ts";
import { noiseShare, SAMPLE_ROWS, sampleRows } from "./noise_share.ts";

const WIDTH = 640;

/** Strips of noise of a given share of the variance that is expected, on a background that slopes. */
function strips(share: number, seed: number) {
  const normal = normalNumbers(seed);
  return sampleRows(640).map((firstRow) => ({
    firstRow,
    rows: SAMPLE_ROWS,
    difference: Float32Array.from(
      { length: SAMPLE_ROWS * WIDTH },
      (_, i) => 7 * Math.sqrt(share) * normal() + 0.02 * (i % WIDTH),
    ),
    variance: new Float32Array(SAMPLE_ROWS * WIDTH).fill(49),
  }));
}

Deno.test("sampleRows() are strips of the image, in order, that do not overlap", () => {
  for (const height of [32, 33, 100, 640, 6388]) {
    const rows = sampleRows(height);
    assert.ok(rows.length >= 1 && rows.length <= 12);
    rows.forEach((row, k) => {
      assert.ok(row + SAMPLE_ROWS <= height && row >= (rows[k - 1] ?? -SAMPLE_ROWS) + SAMPLE_ROWS);
    });
  }
  assert.deepEqual(sampleRows(20), []);
});

Deno.test("noiseShare() finds how much of the expected variance there is, whatever the background", () => {
  for (const share of [0.5, 0.9, 1]) {
    const found = noiseShare(strips(share, 7), () => true, WIDTH);
    assert.ok(Math.abs(found - share) < 0.02, `${found} for ${share}`);
  }
});

Deno.test("noiseShare() explains no surplus away, looks at bare sky alone and gives up without any", () => {
  assert.equal(noiseShare(strips(1.4, 8), () => true, WIDTH), 1);
  assert.equal(noiseShare(strips(0.5, 8), () => false, WIDTH), 1);
  const spoilt = strips(0.8, 9);
  const isQuiet = (i: number) => i % WIDTH < 500;
  for (const { difference } of spoilt) {
    difference.forEach((_, i) => i % WIDTH >= 500 ? difference[i] = 1e4 * (i % 2) : undefined);
  }
  assert.ok(Math.abs(noiseShare(spoilt, isQuiet, WIDTH) - 0.8) < 0.02);
});
