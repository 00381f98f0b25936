import assert from "node:assert/strict";
import fc from "fast-check";
import { clippedZeroPoint } from "./zero_point.ts";

/** The plain way: sort, take the middle, throw out, again. */
function oracle(
  values: readonly number[],
  sigma: number,
): { mag: number; scatter: number; n: number } {
  const middle = (list: readonly number[]): number => {
    const sorted = [...list].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  };
  let kept = [...values];
  while (true) {
    const mag = middle(kept);
    const scatter = 1.482602218505602 * middle(kept.map((value) => Math.abs(value - mag)));
    const next = kept.filter((value) => Math.abs(value - mag) <= sigma * Math.max(scatter, 1e-4));
    if (next.length === kept.length) return { mag, scatter, n: kept.length };
    kept = next;
  }
}

Deno.test("the zero point agrees with a clipped median by sorting", () => {
  const value = fc.oneof(
    fc.double({ min: 24.4, max: 24.6, noNaN: true }),
    fc.double({ min: 20, max: 28, noNaN: true }),
  );
  fc.assert(fc.property(
    fc.array(value, { minLength: 1, maxLength: 60 }),
    fc.constantFrom(2, 2.5, 3, 4),
    (values, sigma) => {
      const found = clippedZeroPoint(values, { sigma, iterations: 100 })!;
      const expected = oracle(values, sigma);
      assert.equal(found.stars, expected.n);
      assert.ok(Math.abs(found.mag - expected.mag) < 1e-12);
      assert.ok(Math.abs(found.scatterMag - expected.scatter) < 1e-9);
      assert.ok(Math.abs(found.errorMag - expected.scatter / Math.sqrt(expected.n)) < 1e-9);
    },
  ));
});

// astropy 5.2.1, numpy 1.24.2: rng = default_rng(42); d = 24.5 + 0.02 rng.standard_normal(40), then
// 24.5 + rng.uniform(-1, 1, 8), rounded to 5 digits; sigma_clip(d, 3, cenfunc="median", stdfunc="mad_std", maxiters=None)
Deno.test("the zero point agrees with astropy's sigma_clip", () => {
  const differences = [
    24.50609,
    24.4792,
    24.51501,
    24.51881,
    24.46098,
    24.47396,
    24.50256,
    24.49368,
    24.49966,
    24.48294,
    24.51759,
    24.51556,
    24.50132,
    24.52254,
    24.50935,
    24.48281,
    24.50738,
    24.48082,
    24.51757,
    24.499,
    24.4963,
    24.48638,
    24.52445,
    24.49691,
    24.49143,
    24.49296,
    24.51065,
    24.50731,
    24.50825,
    24.50862,
    24.54283,
    24.49187,
    24.48976,
    24.48372,
    24.51232,
    24.52258,
    24.49772,
    24.4832,
    24.48351,
    24.51301,
    24.3743,
    25.16536,
    24.90053,
    24.12473,
    25.16452,
    25.10953,
    24.27496,
    24.07666,
  ];
  const found = clippedZeroPoint(differences)!;
  assert.equal(found.stars, 40);
  assert.ok(Math.abs(found.mag - 24.50049) < 1e-9);
  assert.ok(Math.abs(found.scatterMag - 0.01805068201030709) < 1e-9);
});

Deno.test("a star without a magnitude is neither used nor counted as clipped", () => {
  const found = clippedZeroPoint([25, NaN, 25.01, 24.99])!;
  assert.equal(found.stars, 3);
  assert.deepEqual(found.kept, [true, false, true, true]);
});

Deno.test("there is no zero point without stars", () => {
  assert.equal(clippedZeroPoint([]), undefined);
  assert.equal(clippedZeroPoint([NaN, NaN]), undefined);
});
