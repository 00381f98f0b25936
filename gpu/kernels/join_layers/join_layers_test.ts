import assert from "node:assert/strict";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { type CombineMethod, madToSigma } from "../clip_stack/clip_stack.ts";
import { fixedMesh } from "../resample/fixed_mesh.ts";
import { coordinateMesh } from "../resample/mesh.ts";
import type { SourceRows } from "../resample/resample_rows.ts";
import { joinLayers, type JoinOptions, medianVariance } from "./join_layers.ts";

const PLANES = { excluded: 3, sat: 2, noData: 256, clipped: 512, rejected: 2048 };
const WIDTH = 53;
const ROWS = 21;
const PIXELS = WIDTH * ROWS;

interface Layer {
  readonly data: Float32Array;
  readonly mask: Uint16Array;
}

function noise(seed: number): () => number {
  let state = seed * 2654435761 >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Layers with outliers, and with gaps and masks of all sorts unless they are clean. */
function makeLayers(frames: number, seed: number, clean = false): Layer[] {
  const random = noise(seed);
  return Array.from({ length: frames }, () => {
    const data = new Float32Array(PIXELS);
    const mask = new Uint16Array(PIXELS);
    for (let i = 0; i < PIXELS; i++) {
      data[i] = 20 + 5 * (random() + random() + random() - 1.5);
      const kind = random();
      if (kind < 0.02) data[i]! += 500;
      else if (clean) continue;
      else if (kind < 0.04) mask[i] = 0x8000; // no value
      else if (kind < 0.08) mask[i] = [1, 2, 3, 128][Math.floor(random() * 4)]!;
      if (i < 3) mask[i] = 2;
      else if (i < 6) mask[i] = 0x8000;
    }
    return { data, mask };
  });
}

async function join(compute: Compute, layers: readonly Layer[], options: Partial<JoinOptions>) {
  const mesh = fixedMesh(coordinateMesh((x, y) => [x, y], { width: WIDTH, height: ROWS }));
  const bytes = ({ buffer }: Float32Array | Uint16Array) => new Uint8Array(buffer);
  const sources = layers.map(({ data, mask }): SourceRows => ({
    ...{ width: WIDTH, firstRow: 0, rows: ROWS, mesh, scale: 1 },
    ...{ pixels: bytes(data), mask: bytes(mask) },
  }));
  const result = {
    value: new Float32Array(PIXELS),
    mask: new Uint16Array(PIXELS),
    weight: new Float32Array(PIXELS),
  };
  await joinLayers(compute, sources, result, {
    ...{ width: WIDTH, firstRow: 0, rows: ROWS, kernel: "nearest", method: "clipped-mean" },
    ...{ clipSigma: 4, sigmaFloor: 2, sigmaRelative: 0.01, planes: PLANES },
    weights: layers.map((_, k) => 1 + k / 10),
    variances: layers.map((_, k) => 4 + k),
    ...options,
  });
  return result;
}

const middle = (sorted: readonly number[]) =>
  (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;

/** One pixel, as the description says, in float64. */
function oracle(layers: readonly Layer[], i: number, method: CombineMethod) {
  const median = method.endsWith("median");
  let [joined, lost] = [0, 0];
  const cores: number[] = [];
  const samples: { value: number; weight: number; variance: number }[] = [];
  for (const [k, { data, mask }] of layers.entries()) {
    const there = (mask[i]! & 0x8000) === 0;
    const bits = mask[i]! & 0x7fff;
    const reason = bits & PLANES.excluded;
    if (reason !== 0) lost |= bits;
    if (reason === PLANES.sat && there) cores.push(data[i]!);
    if (reason !== 0 || !there) continue;
    joined |= bits;
    samples.push({
      value: data[i]!,
      weight: median ? (4 + k) ** -0.5 : 1 + k / 10,
      variance: 4 + k,
    });
  }
  let kept = samples;
  for (let round = 0; method.startsWith("clipped") && round < 5 && kept.length > 2; round++) {
    const sorted = kept.map(({ value }) => value).sort((a, b) => a - b);
    const centre = middle(sorted);
    const mad = middle(sorted.map((v) => Math.abs(v - centre)).sort((a, b) => a - b));
    const sigma = Math.max(mad * madToSigma(kept.length), 2, 0.01 * Math.abs(centre));
    kept = kept.filter(({ value }) => Math.abs(value - centre) <= 4 * sigma);
  }
  if (kept.length === 0) {
    return cores.length > 0
      ? { value: cores.reduce((a, b) => a + b) / cores.length, mask: PLANES.sat, weight: 0 }
      : { value: 0, mask: lost | PLANES.noData, weight: 0 };
  }
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  const mean = kept.reduce((sum, { weight, value }) => sum + weight * value, 0) / total;
  const squares = kept.reduce((sum, one) => sum + one.weight ** 2 * one.variance, 0);
  const factor = median ? medianVariance(kept.length) : 1;
  return {
    value: median ? middle(kept.map(({ value }) => value).sort((a, b) => a - b)) : mean,
    mask: joined | (kept.length < samples.length ? PLANES.clipped : 0) |
      (lost === 0 ? 0 : PLANES.rejected | (lost & PLANES.sat)),
    weight: total ** 2 / squares / factor,
  };
}

const CASES = [1, 2, 3, 5, 9, 12].flatMap((frames) =>
  [true, false].map((clean) => [frames, clean] as const)
);

for (const method of ["clipped-mean", "clipped-median", "mean", "median"] as const) {
  backendTest(
    `joinLayers() gives a ${method} as a float64 oracle does, in strips`,
    async (compute) => {
      for (const [frames, clean] of CASES) {
        const layers = makeLayers(frames, frames, clean);
        const { value, mask, weight } = await join(compute, layers, { method });
        for (let i = 0; i < PIXELS; i++) {
          const truth = oracle(layers, i, method);
          const where = `pixel ${i} of ${frames} frames`;
          assert.equal(mask[i], truth.mask, `mask of ${where}`);
          // sums of 12 float32 numbers: 12 · 2⁻²⁴ of the largest
          const tolerance = 12 * 2 ** -24 * Math.max(520, Math.abs(truth.value));
          assert.ok(Math.abs(value[i]! - truth.value) <= tolerance, `${value[i]} at ${where}`);
          assert.ok(
            Math.abs(weight[i]! - truth.weight) <= 1e-5 * truth.weight,
            `weight of ${where}`,
          );
        }
      }
    },
    { stripBytes: 500_000 },
  );
}
