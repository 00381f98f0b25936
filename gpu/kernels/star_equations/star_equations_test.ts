import assert from "node:assert/strict";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { cutOutSide, type SeparableBasis, starEquations } from "./star_equations.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

function basisOf(halfPx: number, count: number, random: () => number): SeparableBasis {
  const factors = Array.from({ length: count }, () => {
    return Float64Array.from({ length: 2 * halfPx + 1 }, () => random() - 0.4);
  });
  const terms = factors.flatMap((_, x) => factors.slice(x).map((_, y) => ({ x, y: x + y })));
  return { halfPx, factors, terms, sums: Float64Array.from(terms, (_, k) => k % 2) };
}

type Options = Parameters<typeof starEquations>[3];

/** The definition, one star. */
function oracle(basis: SeparableBasis, cutOut: Float32Array, options: Options) {
  const side = cutOutSide(basis, options.radiusPx), plane = side * side, middle = (side - 1) / 2;
  const at = (k: number, x: number, y: number) => cutOut[k * plane + y * side + x]!;
  const { halfPx, factors, terms, sums } = basis;
  const convolved = ({ x, y }: { x: number; y: number }, px: number, py: number) => {
    let sum = 0;
    for (let dy = -halfPx; dy <= halfPx; dy++) {
      for (let dx = -halfPx; dx <= halfPx; dx++) {
        sum += factors[x]![dx + halfPx]! * factors[y]![dy + halfPx]! * at(0, px - dx, py - dy);
      }
    }
    return sum;
  };
  const n = terms.length + 1;
  const out = {
    ...{ matrix: new Float64Array(n * n), vector: new Float64Array(n) },
    ...{ noise: 0, square: 0, pixels: 0 },
  };
  for (let y = halfPx; y < side - halfPx; y++) {
    for (let x = halfPx; x < side - halfPx; x++) {
      const variance = at(2, x, y);
      if ((x - middle) ** 2 + (y - middle) ** 2 > options.radiusPx ** 2 || variance === 0) continue;
      let mean = 0;
      for (let k = 0; k < 9; k++) mean += at(1, x - 1 + k % 3, y - 1 + Math.floor(k / 3)) / 9;
      const weight = 1 / (variance + (options.modelError * mean) ** 2);
      const first = convolved(terms[0]!, x, y);
      const values = terms.map((term, k) => {
        return convolved(term, x, y) - (k > 0 && sums[k] !== 0 ? first : 0);
      });
      values.push(1);
      values.forEach((a, i) => {
        values.forEach((b, j) => out.matrix[i * n + j]! += weight * a * b);
        out.vector[i]! += weight * a * at(1, x, y);
      });
      out.square += weight * at(1, x, y) ** 2;
      out.noise += weight * at(3, x, y);
      out.pixels++;
    }
  }
  return out;
}

/** On a GPU products are rounded to float32, and so are the sums of blocks of them. */
const toleranceOf = ({ backend }: Compute) => backend.kind === "cpu" ? 1e-11 : 2e-6;

function near(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  share: number,
  what: string,
): void {
  const most = Math.max(...Array.from(expected, Math.abs));
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(actual[i]! - expected[i]!) <= share * most, `${what} ${i}`);
  }
}

async function compare(compute: Compute, halfPx: number, radiusPx: number, stars: number) {
  const random = sequence(halfPx + stars);
  const basis = basisOf(halfPx, 2 + stars % 3, random);
  const side = cutOutSide(basis, radiusPx);
  const cutOuts = Float32Array.from({ length: stars * 4 * side * side }, (_, i) => {
    const plane = Math.floor(i / (side * side)) % 4;
    return plane < 2 ? 50 * random() : random() < 0.1 ? 0 : 1 + random();
  });
  const options = { radiusPx, modelError: 0.02, leastPixels: 3 };
  const made = await starEquations(compute, basis, cutOuts, options);
  assert.equal(made.length, stars);
  made.forEach((sums, k) => {
    const own = cutOuts.subarray(k * 4 * side * side, (k + 1) * 4 * side * side);
    const expected = oracle(basis, own, options);
    assert.equal(sums.pixels, expected.pixels);
    const share = toleranceOf(compute);
    near(sums.matrix, expected.matrix, share, "matrix");
    near(sums.vector, expected.vector, share, "vector");
    near([sums.square], [expected.square], share, "square");
    near([sums.noise], [expected.noise], share, "noise");
  });
}

backendTest("starEquations() are the sums over the disks, written out", async (compute) => {
  await compare(compute, 1, 2, 1);
  await compare(compute, 3, 4.5, 7);
  await compare(compute, 5, 7.2, 5);
  await compare(compute, 9, 10.6, 2);
}, { stripBytes: 1 << 18 });

backendTest("starEquations() leaves out a star with too few usable pixels", async (compute) => {
  const basis = basisOf(2, 2, sequence(1));
  const side = cutOutSide(basis, 3), plane = side * side;
  const cutOuts = new Float32Array(2 * 4 * plane).fill(1);
  cutOuts.fill(0, 2 * plane, 3 * plane);
  const options = { radiusPx: 3, modelError: 0, leastPixels: 10 };
  const [none, whole] = await starEquations(compute, basis, cutOuts, options);
  assert.ok(none!.pixels === 0 && none!.matrix.every((value) => value === 0));
  assert.equal(whole!.pixels, 29);
  assert.deepEqual(await starEquations(compute, basis, new Float32Array(0), options), []);
});
