import assert from "node:assert/strict";
import {
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { starSums } from "../../../gpu/kernels/star_equations/star_equations.ts";
import { normalNumbers, randomNumbers } from "../_synthetic_pair.ts";
import { addSums, chi2PerPixel, sumStamps } from "./field_sums.ts";
import { solveSums } from "./solve.ts";
import type { StampEquations } from "./stamps.ts";

const SIZE = { width: 700, height: 500 };
/** Of three terms and the background: blocks of one, six, three and three polynomials. */
const ORDERS = [0, 2, 1, 1];
const VARIATION = { ...SIZE, orders: ORDERS };

function stampsOf(count: number, seed: number): StampEquations[] {
  const random = randomNumbers(seed), normal = normalNumbers(seed);
  return Array.from({ length: count }, () => {
    const n = ORDERS.length, root = Float64Array.from({ length: n * 9 }, normal);
    const matrix = Float64Array.from({ length: n * n }, (_, k) => {
      const i = Math.floor(k / n) * 9, j = (k % n) * 9;
      return Array.from({ length: 9 }, (_, p) => root[i + p]! * root[j + p]!)
        .reduce((a, b) => a + b, 0);
    });
    const vector = Float64Array.from({ length: n }, normal);
    const record = Float64Array.of(...matrix, ...vector, 50 + random(), random(), 40);
    return { ...starSums(record, n), x: random() * SIZE.width, y: random() * SIZE.height };
  });
}

/** The polynomials of a star under each unknown: which term, and the value. */
function columnsOf({ x, y }: StampEquations): { readonly term: number; readonly value: number }[] {
  return ORDERS.flatMap((order, term) => {
    return [...polynomialValues(x, y, { ...SIZE, order })].map((value) => ({ term, value }));
  });
}

function assertClose(found: Float64Array, wanted: readonly number[]): void {
  assert.equal(found.length, wanted.length);
  const size = Math.max(...wanted.map(Math.abs));
  found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]!) < 1e-12 * size, `${i}`));
}

Deno.test("sumStamps() are the stars' equations times their polynomials, element by element", () => {
  const stamps = stampsOf(23, 5), sums = sumStamps(stamps, VARIATION);
  const n = ORDERS.map(polynomialTerms).reduce((a, b) => a + b, 0);
  const matrix = new Array<number>(n * n).fill(0), vector = new Array<number>(n).fill(0);
  const noise = new Array<number>(36).fill(0);
  for (const stamp of stamps) {
    const columns = columnsOf(stamp);
    columns.forEach((a, i) => {
      vector[i]! += a.value * stamp.vector[a.term]!;
      columns.forEach((b, j) => {
        matrix[i * n + j]! += a.value * b.value * stamp.matrix[a.term * ORDERS.length + b.term]!;
      });
    });
    const f = polynomialValues(stamp.x, stamp.y, { ...SIZE, order: 2 });
    noise.forEach((_, k) => noise[k]! += stamp.noise * f[Math.floor(k / 6)]! * f[k % 6]!);
  }
  assertClose(sums.matrix, matrix);
  assertClose(sums.vector, vector);
  assertClose(sums.noise, noise);
});

Deno.test("sums of groups are those of all stars, and one group can be taken off again", () => {
  const [some, others] = [stampsOf(9, 6), stampsOf(8, 7)];
  const all = sumStamps([...some, ...others], VARIATION);
  const one = sumStamps(some, VARIATION), two = sumStamps(others, VARIATION);
  assertClose(addSums(one, two).matrix, [...all.matrix]);
  assertClose(addSums(all, two, -1).matrix, [...one.matrix]);
  assertClose(addSums(all, two, -1).vector, [...one.vector]);
});

Deno.test("chi2PerPixel() is the quadratic form of the local coefficients", () => {
  const stamps = stampsOf(6, 8), normal = normalNumbers(9);
  const count = ORDERS.map(polynomialTerms).reduce((a, b) => a + b, 0);
  const coefficients = Float64Array.from({ length: count }, normal);
  const found = chi2PerPixel(stamps, coefficients, VARIATION);
  stamps.forEach((stamp, k) => {
    const c = new Array<number>(ORDERS.length).fill(0);
    columnsOf(stamp).forEach(({ term, value }, i) => c[term]! += value * coefficients[i]!);
    let chi2 = stamp.square;
    c.forEach((a, i) => {
      chi2 -= 2 * a * stamp.vector[i]!;
      c.forEach((b, j) => chi2 += a * b * stamp.matrix[i * ORDERS.length + j]!);
    });
    assert.ok(Math.abs(found[k]! - Math.max(0, chi2) / 40) < 1e-10 * (1 + Math.abs(chi2)));
  });
});

Deno.test("solveSums() takes seven tenths of what noise adds to the matrix off", () => {
  const sums = sumStamps(stampsOf(60, 10), VARIATION);
  const products = Float64Array.of(0.2, 0.01, 0, 0.01, 0.1, 0.02, 0, 0.02, 0.1);
  const { matrix, coefficients } = solveSums(sums, products);
  const n = coefficients.length;
  const places = ORDERS.flatMap((order, term) => {
    return Array.from({ length: polynomialTerms(order) }, (_, at) => ({ term, at }));
  });
  const wanted = places.flatMap((a, i) =>
    places.map((b, j) => {
      const isBackground = a.term === 3 || b.term === 3;
      const noise = isBackground
        ? 0
        : products[a.term * 3 + b.term]! * sums.noise[a.at * 6 + b.at]!;
      return sums.matrix[i * n + j]! - 0.7 * noise;
    })
  );
  assertClose(matrix, wanted);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += wanted[i * n + j]! * coefficients[j]!;
    assert.ok(Math.abs(sum - sums.vector[i]!) < 1e-9, `${i}`);
  }
});
