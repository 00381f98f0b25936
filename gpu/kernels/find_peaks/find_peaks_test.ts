import assert from "node:assert/strict";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { findPeaks, type PeakImage, SMOOTHED_NOISE } from "./find_peaks.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

function starField(width: number, height: number, seed: number): PeakImage {
  const random = sequence(seed);
  // the sky does not vary so that the oracle needs no nodes
  const data = Float32Array.from({ length: width * height }, () => 100 + 6 * (random() - 0.5));
  for (let k = 0; k < width * height / 100; k++) {
    const cx = random() * width, cy = random() * height, peak = 200 * random();
    for (let i = 0; i < data.length; i++) {
      const r2 = (i % width - cx) ** 2 + (Math.floor(i / width) - cy) ** 2;
      if (r2 < 60) data[i]! += peak * Math.exp(-r2 / 4);
    }
  }
  data.forEach((_, i) => {
    if (random() < 0.01) data[i] = NaN;
  });
  return { width, height, data, skyAt: () => 100, sigmaAt: () => 2 };
}

/** The definition in float64. */
function oracle(
  image: PeakImage,
  sigmas: number,
): { all: number[]; margin: (i: number) => number } {
  const { width, height, data } = image;
  const w = [1 / 16, 1 / 4, 3 / 8, 1 / 4, 1 / 16];
  const smooth = new Float64Array(width * height).map((_, i) => {
    const x = i % width, y = Math.floor(i / width);
    let sum = 0;
    for (let dy = -2; dy <= 2; dy++) {
      const row = Math.min(height - 1, Math.max(0, y + dy));
      for (let dx = -2; dx <= 2; dx++) {
        if (x + dx < 0 || x + dx >= width) continue;
        const value = data[row * width + x + dx]!;
        if (Number.isFinite(value)) sum += w[dx + 2]! * w[dy + 2]! * (value - 100);
      }
    }
    return sum / 2;
  });
  const at = (x: number, y: number) => x < 0 || x >= width ? 0 : smooth[y * width + x]!;
  const margin = (i: number) => {
    const x = i % width, y = Math.floor(i / width);
    if (y === 0 || y === height - 1) return -Infinity;
    let least = smooth[i]! - sigmas * SMOOTHED_NOISE;
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        if (dx !== 0 || dy !== 0) least = Math.min(least, smooth[i]! - at(x + dx, y + dy));
      }
    }
    return least;
  };
  return { all: [...smooth.keys()].filter((i) => margin(i) > 0), margin };
}

async function compare(compute: Compute, width: number, height: number, seed: number) {
  const image = starField(width, height, seed);
  const { x, y } = await findPeaks(compute, image, { sigmas: 5 });
  const found = [...x].map((column, i) => y[i]! * width + column);
  assert.deepEqual(found, found.toSorted((a, b) => a - b));
  const { all, margin } = oracle(image, 5);
  const different = [
    ...found.filter((i) => !all.includes(i)),
    ...all.filter((i) => !found.includes(i)),
  ];
  // float32 may decide otherwise where it is a matter of its last digits
  for (const i of different) assert.ok(Math.abs(margin(i)) < 1e-4, `${i}: ${margin(i)}`);
}

backendTest(
  "findPeaks() finds the maxima that the definition finds",
  async (compute) => {
    for (const [width, height] of [[1, 1], [7, 9], [64, 50], [131, 70], [34, 290]] as const) {
      await compare(compute, width, height, width + height);
    }
  },
  { bindingBytes: 1 << 14 },
);
