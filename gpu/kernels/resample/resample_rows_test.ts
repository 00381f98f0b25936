import assert from "node:assert/strict";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { fillGaps } from "./_fill_gaps_oracle.ts";
import { fixedMesh } from "./fixed_mesh.ts";
import { kernelTable, lanczos, type ResampleKernel } from "./kernel_table.ts";
import { coordinateMesh, type PixelMapping } from "./mesh.ts";
import {
  kernelWeights,
  prepareRows,
  resamplePass,
  rowNumbers,
  sourceSlots,
  table,
} from "./resample_rows.ts";

const WIDTH = 61;
const HEIGHT = 47;
const OUT = { width: 71, height: 55 };

/** Turned, zoomed and bent; some of the target lies outside. */
const mapping: PixelMapping = (x, y) => [
  0.93 * x - 0.11 * y + 3.3 + 2e-5 * y * y,
  0.12 * x + 0.95 * y - 4.2 - 1.5e-5 * x * x,
];

function random(seed: number): () => number {
  let state = seed * 2654435761 >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const bytesOf = ({ buffer }: Float32Array | Uint16Array) => new Uint8Array(buffer);

async function resample(
  compute: Compute,
  data: Float32Array,
  mask: Uint16Array,
  kernel: ResampleKernel,
  rows: { readonly firstRow: number; readonly rows: number },
) {
  const mesh = fixedMesh(coordinateMesh(mapping, { ...OUT, tolerancePx: 2e-4, stepPx: 16 }));
  const source = {
    ...{ width: WIDTH, firstRow: 0, rows: HEIGHT, mesh, scale: 1.5 },
    ...{ pixels: bytesOf(data), mask: bytesOf(mask) },
  };
  const values = new Float32Array(OUT.width * rows.rows);
  const planes = new Uint16Array(values.length);
  const at = { rows: 0, kernel: 1, values: 2, masks: 3, source: 4 };
  await compute.run({
    label: "resample",
    width: OUT.width,
    rows: rows.rows,
    slots: [
      rowNumbers(rows.firstRow, rows.rows),
      table(kernelWeights(kernel)),
      { role: "output", rowBytes: OUT.width * 4, bytes: bytesOf(values) },
      { role: "output", rowBytes: OUT.width * 2, bytes: bytesOf(planes) },
      ...sourceSlots(source, rows),
    ],
    passes: [resamplePass(source, rows, { kernel, plane: 0, at })],
  });
  return { values, planes };
}

function weightAt(kernel: ResampleKernel, x: number): number {
  if (kernel === "nearest") return 1;
  if (kernel === "bilinear") return Math.max(0, 1 - Math.abs(x));
  return lanczos(x, Number(kernel.slice(-1)));
}

/** Exact position, float64 kernel, exact area. */
function oracle(data: Float32Array, kernel: ResampleKernel, x: number, y: number): number {
  const [sx, sy] = mapping(x, y);
  const { taps, before, offset } = kernelTable(kernel);
  const [left, top] = [Math.floor(sx + offset) - before, Math.floor(sy + offset) - before];
  let [sum, total] = [0, 0];
  for (let j = top; j < top + taps; j++) {
    for (let i = left; i < left + taps; i++) {
      if (i < 0 || j < 0 || i >= WIDTH || j >= HEIGHT) return NaN;
      const weight = weightAt(kernel, i - sx) * weightAt(kernel, j - sy);
      sum += weight * data[j * WIDTH + i]!;
      total += weight;
    }
  }
  const area = 0.93 * 0.95 - (-0.11 + 4e-5 * y) * (0.12 - 3e-5 * x);
  return sum / total * Math.abs(area) * 1.5;
}

for (const kernel of ["lanczos2", "lanczos3", "lanczos4", "bilinear", "nearest"] as const) {
  backendTest(
    `resampleRows() agrees with a float64 oracle in strips, ${kernel}`,
    async (compute) => {
      const next = random(5);
      const data = Float32Array.from({ length: WIDTH * HEIGHT }, () => 100 * next());
      const mask = new Uint16Array(data.length);
      const { values } = await resample(compute, data, mask, kernel, {
        firstRow: 0,
        rows: OUT.height,
      });
      let [compared, differing] = [0, 0];
      for (let i = 0; i < values.length; i++) {
        const truth = oracle(data, kernel, i % OUT.width, Math.floor(i / OUT.width));
        if (Number.isNaN(truth) !== Number.isNaN(values[i]!)) differing++;
        if (Number.isNaN(truth) || Number.isNaN(values[i]!)) continue;
        compared++;
        // noise of 100 ADU from pixel to pixel, positions right to 4e-4 px
        if (Math.abs(values[i]! - truth) > 0.12) differing++;
      }
      assert.ok(compared > 1500, `${compared} compared`);
      // where positions lie within 4e-4 px of a boundary, another pixel may be nearest
      assert.ok(differing <= (kernel === "nearest" ? 12 : 2), `${differing} of ${compared} differ`);
    },
    { stripBytes: 430_000 },
  );
}

backendTest("resampleRows() gives the same pixels whatever the strips", async (compute) => {
  const next = random(6);
  const data = Float32Array.from({ length: WIDTH * HEIGHT }, () => next());
  const mask = Uint16Array.from(data, (v) => v > 0.99 ? 5 : 0);
  const whole = await resample(compute, data, mask, "lanczos3", { firstRow: 0, rows: OUT.height });
  for (let firstRow = 0; firstRow < OUT.height; firstRow += 13) {
    const rows = Math.min(13, OUT.height - firstRow);
    const part = await resample(compute, data, mask, "lanczos3", { firstRow, rows });
    const [from, to] = [firstRow * OUT.width, (firstRow + rows) * OUT.width];
    assert.deepEqual(part.values, whole.values.slice(from, to));
    assert.deepEqual(part.planes, whole.planes.slice(from, to));
  }
});

backendTest(
  "resampleRows() hands on planes that weigh in and gives no value without one",
  async (compute) => {
    const data = new Float32Array(WIDTH * HEIGHT).fill(1);
    const mask = new Uint16Array(data.length);
    mask[20 * WIDTH + 20] = 6;
    mask[30 * WIDTH + 40] = 0x8000;
    const { values, planes } = await resample(compute, data, mask, "lanczos3", {
      firstRow: 0,
      rows: OUT.height,
    });
    for (let i = 0; i < values.length; i++) {
      const [sx, sy] = mapping(i % OUT.width, Math.floor(i / OUT.width));
      const [dx, dy] = [20 - sx, 20 - sy];
      const weight = Math.abs(lanczos(dx, 3) * lanczos(dy, 3));
      if (Math.abs(weight - 0.1) > 2e-3) assert.equal(planes[i], weight > 0.1 ? 6 : 0);
      const [left, top] = [Math.floor(sx) - 2, Math.floor(sy) - 2];
      const near = Math.abs(sx - Math.round(sx)) < 1e-3 || Math.abs(sy - Math.round(sy)) < 1e-3;
      const hole = left <= 40 && left + 5 >= 40 && top <= 30 && top + 5 >= 30;
      if (hole && !near) assert.ok(Number.isNaN(values[i]));
    }
  },
);

backendTest(
  "prepareRows() decodes, levels, and fills gaps as fillGaps() does, in strips",
  async (compute) => {
    const next = random(7);
    const data = Float32Array.from({ length: WIDTH * HEIGHT }, () => next() < 0.05 ? NaN : next());
    data.fill(NaN, 10 * WIDTH + 5, 10 * WIDTH + 40);
    const mask = Uint16Array.from(
      data,
      () => next() < 0.1 ? [1, 2, 4][Math.floor(next() * 3)]! : 0,
    );
    const shift = 2;
    const columns = ((WIDTH - 1) >> shift) + 2;
    const nodes = new Float32Array(columns * (((HEIGHT + 6) >> shift) + 2));
    const level = (x: number, y: number) => 0.5 + 0.01 * x - 0.02 * y; // bilinear is exact
    for (let i = 0; i < nodes.length; i++) {
      nodes[i] = level((i % columns) << shift, Math.floor(i / columns) << shift);
    }
    const raw = new Uint8Array(data.length * 4);
    const rawMask = new Uint8Array(data.length * 2);
    const [view, maskView] = [new DataView(raw.buffer), new DataView(rawMask.buffer)];
    data.forEach((value, i) => view.setFloat32(4 * i, value));
    mask.forEach((bits, i) => maskView.setUint16(2 * i, bits ^ 0x8000));
    const ready = { pixels: new Float32Array(data.length), mask: new Uint16Array(data.length) };
    await prepareRows(
      compute,
      {
        ...{ width: WIDTH, firstRow: 6, rows: HEIGHT, pixels: raw, mask: rawMask },
        ...{ swapPixels: true, swapMask: true },
      },
      { pixels: bytesOf(ready.pixels), mask: bytesOf(ready.mask) },
      {
        background: { shift, columns, nodes },
        ...{ repair: 5, noData: 256, saturated: 2, saturationAdu: Infinity, reachPx: 8 },
      },
    );
    const truth = data.map((v, i) => v - level(i % WIDTH, 6 + Math.floor(i / WIDTH)));
    const planes = mask.map((bits, i) => bits | (Number.isNaN(data[i]!) ? 256 : 0));
    fillGaps(truth, planes, { width: WIDTH, bits: 5 | 256 });
    let holes = 0;
    for (let i = 0; i < truth.length; i++) {
      const hole = Number.isNaN(truth[i]!);
      if (hole) holes++;
      assert.equal(ready.mask[i], planes[i]! | (hole ? 0x8000 : 0));
      assert.ok(Math.abs(ready.pixels[i]! - (hole ? 0 : truth[i]!)) < 1e-6, `pixel ${i}`);
    }
    assert.ok(holes > 10);
  },
  { bindingBytes: 4000 },
);

backendTest("prepareRows() marks what is saturated in a frame without a mask", async (compute) => {
  const data = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => i % 100);
  const ready = { pixels: new Float32Array(data.length), mask: new Uint16Array(data.length) };
  await prepareRows(
    compute,
    {
      ...{ width: WIDTH, firstRow: 0, rows: HEIGHT, pixels: bytesOf(data) },
      ...{ swapPixels: false, swapMask: false },
    },
    { pixels: bytesOf(ready.pixels), mask: bytesOf(ready.mask) },
    {
      background: { shift: 15, columns: 3, nodes: new Float32Array(9) },
      ...{ repair: 1, noData: 256, saturated: 2, saturationAdu: 90, reachPx: 8 },
    },
  );
  assert.deepEqual(ready.pixels, data);
  assert.deepEqual(ready.mask, Uint16Array.from(data, (v) => v >= 90 ? 2 : 0));
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
