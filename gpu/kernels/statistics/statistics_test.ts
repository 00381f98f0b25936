import assert from "node:assert/strict";
import fc from "fast-check";
import { backendTest } from "../../testing.ts";
import { clippedMoments, percentiles } from "./statistics.ts";

/** The definition: sort, and go to the place. */
function percentileOf(values: readonly number[], fraction: number): number {
  const sorted = values.filter((v) => v === v).sort((a, b) => a - b);
  const place = fraction * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? NaN;
  const high = sorted[Math.ceil(place)] ?? NaN;
  return low === high ? low : low + (high - low) * (place - Math.floor(place));
}

const value = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 900, max: 1100 }) },
  { weight: 2, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }) },
  { weight: 1, arbitrary: fc.constant(NaN) },
);

backendTest("percentiles() are those of the sorted values", async (compute) => {
  const fractions = [0, 0.1, 0.25, 0.5, 0.987, 1];
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 90 }), async (values) => {
      // −0 and 0 are one value
      const image = { width: values.length, values: Float32Array.from(values, (v) => v + 0) };
      const found = await percentiles(compute, image, fractions);
      fractions.forEach((fraction, i) => {
        const truth = percentileOf([...image.values], fraction);
        if (Number.isNaN(truth)) return assert.ok(Number.isNaN(found[i]));
        assert.ok(Math.abs(found[i]! - truth) <= Math.abs(truth) * 1e-12, `${found[i]} ${truth}`);
      });
    }),
    { numRuns: 40 },
  );
});

/** Normal values about 1000 with 2 % of bright ones, 300 rows. */
function starryField(): { width: number; values: Float32Array } {
  let state = 3;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const values = Float32Array.from(
    { length: 501 * 300 },
    () => uniform() < 0.02 ? 3000 + 60000 * uniform() : 1000 + 12 * normal(),
  );
  values[7] = NaN;
  return { width: 501, values };
}

/** The same clipping in float64. */
function clipOracle(values: readonly number[]): { count: number; mean: number; sigma: number } {
  let mean = percentileOf(values, 0.5);
  let sigma = (percentileOf(values, 0.75) - percentileOf(values, 0.25)) / 1.349;
  let count = 0;
  for (let round = 0; round <= 5; round++) {
    const low = Math.fround(mean - 3 * sigma);
    const high = Math.fround(mean + 3 * sigma);
    const kept = values.filter((v) => v >= low && v <= high);
    mean = kept.reduce((a, b) => a + b, 0) / kept.length;
    sigma = Math.sqrt(kept.reduce((a, b) => a + (b - mean) ** 2, 0) / kept.length);
    if (kept.length === count) break;
    count = kept.length;
  }
  return { count, mean, sigma };
}

backendTest(
  "clippedMoments() finds level and noise of a field with bright stars",
  async (compute) => {
    const image = starryField();
    const truth = clipOracle([...image.values]);
    const { count, mean, sigma } = await clippedMoments(compute, image);
    assert.ok(Math.abs(count - truth.count) <= 2, `${count} for ${truth.count}`);
    assert.ok(Math.abs(mean / truth.mean - 1) < 1e-6, `${mean} for ${truth.mean}`);
    assert.ok(Math.abs(sigma / truth.sigma - 1) < 1e-5, `${sigma} for ${truth.sigma}`);
    const [median] = await percentiles(compute, image, [0.5]);
    assert.equal(median, percentileOf([...image.values], 0.5));
  },
  { bindingBytes: 300_000 },
);

backendTest("statistics of an image without a value are NaN", async (compute) => {
  const image = { width: 4, values: new Float32Array(8).fill(NaN) };
  assert.deepEqual(await percentiles(compute, image, [0.5]), [NaN]);
  assert.deepEqual(await clippedMoments(compute, image), { count: 0, mean: NaN, sigma: NaN });
});
