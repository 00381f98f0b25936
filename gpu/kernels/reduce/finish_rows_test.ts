import assert from "node:assert/strict";
import fc from "fast-check";
import { backendTest } from "../../testing.ts";
import { foldSums } from "../encode/encode.ts";
import { finishRows, type WeighOptions } from "./finish_rows.ts";

const WORTHLESS = 1 | 4;

interface Pixel {
  readonly value: number;
  readonly mask: number;
  readonly dark: number;
  readonly flat: number;
  readonly biasVariance: number;
  readonly darkVariance: number;
  readonly flatVariance: number;
  readonly pattern: number;
}

/** The definition, in float64. */
function weightOf(p: Pixel, { gainEAdu, readNoiseE, darkScale = 1 }: WeighOptions): number {
  const known = (variance: number) => variance > 0 ? variance : 0;
  const signal = p.value * p.flat + darkScale * p.dark;
  const variance = (Math.max(signal, 0) / gainEAdu + (readNoiseE / gainEAdu) ** 2 +
    known(p.biasVariance) + darkScale ** 2 * known(p.darkVariance) +
    p.value ** 2 * known(p.flatVariance)) / p.flat ** 2;
  const weight = 1 / variance;
  return (p.mask & WORTHLESS) === 0 && weight > 0 && weight < Infinity ? weight : 0;
}

const rare = (usual: fc.Arbitrary<number>, ...others: number[]) =>
  fc.oneof({ weight: 9, arbitrary: usual.map(Math.fround) }, {
    weight: 1,
    arbitrary: fc.constantFrom(...others),
  });
const pixel: fc.Arbitrary<Pixel> = fc.record({
  value: rare(fc.double({ min: -50, max: 60000, noNaN: true }), NaN, 0),
  mask: fc.constantFrom(0, 0, 0, 1, 2, 4, 0x8000),
  dark: rare(fc.double({ min: -5, max: 900, noNaN: true }), 0),
  flat: rare(fc.double({ min: 0.3, max: 2, noNaN: true }), 0, NaN),
  biasVariance: rare(fc.double({ min: 0, max: 4, noNaN: true }), NaN),
  darkVariance: rare(fc.double({ min: 0, max: 4, noNaN: true }), NaN),
  flatVariance: rare(fc.double({ min: 0, max: 1e-4, noNaN: true }), NaN),
  pattern: rare(fc.double({ min: -3, max: 3, noNaN: true }), NaN),
});

const floatsOf = (raw: Uint8Array) => {
  const view = new DataView(raw.buffer);
  return Float32Array.from({ length: raw.length / 4 }, (_, i) => view.getFloat32(4 * i));
};

backendTest(
  "finishRows() weighs and takes fringes off as a float64 oracle does, in strips",
  async (compute) => {
    await fc.assert(
      fc.asyncProperty(fc.array(pixel, { minLength: 1, maxLength: 60 }), async (pixels) => {
        const rows = pixels.length; // of a pixel each
        const strip = (key: keyof Pixel) => Float32Array.from(pixels, (p) => p[key]);
        const sums = () => new Uint32Array(2 * rows);
        const floats = () => ({ raw: new Uint8Array(4 * rows), sums: sums() });
        const counts = new Uint32Array(16 * rows);
        const mask = { raw: new Uint8Array(2 * rows), sums: sums(), counts };
        const result = { image: floats(), weight: floats(), mask };
        const weigh: WeighOptions = {
          ...{ gainEAdu: 0.8, readNoiseE: 3, darkScale: 1.7, zeroBits: WORTHLESS },
          ...{ dark: strip("dark"), flat: strip("flat"), biasVariance: strip("biasVariance") },
          ...{ darkVariance: strip("darkVariance"), flatVariance: strip("flatVariance") },
        };
        const fringes = { pattern: strip("pattern"), scale: 12.5 };
        const masks = Uint16Array.from(pixels, (p) => p.mask);
        const light = { width: 1, values: strip("value"), mask: masks };
        await finishRows(compute, light, result, { weigh, fringes });
        const [image, weight] = [floatsOf(result.image.raw), floatsOf(result.weight.raw)];
        pixels.forEach((p, i) => {
          const truth = weightOf(p, weigh);
          assert.ok(Math.abs(weight[i]! - truth) <= truth * 2e-6, `${weight[i]} for ${truth}`);
          const clean = p.value - (Number.isNaN(p.pattern) ? 0 : fringes.scale * p.pattern);
          const near = Math.abs(image[i]! - clean) <= (Math.abs(p.value) + 40) * 2 ** -22;
          assert.ok(near || Number.isNaN(clean), `${image[i]} for ${clean}`);
          assert.equal(Number.isNaN(image[i]), Number.isNaN(clean));
        });
        pixels.forEach((p, i) => assert.equal(counts[16 * i + 2], p.mask === 4 ? 1 : 0));
      }),
      { numRuns: 60 },
    );
  },
  { bindingBytes: 256 },
);

backendTest(
  "finishRows() without weights and fringes writes what it is given, cut anywhere",
  async (compute) => {
    const [width, rows] = [129, 38];
    const values = Float32Array.from({ length: width * rows }, (_, i) => i % 7001 / 3);
    const mask = Uint16Array.from(values, (_, i) => i % 11 === 0 ? 8 : 0);
    const image = { raw: new Uint8Array(4 * values.length), sums: new Uint32Array(2 * rows) };
    const encoded = {
      raw: new Uint8Array(2 * mask.length),
      sums: new Uint32Array(2 * rows),
      counts: new Uint32Array(16 * rows),
    };
    await finishRows(compute, { width, values, mask }, { image, mask: encoded });
    assert.deepEqual(floatsOf(image.raw), values);
    assert.ok(foldSums(image.sums) > 0);
    const view = new DataView(encoded.raw.buffer);
    assert.ok(mask.every((bits, i) => view.getInt16(2 * i) + 32768 === bits));
  },
  { bindingBytes: 5000 },
);
