import assert from "node:assert/strict";
import { clippedStats, median } from "../sky/stats.ts";
import { BIAS_ADU, Detector } from "./detector.ts";
import { type Exposure, rawStrips } from "./exposure.ts";
import type { PsfField } from "./profile.ts";

const SIZE = 512;
const unit = { code: "7DT07", gainEAdu: 0.25, readNoiseE: 1.46 };
const detector = new Detector(unit, { width: SIZE, height: SIZE });
const dark: Exposure = {
  exposureS: 0,
  filter: "m600",
  skyE: 0,
  skyGradient: [0, 0],
  sources: null,
  cosmicCount: 0,
  biasDriftAdu: 0,
  darkFactor: 1,
  noiseKeys: [1],
};

function expose(changes: Partial<Exposure>): Float32Array {
  const data = new Float32Array(SIZE * SIZE);
  let at = 0;
  for (const rows of rawStrips(detector, { ...dark, ...changes })) {
    data.set(rows, at);
    at += rows.length;
  }
  return data;
}

function minus(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i]!);
}

Deno.test("the difference of two bias frames has the read noise, their mean the bias level", () => {
  const first = expose({ noiseKeys: [1] }), second = expose({ noiseKeys: [2] });
  const { sigma } = clippedStats(minus(first, second), { sigma: 5 });
  // Rounding to whole ADU adds a twelfth to the variance.
  const expected = Math.sqrt(2 * ((unit.readNoiseE / unit.gainEAdu) ** 2 + 1 / 12));
  assert.ok(Math.abs(sigma / expected - 1) < 5 / Math.sqrt(2 * SIZE * SIZE) + 0.003);
  assert.ok(Math.abs(clippedStats(first).mean - BIAS_ADU - 1.3) < 1);
});

Deno.test("the variance of flats grows with their level by the inverse of the gain", () => {
  const bias = expose({});
  const points = [500, 1500, 3000, 5500].map((skyE, i) => {
    const pair = [10 + i, 20 + i].map((key) => expose({ skyE, exposureS: 5, noiseKeys: [key] }));
    const level = median(minus(pair[0]!, bias));
    // The spread of the difference over the root of the level is the same at every pixel.
    const scaled = minus(pair[0]!, pair[1]!).map((value, at) =>
      value / Math.sqrt(Math.max(1, (pair[0]![at]! + pair[1]![at]!) / 2 - BIAS_ADU) / level)
    );
    return { level, variance: clippedStats(scaled, { sigma: 5 }).sigma ** 2 / 2 };
  });
  const first = points[0]!, last = points[points.length - 1]!;
  const slope = (last.variance - first.variance) / (last.level - first.level);
  assert.ok(Math.abs(slope * unit.gainEAdu - 1) < 0.02, String(slope));
});

Deno.test("the median response is 1, corners are darker, bad columns darker still", () => {
  const flat = minus(expose({ skyE: 4000, exposureS: 5 }), expose({}));
  const level = median(flat) * unit.gainEAdu;
  assert.ok(Math.abs(level / 4000 - 1) < 0.01, String(level));
  const box = (x0: number, y0: number) => {
    const values: number[] = [];
    for (let y = y0; y < y0 + 20; y++) {
      for (let x = x0; x < x0 + 20; x++) values.push(flat[y * SIZE + x]!);
    }
    return median(values);
  };
  assert.ok(box(0, 0) < 0.9 * box(246, 246));
  const bad = detector.badColumns[0]!;
  assert.ok(flat[(SIZE - 1) * SIZE + bad.x]! < 0.7 * flat[(SIZE - 1) * SIZE + bad.x - 3]!);
});

Deno.test("dark current grows with time and some pixels are hot", () => {
  const bias = expose({}), long = expose({ exposureS: 1000, noiseKeys: [3] });
  const grown = minus(long, bias);
  const { mean } = clippedStats(grown);
  assert.ok(Math.abs(mean * unit.gainEAdu - 1000 * detector.darkES) < 0.3, String(mean));
  const hot = grown.filter((value) => value > 200).length / grown.length;
  assert.ok(hot > 1e-4 && hot < 1e-3, String(hot));
});

Deno.test("a bright star saturates, overflows along its column and wraps nowhere", () => {
  const psf: PsfField = {
    width: SIZE,
    height: SIZE,
    fwhmPx: 4,
    growth: 0,
    tilt: [0, 0],
    ellipticity: [0, 0],
    radialEllipticity: 0,
  };
  const points = {
    x: Float64Array.of(200),
    y: Float64Array.of(256),
    flux: Float64Array.of(2e7),
    radius: Float64Array.of(80),
  };
  const data = expose({ exposureS: 100, sources: { points, psf } });
  assert.equal(data[256 * SIZE + 200], 65535);
  assert.equal(data[(256 + 60) * SIZE + 200], 65535);
  assert.equal(data[(256 - 60) * SIZE + 200], 65535);
  assert.ok(data[256 * SIZE + 260]! < 1000);
});

Deno.test("cosmic rays are as many as asked for, few pixels each", () => {
  const hit = minus(expose({ cosmicCount: 200, noiseKeys: [5] }), expose({ noiseKeys: [5] }));
  const pixels = hit.filter((value) => value > 50).length;
  assert.ok(pixels > 200 && pixels < 2000, String(pixels));
});
