import assert from "node:assert/strict";
import { rowNumbers, table } from "../../job.ts";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { fillGaps } from "./_fill_gaps_oracle.ts";
import { fixedMesh } from "./fixed_mesh.ts";
import { kernelTable, lanczos, type ResampleKernel } from "./kernel_table.ts";
import { coordinateMesh, type PixelMapping } from "./mesh.ts";
import { kernelWeights, prepareRows, resamplePass, sourceSlots } from "./resample_rows.ts";

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
  ringing = 0,
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
    passes: [resamplePass(source, rows, { kernel, ringing, plane: 0, at })],
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
  return sum / total * areaAt(x, y);
}

/** Of a pixel of the target, and the scale. */
function areaAt(x: number, y: number): number {
  return 1.5 * Math.abs(0.93 * 0.95 - (-0.11 + 4e-5 * y) * (0.12 - 3e-5 * x));
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

/** Undersampled stars that saturate, one with a column that bled. */
function saturatedStars(): { readonly data: Float32Array; readonly mask: Uint16Array } {
  const data = new Float32Array(WIDTH * HEIGHT);
  for (const [x0, y0] of [[14.3, 12.8], [40.6, 30.1], [30.2, 15.5], [47.4, 8.2]] as const) {
    for (let i = 0; i < data.length; i++) {
      const r2 = (i % WIDTH - x0) ** 2 + (Math.floor(i / WIDTH) - y0) ** 2;
      data[i]! += 30_000 * Math.exp(-r2 / 1.6) + 60 * Math.exp(-r2 / 12);
    }
  }
  for (let y = 22; y < 39; y++) data[y * WIDTH + 41] = 9000;
  const mask = Uint16Array.from(data, (value) => value > 4000 ? 2 : 0);
  return { data: data.map((value) => Math.min(value, 4000)), mask };
}

for (const kernel of ["lanczos2", "lanczos3", "lanczos4"] as const) {
  backendTest(
    `resampleRows() does not ring beside saturated pixels, ${kernel}`,
    async (compute) => {
      const { data, mask } = saturatedStars();
      const rows = { firstRow: 0, rows: OUT.height };
      const plain = await resample(compute, data, mask, kernel, rows);
      const calm = await resample(compute, data, mask, kernel, rows, 2);
      assert.deepEqual(calm.planes, plain.planes);
      const rings = (values: Float32Array) =>
        values.filter((value, i) => plain.planes[i] === 0 && value < -15).length;
      const [before, after] = [rings(plain.values), rings(calm.values)];
      // what does not saturate rings as before
      assert.ok(before > 30 && after < before / 2, `${after} of ${before} pixels ring`);
      let [changed, differing] = [0, 0];
      for (let i = 0; i < plain.values.length; i++) {
        const truth = calmOracle(data, mask, kernel, i % OUT.width, Math.floor(i / OUT.width));
        if (!Object.is(calm.values[i], plain.values[i])) changed++;
        // 4000 ADU from pixel to pixel, positions right to 4e-4 px
        if (!Number.isNaN(truth) && Math.abs(calm.values[i]! - truth) > 5) differing++;
      }
      assert.ok(changed > 60, `${changed} pixels changed`);
      assert.ok(differing <= 2, `${differing} pixels differ`);
    },
  );
}

/** What `oracle` gives, within the range of the four nearest pixels where a saturated one is near. */
function calmOracle(
  data: Float32Array,
  mask: Uint16Array,
  kernel: ResampleKernel,
  x: number,
  y: number,
): number {
  const value = oracle(data, kernel, x, y);
  const [sx, sy] = mapping(x, y).map(Math.floor) as [number, number];
  const { taps, before } = kernelTable(kernel);
  let rings = false;
  for (let j = sy - before; j < sy - before + taps; j++) {
    for (let i = sx - before; i < sx - before + taps; i++) rings ||= mask[j * WIDTH + i] === 2;
  }
  if (Number.isNaN(value) || !rings) return value;
  const area = areaAt(x, y);
  const near = [0, 1, WIDTH, WIDTH + 1].map((k) => data[sy * WIDTH + sx + k]! * area);
  return Math.min(Math.max(value, Math.min(...near)), Math.max(...near));
}

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
