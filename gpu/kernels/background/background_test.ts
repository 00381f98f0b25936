import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import type { Compute } from "../../compute.ts";
import { cellStatistics } from "./_cell_oracle.ts";
import { type CellRows, measureCells } from "./background.ts";

/** Uniform deviates, and normal ones made of them. */
function deviates(seed: number): { uniform: () => number; normal: () => number } {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

interface Field {
  readonly width: number;
  readonly values: Float32Array;
  readonly mask: Uint16Array;
}

/** A sky of 1000 with noise 8, stars, gaps, masked columns; optionally in whole counts. */
function field(width: number, height: number, whole: boolean): Field {
  const { uniform, normal } = deviates(width + height);
  const values = Float32Array.from({ length: width * height }, (_, i) => {
    if (uniform() < 0.002) return [NaN, Infinity, -Infinity][i % 3]!;
    const value = 1000 + 0.1 * (i % width) + 8 * normal() - 400 * Math.log(uniform()) *
        (uniform() < 0.05 ? 1 : 0);
    return whole ? Math.round(value) : value;
  });
  const mask = Uint16Array.from(values, () => uniform() < 0.1 ? 2 : uniform() < 0.1 ? 4 : 0);
  mask.forEach((bits, i) => {
    if (bits === 2) values[i] = 9e4 * uniform();
  });
  return { width, values, mask };
}

/** The definition, cell by cell, in float64. */
function oracle({ width, values, mask }: CellRows, meshPx: number, maskBits: number) {
  const height = values.length / width;
  const cells: { level: number; sigma: number; good: number }[] = [];
  for (let y0 = 0; y0 < height; y0 += meshPx) {
    for (let x0 = 0; x0 < width; x0 += meshPx) {
      const good: number[] = [];
      for (let y = y0; y < Math.min(height, y0 + meshPx); y++) {
        for (let x = x0; x < Math.min(width, x0 + meshPx); x++) {
          const i = y * width + x;
          if (Number.isFinite(values[i]!) && !(mask && mask[i]! & maskBits)) good.push(values[i]!);
        }
      }
      cells.push({ ...cellStatistics(Float32Array.from(good), good.length), good: good.length });
    }
  }
  return cells;
}

async function compare(
  compute: Compute,
  image: CellRows,
  meshPx: number,
  maskBits: number,
): Promise<void> {
  // sums are float32 on a GPU, so a value at the border of a bin may change sides
  const [level, sigma] = compute.backend.kind === "cpu" ? [1e-6, 1e-6] : [0.01, 0.005];
  const found = await measureCells(compute, image, { meshPx, maskBits });
  for (const [i, truth] of oracle(image, meshPx, maskBits).entries()) {
    assert.equal(found.good[i], truth.good);
    if (truth.good === 0) {
      assert.ok(Number.isNaN(found.levels[i]) && Number.isNaN(found.sigmas[i]));
      continue;
    }
    const rounding = Math.abs(truth.level) * 2 ** -23;
    const apart = Math.abs(found.levels[i]! - truth.level);
    const text = `cell ${i}: ${found.levels[i]} ± ${
      found.sigmas[i]
    }, not ${truth.level} ± ${truth.sigma}`;
    assert.ok(apart <= level * truth.sigma + rounding, text);
    assert.ok(Math.abs(found.sigmas[i]! - truth.sigma) <= sigma * truth.sigma, text);
  }
}

for (const whole of [false, true]) {
  const kind = whole ? "whole counts" : "fractions";
  backendTest(
    `measureCells() gives mode and noise of each cell of a field in ${kind} as its oracle does`,
    async (compute) => {
      for (
        const [width, height, meshPx] of [[333, 201, 64], [150, 97, 32], [70, 260, 128]] as const
      ) {
        const image = field(width, height, whole);
        await compare(compute, image, meshPx, 2);
        await compare(compute, { width, values: image.values }, meshPx, 0);
      }
    },
    { bindingBytes: 90_000 },
  );
}

backendTest(
  "measureCells() gives a cell without a good pixel no level and one of a single value no noise",
  async (compute) => {
    const values = new Float32Array(64 * 16).fill(NaN);
    for (let y = 0; y < 16; y++) values.fill(7.25, y * 64 + 16, y * 64 + 48);
    values[32] = NaN;
    const mask = Uint16Array.from(values, (_, i) => i % 64 < 48 ? 0 : 1);
    const { levels, sigmas, good } = await measureCells(compute, { width: 64, values, mask }, {
      meshPx: 16,
    });
    assert.deepEqual([...levels], [NaN, 7.25, 7.25, NaN]);
    assert.deepEqual([...sigmas], [NaN, 0, 0, NaN]);
    assert.deepEqual([...good], [0, 256, 255, 0]);
  },
);
