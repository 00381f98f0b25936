import assert from "node:assert/strict";
import { polynomialValues } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { starSums } from "../../../gpu/kernels/star_equations/star_equations.ts";
import { normalNumbers, randomNumbers } from "../_synthetic_pair.ts";
import { chooseOrders } from "./choose_orders.ts";
import { chi2PerPixel } from "./field_sums.ts";
import { principalModes, rotateImages, rotateStamps } from "./kernel_modes.ts";
import { condition } from "./linear_system.ts";
import { solveField } from "./solve.ts";
import type { StampEquations } from "./stamps.ts";

const SIZE = { width: 1000, height: 800 };
const TERMS = 6, PIXELS = 60;

/** Stars over six terms and a background; the local coefficients by `truth`, noise of unit variance. */
function stampsOf(count: number, truth: (x: number, y: number) => readonly number[], seed: number) {
  const random = randomNumbers(seed), normal = normalNumbers(seed + 1);
  return Array.from({ length: count }, (): StampEquations => {
    const x = random() * SIZE.width, y = random() * SIZE.height;
    const n = TERMS + 1;
    const columns = Array.from({ length: n }, (_, k) => {
      return Float64Array.from({ length: PIXELS }, () => k === n - 1 ? 1 : 4 * normal());
    });
    const c = [...truth(x, y), 0.5];
    const data = columns[0]!.map((_, p) => {
      return columns.reduce((sum, column, k) => sum + c[k]! * column[p]!, 0) + normal();
    });
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, p) => sum + v * b[p]!, 0);
    const matrix = Float64Array.from({ length: n * n }, (_, k) => {
      return dot(columns[Math.floor(k / n)]!, columns[k % n]!);
    });
    const vector = Float64Array.from(columns, (column) => dot(column, data));
    const record = Float64Array.of(...matrix, ...vector, dot(data, data), 0, PIXELS);
    return { ...starSums(record, n), x, y };
  });
}

const noiseProducts = new Float64Array(TERMS * TERMS);
const how = { ...SIZE, clipSigma: 5, iterations: 3, noiseProducts };
const alike = (order: number) => [0, ...new Array<number>(TERMS - 1).fill(order), 0];

/** Terms that vary along one direction alone, quadratically. */
function oneWay(x: number, y: number): number[] {
  const [, , , square] = polynomialValues(x, y, { ...SIZE, order: 2 });
  return [1, 0.3 + 0.2 * square!, -0.1, 0.4 * square!, 0.2, 0];
}

Deno.test("principalModes() finds the one way in which a kernel varies, and none in one that does not", () => {
  const variation = { ...SIZE, orders: alike(2) };
  const varying = solveField(stampsOf(150, oneWay, 3), { ...how, orders: alike(2) });
  assert.equal(principalModes(varying, variation).varying, 1);
  const steady = solveField(stampsOf(150, () => [1, 0.3, 0, 0.1, 0, 0], 4), {
    ...how,
    orders: alike(2),
  });
  assert.equal(principalModes(steady, variation).varying, 0);
});

Deno.test("a rotated basis says the same of each star, and holds the same kernels", () => {
  const stamps = stampsOf(80, oneWay, 5);
  const solution = solveField(stamps, { ...how, orders: alike(2) });
  const { rotation } = principalModes(solution, { ...SIZE, orders: alike(2) });
  const turned = rotateStamps(stamps, rotation);
  const before = solveField(stamps, { ...how, orders: alike(1) });
  const after = solveField(turned, { ...how, orders: alike(1) });
  const variation = { ...SIZE, orders: alike(1) };
  const old = chi2PerPixel(stamps, before.coefficients, variation);
  chi2PerPixel(turned, after.coefficients, variation).forEach((value, i) => {
    assert.ok(Math.abs(value - old[i]!) < 1e-6);
  });
  const normal = normalNumbers(6);
  const images = Float64Array.from({ length: TERMS * 9 }, normal);
  const made = rotateImages(images, rotation);
  // The kernel in the middle of the field, pixel 4.
  const at = (basis: Float64Array, c: Float64Array) => {
    let sum = c[0]! * basis[4]!;
    for (let n = 1; n < TERMS; n++) sum += c[1 + 3 * (n - 1)]! * basis[9 * n + 4]!;
    return sum;
  };
  const [kept, now] = [at(images, before.coefficients), at(made, after.coefficients)];
  assert.ok(Math.abs(kept - now) < 1e-9 * (1 + Math.abs(kept)), `${kept} ${now}`);
});

Deno.test("chooseOrders() takes the variation that there is, and no more", () => {
  const candidates = [0, 1, 2, 3].map(alike);
  const choice = { ...SIZE, noiseProducts, candidates };
  const linear = (x: number) => [1, 0.3 + x / 4000, 0, 0.1, 0, 0];
  assert.deepEqual(chooseOrders(stampsOf(150, () => [1, 0.3, 0, 0.1, 0, 0], 7), choice), alike(0));
  assert.deepEqual(chooseOrders(stampsOf(150, linear, 8), choice), alike(1));
  assert.deepEqual(chooseOrders(stampsOf(150, oneWay, 9), choice), alike(2));
  // Ten stars do not carry six polynomials.
  assert.ok(Math.max(...chooseOrders(stampsOf(10, oneWay, 10), choice)) < 2);
});

Deno.test("condition() is that of the matrix scaled to unit diagonal", () => {
  assert.ok(Math.abs(condition(Float64Array.of(4, 0, 0, 9), 2) - 1) < 1e-9);
  // Eigenvalues of [[1, r], [r, 1]] are 1 ± r.
  const r = 0.9, scaled = Float64Array.of(4, 6 * r, 6 * r, 9);
  assert.ok(Math.abs(condition(scaled, 2) / 19 - 1) < 0.05);
  assert.ok(condition(Float64Array.of(1, 1, 1, 1), 2) > 1e14);
});
