import assert from "node:assert/strict";
import { rowNumbers, table } from "../../job.ts";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { fixedMesh } from "./fixed_mesh.ts";
import { lanczos3 } from "./kernel_table.ts";
import { coordinateMesh, type PixelMapping } from "./mesh.ts";
import { resampleStrip } from "./resample.ts";
import { kernelWeights, resamplePass, sourceSlots } from "./resample_rows.ts";

const WIDTH = 130;
const HEIGHT = 94;
const OUT = { width: 139, height: 101 };
/** Some of the target lies outside. */
const MARGIN = 4;

/** Shifted, turned by so much, a little wider and bent, mirrored along x or y. */
function nearShift(turn: number, mirrorX: boolean, mirrorY: boolean): PixelMapping {
  return (x, y) => {
    const u = 1.0021 * (x - MARGIN) + turn * y + 0.37 + 3e-6 * x * y;
    const v = 0.9991 * (y - MARGIN) - turn * x + 0.61 - 2e-6 * x * x;
    return [mirrorX ? WIDTH - 1 - u : u, mirrorY ? HEIGHT - 1 - v : v];
  };
}

const bytesOf = ({ buffer }: Float32Array | Uint16Array) => new Uint8Array(buffer);

async function resample(
  compute: Compute,
  mapping: PixelMapping,
  data: Float32Array,
  options: { mask?: Uint16Array; firstRow?: number; rows?: number; ringing?: number } = {},
) {
  const { mask = new Uint16Array(data.length), firstRow = 0, rows = OUT.height } = options;
  const { ringing = 0 } = options;
  const mesh = fixedMesh(coordinateMesh(mapping, { ...OUT, tolerancePx: 1e-3, stepPx: 32 }));
  assert.ok(mesh.separable);
  const source = {
    ...{ width: WIDTH, firstRow: 0, rows: HEIGHT, mesh, scale: 1 },
    ...{ pixels: bytesOf(data), mask: bytesOf(mask) },
  };
  const target = { firstRow, rows };
  const values = new Float32Array(OUT.width * rows);
  const planes = new Uint16Array(values.length);
  const at = { rows: 0, kernel: 1, values: 2, masks: 3, source: 4 };
  await compute.run({
    label: "resample",
    width: OUT.width,
    rows,
    slots: [
      rowNumbers(firstRow, rows),
      table(kernelWeights("lanczos3")),
      { role: "output", rowBytes: OUT.width * 4, bytes: bytesOf(values) },
      { role: "output", rowBytes: OUT.width * 2, bytes: bytesOf(planes) },
      ...sourceSlots(source, target),
    ],
    passes: [resamplePass(source, target, { kernel: "lanczos3", ringing, plane: 0, at })],
  });
  return { values, planes };
}

function random(seed: number): () => number {
  let state = seed * 2654435761 >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Where the column of a target pixel crosses a row of the source, by Newton's method. */
function crossing(mapping: PixelMapping, x: number, y: number, row: number): number {
  for (let i = 0; i < 4; i++) {
    const here = mapping(x, y)[1];
    y += (row - here) / (mapping(x, y + 1)[1] - here);
  }
  return mapping(x, y)[0];
}

/** Normalised weights of six taps from `first` on. */
function weightsOf(position: number, first: number): number[] {
  const weights = Array.from({ length: 6 }, (_, k) => lanczos3(first + k - position));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Along the rows, then along the column, with exact positions, in float64; without the area. */
function oracle(data: Float32Array, mapping: PixelMapping, x: number, y: number): number {
  const [sx, sy] = mapping(x, y);
  const [left, top] = [Math.floor(sx) - 2, Math.floor(sy) - 2];
  if (left < 0 || top < 0 || left + 5 >= WIDTH || top + 5 >= HEIGHT) return NaN;
  return weightsOf(sy, top).reduce((sum, weight, j) => {
    const position = crossing(mapping, x, y, top + j);
    const first = Math.min(Math.max(Math.floor(position) - 2, 0), WIDTH - 6);
    return sum + weight * weightsOf(position, first).reduce(
          (along, share, k) => along + share * data[(top + j) * WIDTH + first + k]!,
          0,
        );
  }, 0);
}

function areaAt(mapping: PixelMapping, x: number, y: number): number {
  const [[a, b], [c, d]] = [mapping(x + 0.5, y), mapping(x - 0.5, y)];
  const [[e, f], [g, h]] = [mapping(x, y + 0.5), mapping(x, y - 0.5)];
  return Math.abs((a - c) * (f - h) - (e - g) * (b - d));
}

for (const turn of [0.002, -0.014]) {
  for (const [mirrorX, mirrorY] of [[false, false], [true, false], [true, true]] as const) {
    const name = `${turn} rad${mirrorX ? ", mirrored" : ""}${mirrorY ? " twice" : ""}`;
    backendTest(`resampleRows() goes along rows, then columns: ${name}`, async (compute) => {
      const mapping = nearShift(turn, mirrorX, mirrorY);
      const next = random(11);
      const data = Float32Array.from({ length: WIDTH * HEIGHT }, () => 100 * next());
      const { values } = await resample(compute, mapping, data);
      let [compared, differing, squares] = [0, 0, 0];
      for (let i = 0; i < values.length; i++) {
        const [x, y] = [i % OUT.width, Math.floor(i / OUT.width)];
        const truth = oracle(data, mapping, x, y) * areaAt(mapping, x, y);
        if (Number.isNaN(truth) !== Number.isNaN(values[i]!)) differing++;
        if (Number.isNaN(truth) || Number.isNaN(values[i]!)) continue;
        compared++;
        squares += (values[i]! - truth) ** 2;
        // noise of 100 ADU from pixel to pixel, positions right to 1e-3 px
        if (Math.abs(values[i]! - truth) > 0.3) differing++;
      }
      assert.ok(compared > 9000, `${compared} compared`);
      assert.ok(differing <= 3, `${differing} of ${compared} differ`);
      const rms = Math.sqrt(squares / compared);
      assert.ok(rms < 0.04, `rms ${rms}`);
    });
  }
}

/** Gaussian stars of 2.2 px FWHM at places of the source, flux 1e5. */
function starField(stars: readonly (readonly [number, number])[]): Float32Array {
  const data = new Float32Array(WIDTH * HEIGHT);
  const sigma = 2.2 / 2.3548;
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    for (const [sx, sy] of stars) {
      const r2 = (x - sx) ** 2 + (y - sy) ** 2;
      if (r2 < 64) data[i]! += 1e5 / (2 * Math.PI * sigma ** 2) * Math.exp(-r2 / (2 * sigma ** 2));
    }
  }
  return data;
}

/** Flux and first moments about a place, within 7 px. */
function moments(data: Float32Array, x0: number, y0: number) {
  let [flux, mx, my] = [0, 0, 0];
  for (let y = Math.round(y0) - 7; y <= Math.round(y0) + 7; y++) {
    for (let x = Math.round(x0) - 7; x <= Math.round(x0) + 7; x++) {
      const value = data[y * OUT.width + x]!;
      flux += value;
      mx += value * (x - x0);
      my += value * (y - y0);
    }
  }
  return { flux, x: mx / flux, y: my / flux };
}

backendTest("resampleRows() along rows keeps flux and place as 36 taps do", async (compute) => {
  const stars = Array.from({ length: 8 }, (_, i) => [15.1 + 13.137 * i, 14.3 + 8.713 * i] as const);
  for (const turn of [0.002, 0.014]) {
    const mapping = nearShift(turn, false, false);
    const data = starField(stars);
    const { values } = await resample(compute, mapping, data);
    const direct = new Float32Array(values.length);
    resampleStrip(
      { width: WIDTH, rows: HEIGHT, firstRow: 0, data, mask: new Uint16Array(data.length) },
      coordinateMesh(mapping, OUT),
      { ...OUT, rows: OUT.height, firstRow: 0, data: direct, mask: new Uint16Array(direct.length) },
      { kernel: "lanczos3" },
    );
    for (const [x, y] of stars) {
      const [a, b] = [values, direct].map((pixels) => moments(pixels, x + MARGIN, y + MARGIN));
      assert.ok(Math.abs(a!.flux / b!.flux - 1) < 1e-3, `flux ${a!.flux}, ${b!.flux}`);
      assert.ok(Math.abs(a!.flux / 1e5 - 1) < 1e-3, `flux ${a!.flux}`);
      const off = Math.hypot(a!.x - b!.x, a!.y - b!.y);
      assert.ok(off < 1e-3, `${off} px off`);
    }
  }
});

backendTest("resampleRows() along rows does not depend on strips or masks", async (compute) => {
  const mapping = nearShift(0.004, false, false);
  const next = random(12);
  const data = Float32Array.from({ length: WIDTH * HEIGHT }, () => next());
  const mask = Uint16Array.from(data, (v) => v > 0.995 ? 5 : 0);
  const plain = await resample(compute, mapping, data);
  const whole = await resample(compute, mapping, data, { mask });
  assert.deepEqual(whole.values, plain.values);
  assert.ok(whole.planes.some((bits) => bits === 5) && whole.planes.some((bits) => bits === 0));
  for (let firstRow = 0; firstRow < OUT.height; firstRow += 40) {
    const rows = Math.min(40, OUT.height - firstRow);
    const part = await resample(compute, mapping, data, { mask, firstRow, rows });
    const [from, to] = [firstRow * OUT.width, (firstRow + rows) * OUT.width];
    for (let i = from; i < to; i++) {
      // at the rim of the frame a pixel may be made alone instead of among its neighbours
      const [a, b] = [part.values[i - from]!, whole.values[i]!];
      assert.ok(Object.is(a, b) || Math.abs(a - b) < 1e-3, `${a} is not ${b}`);
    }
    assert.deepEqual(part.planes, whole.planes.slice(from, to));
  }
});

backendTest("resampleRows() along rows does not ring beside saturated pixels", async (compute) => {
  const mapping = nearShift(0.004, true, false);
  const stars = Array.from({ length: 8 }, (_, i) => [15.1 + 13.137 * i, 14.3 + 8.713 * i] as const);
  const sharp = starField(stars).map((value) => Math.min(4000, value ** 3 / 1e6));
  const mask = Uint16Array.from(sharp, (value) => value >= 4000 ? 2 : 0);
  const plain = await resample(compute, mapping, sharp, { mask });
  const calm = await resample(compute, mapping, sharp, { mask, ringing: 2 });
  assert.deepEqual(calm.planes, plain.planes);
  const least = (values: Float32Array) =>
    values.reduce((low, value, i) => plain.planes[i] === 0 && value < low ? value : low, 0);
  assert.ok(least(plain.values) < -80, `${least(plain.values)} ADU without`);
  assert.ok(least(calm.values) > -10, `${least(calm.values)} ADU with`);
  const bit0 = mask.map((bits) => bits && 1);
  const other = await resample(compute, mapping, sharp, { mask: bit0, ringing: 2 });
  assert.deepEqual(other.values, plain.values, "other planes do not ring");
});
