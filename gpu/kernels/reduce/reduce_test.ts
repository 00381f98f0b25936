import assert from "node:assert/strict";
import fc from "fast-check";
import { fillGaps } from "./fill_gaps.ts";
import { type ReduceOptions, reduceStrip } from "./reduce.ts";

const bits = { bad: 1, saturated: 2, noData: 256 };

Deno.test("reduceStrip() takes out bias, scaled dark and flat of a hand case", () => {
  const raw = Float32Array.of(1100, 65535, NaN, 1100);
  const mask = new Uint16Array(4);
  reduceStrip(raw, mask, {
    bias: Float32Array.of(1000, 1000, 1000, 1000),
    dark: Float32Array.of(10, 10, 10, 900),
    darkScale: 2,
    flat: Float32Array.of(0.5, 1, 1, 0.01),
    hotAbove: 500,
    flatBelow: 0.1,
    saturation: 65000,
    bits,
  });
  assert.deepEqual([...raw], [160, 64515, NaN, -1700]);
  assert.deepEqual([...mask], [0, bits.saturated, bits.noData, bits.bad]);
});

Deno.test("reduceStrip() agrees with a float64 oracle on any strip", () => {
  const pixel = fc.record({
    raw: fc.integer({ min: 0, max: 65535 }),
    bias: fc.integer({ min: 200, max: 1200 }),
    dark: fc.integer({ min: -20, max: 3000 }),
    flat: fc.oneof(fc.double({ min: 0.3, max: 2, noNaN: true }), fc.constantFrom(0, NaN, -1)),
  });
  fc.assert(fc.property(
    fc.array(pixel, { minLength: 1, maxLength: 50 }),
    fc.double({ min: 0, max: 3, noNaN: true }),
    (pixels, darkScale) => {
      const strip = (key: keyof typeof pixels[0]) => Float32Array.from(pixels, (p) => p[key]);
      const raw = strip("raw");
      const mask = new Uint16Array(raw.length);
      const options: ReduceOptions = {
        bias: strip("bias"),
        dark: strip("dark"),
        flat: strip("flat"),
        darkScale,
        hotAbove: 1000,
        flatAbove: 1.5,
        saturation: 60000,
        bits,
      };
      reduceStrip(raw, mask, options);
      pixels.forEach((p, i) => {
        const flat = Math.fround(p.flat);
        const usable = flat > 0;
        const truth = (p.raw - p.bias - darkScale * p.dark) / (usable ? flat : 1);
        const size = (p.raw + p.bias + Math.abs(darkScale * p.dark)) / (usable ? flat : 1);
        assert.ok(Math.abs(raw[i]! - truth) <= size * 3 * 2 ** -24);
        const bad = !usable || flat > 1.5 || p.dark > 1000;
        assert.equal((mask[i]! & bits.bad) !== 0, bad);
        assert.equal((mask[i]! & bits.saturated) !== 0, p.raw >= 60000);
      });
    },
  ));
});

Deno.test("fillGaps() interpolates along the row and takes one side at an edge", () => {
  const data = Float32Array.of(5, 99, 99, 20, 99, 99, 99, 8);
  const mask = Uint16Array.of(0, 1, 1, 0, 1, 1, 1, 0);
  assert.equal(fillGaps(data, mask, { width: 4, bits: 1, mark: 4 }), 5);
  assert.deepEqual([...data], [5, 10, 15, 20, 8, 8, 8, 8]);
  assert.deepEqual([...mask], [0, 5, 5, 0, 5, 5, 5, 0]);
});

Deno.test("fillGaps() leaves a gap wider than its reach and a row without a usable pixel", () => {
  const data = Float32Array.of(1, NaN, NaN, NaN, NaN, NaN, 2, NaN, NaN, NaN, NaN, NaN, NaN, NaN);
  const mask = new Uint16Array(14);
  fillGaps(data, mask, { width: 7, bits: 1, reachPx: 2 });
  assert.deepEqual([...data.subarray(0, 7)], [1, 1, 1, NaN, 2, 2, 2]);
  assert.ok(data.subarray(7).every(Number.isNaN));
});
