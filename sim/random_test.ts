import assert from "node:assert/strict";
import { keyOf, RandomStream } from "./random.ts";

const COUNT = 400_000;

function moments(draw: () => number): { mean: number; variance: number; kurtosis: number } {
  const values = Float64Array.from({ length: COUNT }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / COUNT;
  let second = 0, fourth = 0;
  for (const value of values) {
    second += (value - mean) ** 2;
    fourth += (value - mean) ** 4;
  }
  const variance = second / COUNT;
  return { mean, variance, kurtosis: fourth / COUNT / variance ** 2 };
}

Deno.test("RandomStream repeats itself for equal keys and differs for others", () => {
  const draws = (...keys: number[]) => {
    const stream = new RandomStream(...keys);
    return Array.from({ length: 5 }, () => stream.bits());
  };
  assert.deepEqual(draws(1, 2, 3), draws(1, 2, 3));
  assert.notDeepEqual(draws(1, 2, 3), draws(1, 2, 4));
  assert.notDeepEqual(draws(1, 2), draws(2, 1));
  assert.notDeepEqual(draws(1), draws(1, 0));
});

Deno.test("RandomStream of neighbouring rows is not correlated", () => {
  let sum = 0;
  for (let row = 0; row < 20_000; row++) {
    sum += new RandomStream(7, row).normal() * new RandomStream(7, row + 1).normal();
  }
  assert.ok(Math.abs(sum / 20_000) < 5 / Math.sqrt(20_000));
});

Deno.test("normal() has mean 0, variance 1, kurtosis 3 and the tail of a Gaussian", () => {
  const stream = new RandomStream(11);
  let beyond = 0;
  const { mean, variance, kurtosis } = moments(() => {
    const value = stream.normal();
    if (Math.abs(value) > 3.6) beyond++;
    return value;
  });
  assert.ok(Math.abs(mean) < 5 / Math.sqrt(COUNT));
  assert.ok(Math.abs(variance - 1) < 5 * Math.sqrt(2 / COUNT));
  assert.ok(Math.abs(kurtosis - 3) < 5 * Math.sqrt(24 / COUNT));
  // Beyond the last layer of the ziggurat: 3.18e-4 of all.
  assert.ok(Math.abs(beyond - 3.182e-4 * COUNT) < 5 * Math.sqrt(3.182e-4 * COUNT));
});

for (const expected of [0.02, 0.7, 1, 3.4, 12.9, 49.5, 60, 4000]) {
  Deno.test(`poisson() of mean ${expected} has that mean and variance`, () => {
    const stream = new RandomStream(13, Math.round(100 * expected));
    const { mean, variance } = moments(() => stream.poisson(expected));
    const spread = Math.sqrt((1 / expected + 2) / COUNT);
    assert.ok(Math.abs(mean - expected) < 5 * Math.sqrt(expected / COUNT));
    assert.ok(Math.abs(variance / expected - 1) < 5 * spread);
  });
}

Deno.test("poisson() gives whole numbers and nothing for no light", () => {
  const stream = new RandomStream(17);
  assert.equal(stream.poisson(0), 0);
  assert.equal(stream.poisson(-1), 0);
  assert.equal(stream.poisson(NaN), 0);
  for (const mean of [0.3, 20.6, 300.2]) assert.ok(Number.isInteger(stream.poisson(mean)));
});

Deno.test("poisson() of a small mean follows the probabilities", () => {
  const stream = new RandomStream(19);
  const mean = 2.3, seen = new Array<number>(30).fill(0);
  for (let i = 0; i < COUNT; i++) seen[stream.poisson(mean)]!++;
  let probability = Math.exp(-mean);
  for (let n = 0; n < 8; n++) {
    const expected = COUNT * probability;
    assert.ok(Math.abs(seen[n]! - expected) < 5 * Math.sqrt(expected), `${n} counts`);
    probability *= mean / (n + 1);
  }
});

Deno.test("keyOf() tells names apart", () => {
  assert.notEqual(keyOf("m450"), keyOf("m600"));
  assert.equal(keyOf("m450"), keyOf("m450"));
});
