import assert from "node:assert/strict";
import { normalNumbers } from "../_synthetic_pair.ts";
import { openCompute } from "../../../gpu/compute.ts";
import type { CellPixels } from "../../../gpu/kernels/cell_sums/cell_sums.ts";
import { residualSky, type SkyMesh } from "./residual_sky.ts";

const SIZE = 768, CELL = 64, SIGMA = 10;

function pixelsOf(levelAt: (x: number, y: number) => number, seed: number) {
  const normal = normalNumbers(seed);
  const quiet = new Uint8Array(SIZE * SIZE).fill(1);
  const difference = Float32Array.from(
    { length: SIZE * SIZE },
    (_, i) => SIGMA * normal() + levelAt(i % SIZE, Math.floor(i / SIZE)),
  );
  const weight = new Float32Array(SIZE * SIZE).fill(1 / SIGMA ** 2);
  return { width: SIZE, height: SIZE, difference, weight, quiet };
}

async function skyOf(pixels: CellPixels): Promise<SkyMesh | undefined> {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 1 } });
  return await residualSky(compute, pixels, { cellPx: CELL });
}

/** Root mean square of what the levels miss at the centres of their cells. */
function missed(levels: Float64Array, levelAt: (x: number, y: number) => number): number {
  const columns = SIZE / CELL;
  const squares = levels.map((level, k) => {
    const x = (k % columns + 0.5) * CELL, y = (Math.floor(k / columns) + 0.5) * CELL;
    return (level - levelAt(x, y)) ** 2;
  });
  return Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
}

/** Noise of the mean of one cell. */
const CELL_NOISE = SIGMA / CELL;

Deno.test("residualSky() of pure noise adds less than a fifth of a cell's noise", async () => {
  const { levels } = (await skyOf(pixelsOf(() => 0, 1)))!;
  assert.ok(missed(levels, () => 0) < 0.2 * CELL_NOISE);
});

Deno.test("residualSky() follows a gradient and a bump", async () => {
  const gradient = (x: number, y: number) => 0.004 * x - 0.002 * y + 3;
  const bump = (x: number, y: number) => {
    return 4 * Math.exp(-((x - 400) ** 2 + (y - 300) ** 2) / (2 * 90 ** 2));
  };
  for (const [levelAt, limit] of [[gradient, 0.4], [bump, 1.5]] as const) {
    const { levels } = (await skyOf(pixelsOf(levelAt, 2)))!;
    const rms = missed(levels, levelAt);
    assert.ok(rms < limit * CELL_NOISE, `${rms / CELL_NOISE}`);
  }
});

Deno.test("residualSky() leaves out what is no bare sky, and says when there is none", async () => {
  const pixels = pixelsOf(() => 1, 3);
  for (let i = 0; i < pixels.difference.length; i++) {
    if (i % SIZE < 100) [pixels.difference[i], pixels.quiet[i]] = [500, 0];
    if (i % SIZE > 700) [pixels.difference[i], pixels.weight[i]] = [NaN, 0];
  }
  const { levels } = (await skyOf(pixels))!;
  assert.ok(missed(levels, () => 1) < 0.4 * CELL_NOISE);
  assert.equal(await skyOf({ ...pixels, quiet: new Uint8Array(SIZE * SIZE) }), undefined);
});
