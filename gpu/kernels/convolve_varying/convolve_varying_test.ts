import assert from "node:assert/strict";
import fc from "fast-check";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { convolveVarying, convolveWhole } from "./convolve_varying.ts";
import {
  constantField,
  kernelAt,
  type KernelField,
  polynomialTerms,
  spatialKernels,
} from "./kernel_field.ts";
import { kernelMesh } from "../kernel_mesh/kernel_mesh.ts";
import { type Subtraction, subtractRows, surfacesOf, type SurfaceValues } from "./subtract_rows.ts";

/** The definition, pixel by pixel, with the kernel at the middle of the tile of 16 × 8 px. */
function oracle(image: Float32Array, field: KernelField, squared: boolean): Float64Array {
  const { width, height, halfPx } = field;
  const size = 2 * halfPx + 1;
  const out = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const kernel = kernelAt(field, Math.floor(x / 16) * 16 + 7.5, Math.floor(y / 8) * 8 + 3.5);
      let sum = 0;
      for (let dy = -halfPx; dy <= halfPx; dy++) {
        for (let dx = -halfPx; dx <= halfPx; dx++) {
          const w = kernel[(dy + halfPx) * size + dx + halfPx]!;
          const sx = Math.min(width - 1, Math.max(0, x - dx));
          const sy = Math.min(height - 1, Math.max(0, y - dy));
          const value = image[sy * width + sx]!;
          sum += (squared ? w * w : w) * (Number.isFinite(value) ? value : 0);
        }
      }
      out[y * width + x] = sum;
    }
  }
  return out;
}

function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

/** A random kernel whose variation is linear, which the mesh holds exactly. */
function randomField(
  width: number,
  height: number,
  halfPx: number,
  random: () => number,
  orders: readonly number[] = [0, 1, 1],
): KernelField {
  const size = 2 * halfPx + 1;
  const terms = orders.reduce((n, order) => n + polynomialTerms(order), 0);
  const coefficients = Float64Array.from({ length: terms }, () => random() - 0.5);
  const basis = Float64Array.from({ length: orders.length * size * size }, () => random() - 0.5);
  return { halfPx, basis, orders, coefficients, width, height };
}

/** Float32 taps and sums: 2⁻²² of what is summed. */
function assertClose(actual: Float32Array, expected: Float64Array, scale: number) {
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) <= 2 ** -22 * scale, `${i}: ${value} ${expected[i]}`);
  });
}

backendTest(
  "convolveVarying() moves an image by a delta kernel off the centre",
  async (compute) => {
    const data = Float32Array.from({ length: 20 }, (_, i) => i * i);
    const kernel = new Float64Array(9);
    kernel[3 * 1 + 2] = 2; // dx = +1, dy = 0, weight 2
    const image = { data, width: 5, height: 4 };
    const out = await convolveWhole(compute, image, constantField(kernel, 5, 4));
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 5; x++) {
        assert.equal(out[y * 5 + x], 2 * data[y * 5 + Math.max(0, x - 1)]!);
      }
    }
  },
);

async function compareWithOracle(compute: Compute, seed: number, width: number, height: number) {
  const random = uniform(seed);
  const halfPx = Math.floor(random() * 5);
  const squared = random() < 0.3;
  // the square of a linear variation is not linear
  const orders = squared ? [0, 0, 0] : [0, 1, 1];
  const field = randomField(width, height, halfPx, random, orders);
  const data = Float32Array.from(
    { length: width * height },
    () => random() < 0.02 ? NaN : 1000 * random(),
  );
  const image = { data, width, height };
  const expected = oracle(data, field, squared);
  const scale = 1000 * (2 * halfPx + 1) ** 2 * 2;
  assertClose(await convolveWhole(compute, image, field, { squared }), expected, scale);
  const mesh = kernelMesh(field, { of: squared ? "square" : "kernel" });
  const firstRow = Math.floor(height / 3), rows = height - firstRow;
  const part = new Float32Array(rows * width);
  await convolveVarying(compute, image, mesh, { firstRow, rows }, part);
  assertClose(part, expected.subarray(firstRow * width), scale);
}

backendTest(
  "convolveVarying() agrees with the float64 definition over random sizes, kernels and parts",
  async (compute) => {
    const size = fc.integer({ min: 1, max: 70 });
    await fc.assert(
      fc.asyncProperty(
        size,
        size,
        fc.integer({ min: 1, max: 1e6 }),
        (width, height, seed) => compareWithOracle(compute, seed, width, height),
      ),
      { numRuns: 40 },
    );
  },
  { bindingBytes: 1 << 15 },
);

Deno.test("the largest kernel, 51 × 51, agrees with its definition", async () => {
  const { openCompute } = await import("../../compute.ts");
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const random = uniform(5);
  const field = randomField(90, 70, 25, random);
  const data = Float32Array.from({ length: 90 * 70 }, () => 1000 * random());
  const out = await convolveWhole(compute, { data, width: 90, height: 70 }, field);
  assertClose(out, oracle(data, field, false), 1000 * 51 * 51 * 2);
});

Deno.test("kernelMesh() is right to a thousandth between its nodes, and to a ten-thousandth of smooth kernels", () => {
  for (const [width, height] of [[300, 260], [1024, 1024], [9576, 6388]] as const) {
    const field = randomField(width, height, 1, uniform(3), [0, 2, 3]);
    const mesh = kernelMesh(field);
    const step = 1 << mesh.shift;
    let worst = 0, scale = 0;
    for (let y = 5; y < height; y += Math.ceil(height / 37)) {
      for (let x = 5; x < width; x += Math.ceil(width / 41)) {
        const exact = kernelAt(field, x, y).reverse();
        const at = (column: number, row: number, i: number) =>
          mesh.nodes[(row * mesh.columns + column) * 12 + i]!;
        const column = Math.floor(x / step), row = Math.floor(y / step);
        const fx = x / step - column, fy = y / step - row;
        exact.forEach((value, i) => {
          const upper = at(column, row, i) * (1 - fx) + at(column + 1, row, i) * fx;
          const lower = at(column, row + 1, i) * (1 - fx) + at(column + 1, row + 1, i) * fx;
          worst = Math.max(worst, Math.abs(upper * (1 - fy) + lower * fy - value));
          scale = Math.max(scale, Math.abs(value));
        });
      }
    }
    // here the whole kernel varies from one corner to the other by more than itself
    assert.ok(worst < 5e-3 * scale, `${worst / scale} at ${width}`);
  }
});

Deno.test("spatialKernels() are the same kernel", () => {
  const field = randomField(200, 100, 2, uniform(8), [1, 3, 2]);
  const spatial = spatialKernels(field);
  const expected = kernelAt(field, 33, 77);
  spatial.at(33, 77).forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-12));
});

/** A pair of star fields with gaps, and smooth surfaces. */
function subtraction(
  width: number,
  height: number,
  seed: number,
  weighted: boolean,
): Subtraction & {
  readonly field: KernelField;
  readonly at: (x: number, y: number) => SurfaceValues;
} {
  const random = uniform(seed);
  const field = randomField(width, height, 2, random, [0, 0]);
  const make = (level: number) =>
    Float32Array.from({ length: width * height }, () => {
      const r = random();
      return r < 0.01 ? NaN : level + 10 * random() + (r > 0.97 ? 900 * random() : 0);
    });
  const at = (x: number, y: number): SurfaceValues => ({
    convolvedSky: 4 + 0.01 * x,
    convolvedSigma: 6,
    ownSky: 505 - 0.02 * y,
    ownSigma: 7,
    skyVariance: 30 + 0.1 * x + 0.2 * y,
    model: 500 + 0.05 * x - 0.03 * y,
    weighted: weighted ? 11 + 0.01 * x : 0,
  });
  const size = { width, height };
  return {
    ...{ field, at, level: 100, unit: -0.8, convolvedPhotons: 0.3, ownPhotons: 0.7 },
    convolved: { ...size, data: make(100) },
    own: { ...size, data: make(500) },
    mesh: kernelMesh(field, { of: "both" }),
    surfaces: surfacesOf(size, 4, at),
    ...(weighted
      ? { weight: Float32Array.from({ length: width * height }, () => 0.5 + random()) }
      : {}),
  };
}

function lightAt(
  data: Float64Array,
  x: number,
  y: number,
  size: Subtraction["own"],
  sky: number,
  sigma: number,
) {
  const at = (column: number, row: number) => {
    const cx = Math.min(size.width - 1, Math.max(0, column));
    const cy = Math.min(size.height - 1, Math.max(0, row));
    return data[cy * size.width + cx]!;
  };
  if (!(at(x, y) - sky > sigma)) return 0;
  let sum = 0;
  for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) sum += at(x + dx, y + dy);
  return sum / 9 - sky > sigma ? sum / 9 - sky : 0;
}

/** Difference and variance by their definitions, float64. */
function subtractionOracle(parts: ReturnType<typeof subtraction>) {
  const { convolved, own, field, at, level, unit } = parts;
  const { width, height } = own;
  const flat = Float32Array.from(convolved.data, (v) => Number.isFinite(v) ? v - level : 0);
  const model = oracle(flat, field, false);
  const wide = Float64Array.from(flat), mine = Float64Array.from(own.data);
  const light = Float32Array.from(flat, (_, i) => {
    const x = i % width, y = Math.floor(i / width);
    const { convolvedSky, convolvedSigma } = at(x, y);
    return parts.convolvedPhotons * lightAt(wide, x, y, own, convolvedSky, convolvedSigma);
  });
  const spread = oracle(light, field, true);
  const difference = new Float64Array(width * height), variance = new Float64Array(width * height);
  difference.forEach((_, i) => {
    const x = i % width, y = Math.floor(i / width);
    const here = at(x, y);
    difference[i] = (own.data[i]! - here.model - model[i]!) * unit;
    variance[i] = here.skyVariance + spread[i]! +
      parts.ownPhotons * lightAt(mine, x, y, own, here.ownSky, here.ownSigma) +
      (parts.weight === undefined ? 0 : here.weighted / parts.weight[i]!);
  });
  return { difference, variance, height };
}

for (const weighted of [false, true]) {
  backendTest(
    `subtractRows() agrees with the float64 definition${weighted ? ", with a weight map" : ""}`,
    async (compute) => {
      for (const [width, height, seed] of [[70, 41, 1], [33, 50, 2], [16, 9, 3]] as const) {
        const parts = subtraction(width, height, seed, weighted);
        const expected = subtractionOracle(parts);
        const into = {
          difference: new Float32Array(width * height),
          variance: new Float32Array(width * height),
        };
        await subtractRows(compute, parts, { firstRow: 0, rows: height }, into);
        let off = 0;
        expected.difference.forEach((value, i) => {
          assert.equal(Number.isNaN(into.difference[i]!), Number.isNaN(value), `${i}`);
          if (Number.isNaN(value)) return;
          assert.ok(Math.abs(into.difference[i]! - value) < 0.01, `${i}: ${value}`);
          // what lies within float32's reach of a threshold may fall to either side, and the
          // squared kernel is cut where a fiftieth of a per cent is left
          if (Math.abs(into.variance[i]! / expected.variance[i]! - 1) > 0.02) off++;
        });
        assert.ok(off < 0.01 * width * height, `${off} of ${width * height}`);
      }
    },
    { bindingBytes: 1 << 15 },
  );
}
