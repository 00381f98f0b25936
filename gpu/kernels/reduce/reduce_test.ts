import assert from "node:assert/strict";
import fc from "fast-check";
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
