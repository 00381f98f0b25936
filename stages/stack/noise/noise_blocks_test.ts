import assert from "node:assert/strict";
import { normal } from "../_synthetic_frames.ts";
import { NoiseBlocks } from "./noise_blocks.ts";

const WIDTH = 800;
const ROWS = 640;

function measure(data: Float32Array, mask = new Uint16Array(data.length)): number {
  const blocks = new NoiseBlocks(data.length);
  for (let row = 0; row < ROWS; row += 64) {
    const [from, to] = [row * WIDTH, (row + 64) * WIDTH];
    blocks.add(data.subarray(from, to), mask.subarray(from, to), WIDTH);
  }
  return blocks.factor;
}

Deno.test("NoiseBlocks finds independent pixels independent, and smoothed ones not", () => {
  const random = normal(3);
  const white = Float32Array.from({ length: WIDTH * ROWS }, random);
  // 8000 blocks: right to 1/√16000
  assert.ok(Math.abs(measure(white) - 1) < 0.04, `${measure(white)}`);
  // the mean of two neighbours: a pixel scatters by √½, the sum of many as before
  const smooth = white.map((v, i) => (v + (white[i + 1] ?? 0)) / 2);
  const expected = Math.sqrt(2 * (1 - 0.5 / 8)); // the ends of a row of 8 count half
  assert.ok(Math.abs(measure(smooth) / expected - 1) < 0.04, `${measure(smooth)}`);
});

Deno.test("NoiseBlocks leaves masked blocks out and says when too few are left", () => {
  const random = normal(4);
  const data = Float32Array.from({ length: WIDTH * ROWS }, random);
  const mask = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i += 8 * 37) {
    mask[i] = 1;
    data[i] = 1e6;
  }
  assert.ok(Math.abs(measure(data, mask) - 1) < 0.04);
  assert.ok(Number.isNaN(measure(data, mask.fill(1))));
});
