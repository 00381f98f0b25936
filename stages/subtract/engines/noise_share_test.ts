import assert from "node:assert/strict";
import { openCompute } from "../../../gpu/compute.ts";
import { bit } from "../../../sky/mask.ts";
import { normalNumbers } from "../_synthetic_pair.ts";
import { noiseShare, quieterSurfaces, sampleRows } from "./noise_share.ts";

const SIDE = 640;
const SAMPLES = sampleRows(SIDE);

/** Strips of noise of a given share of the variance that is expected, on a background that slopes. */
function sampled(share: number, seed: number) {
  const normal = normalNumbers(seed);
  const pixels = SAMPLES.reduce((sum, { rows }) => sum + rows * SIDE, 0);
  return {
    difference: Float32Array.from(
      { length: pixels },
      (_, i) => 7 * Math.sqrt(share) * normal() + 0.02 * (i % SIDE),
    ),
    variance: new Float32Array(pixels).fill(49),
  };
}

/** Bare sky up to a column, good pixels up to another one. */
function sky(quietTo = SIDE, goodTo = SIDE) {
  const mask = Uint16Array.from(
    { length: SIDE * SIDE },
    (_, i) => i % SIDE < goodTo ? 0 : bit("BAD"),
  );
  const quiet = Uint8Array.from({ length: mask.length }, (_, i) => i % SIDE < quietTo ? 1 : 0);
  return { width: SIDE, quiet, masks: [new Uint16Array(mask.length), mask] } as const;
}

Deno.test("sampleRows() are strips of the image, in order, that do not overlap", () => {
  for (const height of [32, 33, 100, 640, 6388]) {
    const samples = sampleRows(height);
    assert.ok(samples.length >= 1 && samples.length <= 6);
    let end = 0;
    for (const { firstRow, rows } of samples) {
      assert.ok(firstRow >= end && firstRow + rows <= height);
      end = firstRow + rows;
    }
  }
  assert.deepEqual(sampleRows(20), []);
});

Deno.test("noiseShare() finds how much of the expected variance there is, whatever the background", async () => {
  using compute = await openCompute({ device: "cpu" });
  for (const share of [0.5, 0.9, 1]) {
    const found = await noiseShare(compute, sky(), SAMPLES, sampled(share, 7));
    assert.ok(Math.abs(found - share) < 0.02, `${found} for ${share}`);
  }
});

Deno.test("noiseShare() explains no surplus away, looks at good bare sky alone and gives up without any", async () => {
  using compute = await openCompute({ device: "cpu" });
  assert.equal(await noiseShare(compute, sky(), SAMPLES, sampled(1.4, 8)), 1);
  assert.equal(await noiseShare(compute, sky(0), SAMPLES, sampled(0.5, 8)), 1);
  for (const  of of[sky(500), sky(SIDE, 500)]) {
    const spoilt = sampled(0.8, 9);
    spoilt.difference.forEach((_, i) => {
      if (i % SIDE >= 500) spoilt.difference[i] = 15 * (i % 2);
    });
    const found = await noiseShare(compute, of, SAMPLES, spoilt);
    assert.ok(Math.abs(found - 0.8) < 0.02, `${found}`);
  }
});

Deno.test("quieterSurfaces() scales the noise of the skies and nothing else", () => {
  const nodes = Float32Array.from({ length: 7 * 4 }, (_, i) => 1 + i);
  const made = quieterSurfaces({ shift: 5, columns: 2, rows: 2, nodes }, 0.25).nodes;
  const factors = [1, 0.5, 1, 0.5, 0.25, 1, 0.25];
  made.forEach((value, i) => assert.equal(value, nodes[i]! * factors[i >> 2]!));
});
