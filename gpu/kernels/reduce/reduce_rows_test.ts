import assert from "node:assert/strict";
import fc from "fast-check";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { foldSums } from "../encode/encode.ts";
import { reduceRows, type ReduceRowsOptions } from "./reduce_rows.ts";

const bits = { bad: 1, saturated: 2, noData: 256 };
const SUSPECT = 128;

interface Pixel {
  readonly raw: number;
  readonly bias: number;
  readonly dark: number;
  readonly flat: number;
  readonly mask: number;
}

/** The definition, in float64. */
function oracle(p: Pixel, options: ReduceRowsOptions) {
  const usable = p.flat >= Math.max(options.flatBelow ?? 0, Number.MIN_VALUE);
  const factor = (options.scale ?? 1) / (usable ? p.flat : 1);
  const value = (p.raw - p.bias - (options.darkScale ?? 1) * p.dark) * factor;
  const mask = p.mask | (Number.isNaN(p.raw) ? bits.noData : 0) |
    (p.raw >= 60000 ? bits.saturated : p.raw >= 45000 ? SUSPECT : 0) |
    (p.dark > (options.hotAbove ?? Infinity) ? bits.bad : 0) |
    (usable && p.flat <= (options.flatAbove ?? Infinity) ? 0 : bits.bad);
  const size = (Math.abs(p.raw) + p.bias + Math.abs(p.dark) * 3) * factor;
  const unfit = Number.isNaN(p.raw) || (mask & (options.nanBits ?? 0)) !== 0;
  return { value: unfit ? NaN : value, mask, size };
}

async function reduce(compute: Compute, pixels: readonly Pixel[], options: ReduceRowsOptions) {
  const strip = (key: keyof Pixel) => Float32Array.from(pixels, (p) => p[key]);
  const n = pixels.length;
  const result = {
    values: new Float32Array(n),
    mask: new Uint16Array(n),
    encoded: { raw: new Uint8Array(4 * n), sums: new Uint32Array(2) },
  };
  await reduceRows(
    compute,
    { width: n, rows: 1, bytes: new Uint8Array(strip("raw").buffer) },
    result,
    {
      ...options,
      bias: strip("bias"),
      dark: strip("dark"),
      flat: strip("flat"),
      mask: Uint16Array.from(pixels, (p) => p.mask),
    },
  );
  return result;
}

const pixel: fc.Arbitrary<Pixel> = fc.record({
  raw: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 65535 }) }, {
    weight: 1,
    arbitrary: fc.constant(NaN),
  }),
  bias: fc.integer({ min: 200, max: 1200 }),
  dark: fc.integer({ min: -20, max: 3000 }),
  flat: fc.oneof(
    { weight: 6, arbitrary: fc.double({ min: 0.3, max: 2, noNaN: true }).map(Math.fround) },
    { weight: 1, arbitrary: fc.constantFrom(0, NaN, -1) },
  ),
  mask: fc.constantFrom(0, 0, 0, 8, 0x8000),
});

backendTest("reduceRows() agrees with a float64 oracle on any rows", async (compute) => {
  const options = fc.record({
    darkScale: fc.constantFrom(0, 0.37, 2.5),
    scale: fc.constantFrom(1, 1 / 20000),
    nanBits: fc.constantFrom(0, bits.saturated | bits.bad),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(pixel, { minLength: 1, maxLength: 50 }),
      options,
      async (pixels, some) => {
        const limits = { hotAbove: 1000, flatAbove: 1.5, flatBelow: 0.4, saturation: 60000 };
        const near = { suspectAbove: 45000, suspect: SUSPECT };
        const all: ReduceRowsOptions = { ...some, ...limits, ...near, bits };
        const result = await reduce(compute, pixels, all);
        pixels.forEach((p, i) => {
          const truth = oracle({ ...p, flat: Math.abs(p.flat - 0.4) < 1e-6 ? 1 : p.flat }, all);
          if (Math.abs(p.flat - 0.4) < 1e-6 || Math.abs(p.flat - 1.5) < 1e-6) return;
          assert.equal(result.mask[i], truth.mask);
          if (Number.isNaN(truth.value)) return assert.ok(Number.isNaN(result.values[i]));
          const away = Math.abs(result.values[i]! - truth.value);
          assert.ok(away <= truth.size * 8 * 2 ** -24, `${result.values[i]} for ${truth.value}`);
        });
      },
    ),
    { numRuns: 100 },
  );
});

backendTest(
  "reduceRows() takes file bytes, needs no master, and encodes the result",
  async (compute) => {
    const bytes = Uint8Array.of(0x80, 0x05, 0x7f, 0xff, 0x00, 0x00); // 5, 65535, 32768
    const values = new Float32Array(3);
    const mask = new Uint16Array(3);
    const encoded = { raw: new Uint8Array(12), sums: new Uint32Array(2) };
    const layout = { bitpix: 16, bscale: 1, bzero: 32768 } as const;
    await reduceRows(compute, { width: 3, rows: 1, bytes, layout }, { values, mask, encoded }, {
      saturation: 65535,
      bits,
    });
    assert.deepEqual([...values], [5, 65535, 32768]);
    assert.deepEqual([...mask], [0, bits.saturated, 0]);
    const view = new DataView(encoded.raw.buffer);
    assert.deepEqual([0, 4, 8].map((at) => view.getFloat32(at)), [...values]);
    assert.ok(foldSums(encoded.sums) > 0);
  },
);

backendTest("reduceRows() gives the same whatever the strips", async (compute) => {
  const [width, rows] = [333, 41];
  const raw = Float32Array.from({ length: width * rows }, (_, i) => i % 60001);
  const bias = raw.map((v) => v % 97);
  const values = new Float32Array(raw.length);
  const mask = new Uint16Array(raw.length);
  await reduceRows(
    compute,
    { width, rows, bytes: new Uint8Array(raw.buffer) },
    { values, mask },
    { bias, saturation: 50000, bits },
  );
  assert.ok(values.every((value, i) => value === raw[i]! - bias[i]!));
  assert.ok(mask.every((value, i) => value === (raw[i]! >= 50000 ? bits.saturated : 0)));
}, { bindingBytes: 5000 });
