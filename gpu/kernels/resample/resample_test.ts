import assert from "node:assert/strict";
import fc from "fast-check";
import { lanczos3 } from "./kernel_table.ts";
import { coordinateMesh, meshErrorPx, type PixelMapping, sourceRows } from "./mesh.ts";
import { kernelReach, MASK_WEIGHT, resampleStrip, type SourceWindow } from "./resample.ts";

const kernels = ["lanczos3", "bilinear", "nearest"] as const;

function affine(angleDeg: number, scale: number, dx: number, dy: number): PixelMapping {
  const c = scale * Math.cos(angleDeg * Math.PI / 180);
  const s = scale * Math.sin(angleDeg * Math.PI / 180);
  return (x, y) => [c * x - s * y + dx, s * x + c * y + dy];
}

function starField(width: number, height: number, stars: readonly (readonly number[])[]) {
  const data = new Float32Array(width * height);
  const sigma = 1.4;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const [sx = 0, sy = 0, flux = 0] of stars) {
        const r2 = (x - sx) ** 2 + (y - sy) ** 2;
        data[y * width + x]! += flux / (2 * Math.PI * sigma ** 2) * Math.exp(-r2 / 2 / sigma ** 2);
      }
    }
  }
  return data;
}

function whole(width: number, rows: number, data: Float32Array): SourceWindow {
  return { width, rows, firstRow: 0, data, mask: new Uint16Array(data.length) };
}

function target(width: number, rows: number, firstRow = 0) {
  const data = new Float32Array(width * rows);
  return { width, rows, firstRow, data, mask: new Uint16Array(width * rows) };
}

/** Sum and centroid of what lies within 8 px. */
function measure(data: Float32Array, width: number, x0: number, y0: number) {
  let flux = 0, sx = 0, sy = 0;
  for (let y = Math.round(y0) - 8; y <= Math.round(y0) + 8; y++) {
    for (let x = Math.round(x0) - 8; x <= Math.round(x0) + 8; x++) {
      const v = data[y * width + x]!;
      flux += v;
      sx += v * x;
      sy += v * y;
    }
  }
  return { flux, x: sx / flux, y: sy / flux };
}

Deno.test("resampleStrip() gives back an unshifted image with every kernel", () => {
  const data = Float32Array.from({ length: 20 * 20 }, (_, i) => (i * 7919) % 1000);
  for (const kernel of kernels) {
    const mesh = coordinateMesh((x, y) => [x, y], { width: 20, height: 20 });
    const out = target(20, 20);
    resampleStrip(whole(20, 20, data), mesh, out, { kernel });
    for (let y = 3; y < 16; y++) {
      for (let x = 3; x < 16; x++) assert.equal(out.data[y * 20 + x], data[y * 20 + x]);
    }
  }
});

Deno.test("resampleStrip() agrees with a direct float64 sum over the exact positions", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -40, max: 40, noNaN: true }),
      fc.double({ min: 0.8, max: 1.3, noNaN: true }),
      fc.double({ min: -5, max: 5, noNaN: true }),
      (angle, scale, shift) => {
        const size = 48;
        const data = starField(size, size, [[20, 22, 1e4], [33.3, 14.1, 5e3]]);
        const mapping = affine(angle, scale, 10 + shift, 12 - shift);
        const mesh = coordinateMesh(mapping, { width: size, height: size });
        const out = target(size, size);
        resampleStrip(whole(size, size, data), mesh, out, { kernel: "lanczos3" });
        for (let i = 0; i < out.data.length; i += 7) {
          const [sx, sy] = mapping(i % size, Math.floor(i / size));
          const truth = directLanczos(data, size, sx, sy) * scale * scale;
          if (Number.isNaN(truth) || Number.isNaN(out.data[i])) continue;
          assert.ok(Math.abs(out.data[i]! - truth) < 0.15, `${out.data[i]} is not ${truth}`);
        }
      },
    ),
    { numRuns: 30 },
  );
});

function directLanczos(data: Float32Array, size: number, sx: number, sy: number): number {
  const ix = Math.floor(sx);
  const iy = Math.floor(sy);
  let sum = 0;
  let total = 0;
  for (let y = iy - 2; y <= iy + 3; y++) {
    for (let x = ix - 2; x <= ix + 3; x++) {
      if (x < 0 || y < 0 || x >= size || y >= size) return NaN;
      const weight = lanczos3(x - sx) * lanczos3(y - sy);
      sum += weight * data[y * size + x]!;
      total += weight;
    }
  }
  return sum / total;
}

Deno.test("resampleStrip() keeps the flux and the place of stars under rotation and zoom", () => {
  const mapping = affine(17, 0.85, 12.3, -4.7);
  const inverse = (sx: number, sy: number) => {
    const [x, y] = [sx - 12.3, sy + 4.7];
    const a = 17 * Math.PI / 180;
    return [
      (x * Math.cos(a) + y * Math.sin(a)) / 0.85,
      (y * Math.cos(a) - x * Math.sin(a)) / 0.85,
    ] as const;
  };
  const stars = [[40.2, 41.7, 1e5], [60.8, 60.1, 3e4]] as const;
  const mesh = coordinateMesh(mapping, { width: 120, height: 120 });
  const out = target(120, 120);
  resampleStrip(whole(100, 100, starField(100, 100, stars)), mesh, out, { kernel: "lanczos3" });
  for (const [sx, sy, flux] of stars) {
    const [x, y] = inverse(sx, sy);
    const found = measure(out.data, 120, x, y);
    assert.ok(Math.abs(found.flux / flux - 1) < 1e-3, `flux ${found.flux} of ${flux}`);
    assert.ok(Math.hypot(found.x - x, found.y - y) < 2e-3);
  }
});

Deno.test("resampleStrip() gives the same pixels whatever the strips", () => {
  const mapping = affine(3, 1.01, 2.2, 1.1);
  const data = Float32Array.from({ length: 90 * 80 }, (_, i) => (i * 7919) % 1000);
  const mesh = coordinateMesh(mapping, { width: 90, height: 80 });
  const once = target(90, 80);
  resampleStrip(whole(90, 80, data), mesh, once, { kernel: "lanczos3" });
  for (let firstRow = 0; firstRow < 80; firstRow += 13) {
    const part = target(90, Math.min(13, 80 - firstRow), firstRow);
    const rows = sourceRows(mesh, part, { height: 80, reach: kernelReach("lanczos3") });
    const cut = data.slice(rows.firstRow * 90, (rows.firstRow + rows.rows) * 90);
    const source = { width: 90, ...rows, data: cut, mask: new Uint16Array(cut.length) };
    resampleStrip(source, mesh, part, { kernel: "lanczos3" });
    const same = once.data.slice(firstRow * 90, firstRow * 90 + part.data.length);
    assert.deepEqual(part.data, same);
  }
});

Deno.test("resampleStrip() passes on the bits of pixels that weigh in, and of no others", () => {
  const source = whole(40, 40, new Float32Array(1600).fill(1));
  source.mask[20 * 40 + 20] = 6;
  const mesh = coordinateMesh((x, y) => [x + 0.5, y], { width: 40, height: 40 });
  const out = target(40, 40);
  resampleStrip(source, mesh, out, { kernel: "lanczos3" });
  const marked = [...out.mask].flatMap((bits, i) => bits === 0 ? [] : [[i % 40, i / 40 | 0, bits]]);
  assert.deepEqual(
    marked,
    [18, 19, 20, 21].map((x) => [x, 20, 6]).filter(([x = 0]) =>
      Math.abs(lanczos3(20 - (x + 0.5))) >= MASK_WEIGHT
    ),
  );
});

Deno.test("coordinateMesh() stays within a thousandth of a pixel of a distorted mapping", () => {
  const distorted: PixelMapping = (x, y) => {
    const [u, v] = [(x - 5100) / 5100, (y - 3400) / 5100];
    const r2 = u * u + v * v;
    return [x + 60 * u * r2 + 3 * v * v, y + 60 * v * r2 - 2 * u * v];
  };
  const mesh = coordinateMesh(distorted, { width: 10200, height: 6800 });
  assert.ok(meshErrorPx(mesh, distorted) < 0.001);
  assert.ok(mesh.stepPx >= 8, `step ${mesh.stepPx}`);
});

Deno.test("coordinateMesh() leaves pixels without a position empty", () => {
  const half: PixelMapping = (x, y) => x < 40 ? [NaN, NaN] : [x, y];
  const mesh = coordinateMesh(half, { width: 80, height: 30, stepPx: 8 });
  const out = target(80, 30);
  resampleStrip(whole(80, 30, new Float32Array(2400).fill(5)), mesh, out, { kernel: "bilinear" });
  assert.ok(Number.isNaN(out.data[10 * 80 + 10]));
  assert.equal(out.data[10 * 80 + 70], 5);
});
