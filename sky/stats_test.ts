import assert from "node:assert/strict";
import fc from "fast-check";
import { normalDeviates } from "./_testing.ts";
import { clippedStats, mad, MAD_TO_SIGMA, median, percentile, weightedMedian } from "./stats.ts";

const samples = fc.array(
  fc.oneof(
    // plus 0: −0 is no other sample than 0
    fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0),
    fc.constant(NaN),
    fc.integer({ min: 0, max: 3 }),
  ),
  { maxLength: 200 },
);

function sorted(values: readonly number[]): number[] {
  return values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
}

Deno.test("median() equals the middle of the sorted samples, whatever the order and the gaps", () => {
  fc.assert(fc.property(samples, (values) => {
    const order = sorted(values);
    const n = order.length;
    const expected = n === 0
      ? NaN
      : n % 2 === 1
      ? order[(n - 1) / 2]!
      : (order[n / 2 - 1]! + order[n / 2]!) / 2;
    const before = [...values];
    assert.equal(median(values), expected);
    assert.deepEqual(values, before);
  }));
});

Deno.test("percentile() interpolates between ranks as numpy does", () => {
  // numpy.percentile([7, 1, 3, 12, 5], [0, 10, 25, 50, 90, 100])
  const expected = [1, 1.8, 3, 5, 10, 12];
  [0, 10, 25, 50, 90, 100].forEach((q, i) =>
    assert.ok(Math.abs(percentile([7, 1, NaN, 3, 12, 5], q) - expected[i]!) < 1e-12)
  );
  fc.assert(fc.property(samples, fc.double({ min: 0, max: 100, noNaN: true }), (values, q) => {
    const order = sorted(values);
    if (order.length === 0) return assert.ok(Number.isNaN(percentile(values, q)));
    const rank = q / 100 * (order.length - 1);
    const low = order[Math.floor(rank)]!;
    const expected = low + (rank - Math.floor(rank)) * (order[Math.ceil(rank)]! - low);
    assert.ok(Math.abs(percentile(values, q) - expected) <= 1e-9 * (1 + Math.abs(expected)));
  }));
});

Deno.test("mad() of normal deviates estimates their standard deviation", () => {
  const normal = normalDeviates(1);
  const values = Array.from({ length: 20000 }, () => 5 + 3 * normal());
  assert.ok(Math.abs(mad(values) * MAD_TO_SIGMA - 3) < 0.1);
  assert.equal(mad([1, NaN, 2, 9]), 1);
});

Deno.test("clippedStats() recovers the normal part of a polluted sample", () => {
  const normal = normalDeviates(2);
  const values = Array.from({ length: 10000 }, (_, i) => i % 50 === 0 ? 500 : 100 + 2 * normal());
  const { mean, median: middle, sigma, kept } = clippedStats(values);
  assert.ok(Math.abs(mean - 100) < 0.1 && Math.abs(middle - 100) < 0.1);
  assert.ok(Math.abs(sigma - 2) < 0.1 && kept > 9500 && kept <= 9800);
});

Deno.test("clippedStats() agrees with astropy's sigma_clipped_stats", () => {
  // sigma_clipped_stats([1, 2, 3, 4, 5, 6, 7, 8, 9, 100], sigma=2, maxiters=5)
  const { mean, median: middle, sigma } = clippedStats([1, 2, 3, 4, 5, 6, 7, 8, 9, 100], {
    sigma: 2,
  });
  assert.deepEqual([mean, middle], [5, 5]);
  assert.ok(Math.abs(sigma - 2.581988897471611) < 1e-12);
});

Deno.test("statistics of nothing are NaN", () => {
  assert.ok(
    Number.isNaN(median([NaN])) && Number.isNaN(mad([])) && Number.isNaN(percentile([], 50)),
  );
  const { mean, kept } = clippedStats([NaN]);
  assert.ok(Number.isNaN(mean) && kept === 0);
  assert.ok(Number.isNaN(weightedMedian([1], [0])));
});

Deno.test("weightedMedian() with equal weights is the median, and a heavy sample wins", () => {
  fc.assert(fc.property(samples, (values) => {
    assert.equal(weightedMedian(values, values.map(() => 2)), median(values));
  }));
  assert.equal(weightedMedian([1, 2, 3], [1, 1, 10]), 3);
  assert.equal(weightedMedian([3, NaN, 1, 2], [1, 9, 1, -1]), 2);
});
