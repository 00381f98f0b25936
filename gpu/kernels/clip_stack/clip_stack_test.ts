import assert from "node:assert/strict";
import fc from "fast-check";
import { clipStack, type ClipStackOptions, MEDIAN_VARIANCE } from "./clip_stack.ts";
import { medianNetwork, orderByReuse, sortingNetwork, sortPlanes } from "./network.ts";

/** The slow, obvious way, in float64. */
function oracle(samples: readonly number[], options: ClipStackOptions) {
  let kept = samples.filter((v) => !Number.isNaN(v)).sort((a, b) => a - b);
  const count = kept.length;
  if (options.method.startsWith("clipped")) kept = clipOracle(kept, options);
  const mean = kept.reduce((a, b) => a + b, 0) / kept.length;
  const value = options.method.endsWith("median") ? middle(kept) : mean;
  const square = kept.reduce((a, b) => a + (b - mean) ** 2, 0) / (kept.length - 1);
  const factor = options.method.endsWith("median") && kept.length > 2 ? MEDIAN_VARIANCE : 1;
  return {
    value,
    kept: kept.length,
    rejected: count - kept.length,
    variance: square / kept.length * factor,
  };
}

const middle = (sorted: readonly number[]) => {
  const n = sorted.length;
  return n === 0 ? NaN : (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
};

function clipOracle(sorted: readonly number[], options: ClipStackOptions): number[] {
  const factors = [0, 1, 1.196, 1.495, 1.363, 1.206, 1.2, 1.14, 1.129, 1.107];
  let kept = [...sorted];
  for (let round = 0; round < (options.iterations ?? 5) && kept.length > 2; round++) {
    const centre = middle(kept);
    const away = kept.map((v) => Math.abs(v - centre)).sort((a, b) => a - b);
    const n = kept.length;
    const scatter = middle(away) * 1.4826 * (factors[n] ?? n / (n - 0.8));
    const sigma = Math.max(scatter, options.sigmaFloor ?? 0);
    const next = kept.filter((v) => Math.abs(v - centre) <= (options.clipSigma ?? 3) * sigma);
    if (next.length === kept.length) break;
    kept = next;
  }
  return kept;
}

Deno.test("clipStack() gives the median of odd and even counts and ignores NaN", () => {
  const frames = [
    Float32Array.of(3, 4, NaN, NaN),
    Float32Array.of(1, 1, 7, NaN),
    Float32Array.of(2, NaN, NaN, NaN),
  ];
  const result = clipStack(frames, { method: "median" });
  assert.deepEqual([...result.value], [2, 2.5, 7, NaN]);
  assert.deepEqual([...result.kept], [3, 2, 1, 0]);
});

Deno.test("clipStack() agrees with a float64 oracle for any frames, gaps and methods", () => {
  const sample = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 900, max: 1100 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 65535 }) },
    { weight: 1, arbitrary: fc.constant(NaN) },
  );
  const methods = ["median", "mean", "clipped-median", "clipped-mean"] as const;
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 33 }).chain((k) =>
      fc.array(fc.array(sample, { minLength: k, maxLength: k }), { minLength: 1, maxLength: 20 })
    ),
    fc.constantFrom(...methods),
    fc.constantFrom(0.5, 8),
    (pixels, method, sigmaFloor) => {
      const frames = pixels[0]!.map((_, k) => Float32Array.from(pixels, (p) => p[k]!));
      const options = { method, sigmaFloor, clipSigma: 3 };
      const result = clipStack(frames, options);
      pixels.forEach((samples, i) => {
        const truth = oracle(samples, options);
        assert.equal(result.kept[i], truth.kept);
        assert.equal(result.rejected[i], truth.rejected);
        near(result.value[i]!, truth.value, 2 ** -23);
        if (truth.kept > 1) near(result.variance[i]!, truth.variance, 1e-5);
      });
    },
  ));
});

function near(value: number, truth: number, relative: number): void {
  if (Number.isNaN(truth)) return assert.ok(Number.isNaN(value));
  assert.ok(Math.abs(value - truth) <= Math.abs(truth) * relative, `${value} is not ${truth}`);
}

Deno.test("clipStack() works across its internal blocks", () => {
  const pixels = 1300;
  const frames = [5, 1, 3, 2, 4].map((base) =>
    Float32Array.from({ length: pixels }, (_, i) => base * 10 + i)
  );
  const { value } = clipStack(frames, { method: "median" });
  assert.ok(value.every((v, i) => v === 30 + i));
});

Deno.test("clipStack() weights a mean and propagates the variances given", () => {
  const frames = [Float32Array.of(10), Float32Array.of(20)];
  const weighted = clipStack(frames, { method: "mean", weights: [3, 1], variances: [4, 12] });
  assert.equal(weighted.value[0], 12.5);
  near(weighted.variance[0]!, (9 * 4 + 12) / 16, 1e-6);
});

Deno.test("clipStack() finds the noise of a mean and of a median of normal samples", () => {
  const random = normalSource(7);
  const frames = Array.from(
    { length: 25 },
    () => Float32Array.from({ length: 4000 }, () => 100 + 5 * random()),
  );
  for (const method of ["clipped-mean", "median"] as const) {
    const { value } = clipStack(frames, { method, clipSigma: 4 });
    const sigma = Math.sqrt(value.reduce((s, v) => s + (v - 100) ** 2, 0) / value.length);
    const expected = method === "median" ? Math.sqrt(MEDIAN_VARIANCE) : 1;
    assert.ok(Math.abs(sigma / expected - 1) < 0.05, `${method}: ${sigma}`);
  }
});

function normalSource(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

Deno.test("sortingNetwork() sorts every zero-one sequence of up to twelve lanes", () => {
  for (let lanes = 1; lanes <= 12; lanes++) {
    const cases = 1 << lanes;
    const planes = new Float32Array(lanes * cases);
    for (let c = 0; c < cases; c++) {
      for (let lane = 0; lane < lanes; lane++) planes[lane * cases + c] = (c >> lane) & 1;
    }
    sortPlanes(planes, cases, cases, sortingNetwork(lanes));
    for (let c = 0; c < cases; c++) {
      for (let lane = 1; lane < lanes; lane++) {
        assert.ok(planes[(lane - 1) * cases + c]! <= planes[lane * cases + c]!);
      }
    }
  }
});

Deno.test("orderByReuse() lets each lane meet the same comparators in the same order", () => {
  const meetings = (network: Uint16Array) => {
    const lanes: number[][] = [];
    network.forEach((lane, i) => (lanes[lane] ??= []).push(network[i ^ 1]!));
    return lanes;
  };
  for (const lanes of [1, 2, 3, 9, 21, 64]) {
    for (const network of [sortingNetwork(lanes), medianNetwork(lanes)]) {
      assert.deepEqual(meetings(orderByReuse(network, 5)), meetings(network));
    }
  }
});
