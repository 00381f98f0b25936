import assert from "node:assert/strict";
import {
  encircled,
  MOFFAT_BETA,
  peakShare,
  type PsfField,
  shapeAt,
  stampPoint,
  stampRadius,
} from "./profile.ts";

const SIZE = 201;
const round: PsfField = {
  width: SIZE,
  height: SIZE,
  fwhmPx: 4,
  growth: 0,
  tilt: [0, 0],
  ellipticity: [0, 0],
  radialEllipticity: 0,
};

function stamp(psf: PsfField, x: number, y: number, flux: number, radius = 90): Float32Array {
  const data = new Float32Array(SIZE * SIZE);
  const strip = { data, width: SIZE, y0: 0, rows: SIZE };
  stampPoint(strip, shapeAt(psf, x, y), { x, y, flux, radius });
  return data;
}

function moments(data: Float32Array) {
  let sum = 0, sumX = 0, sumY = 0;
  data.forEach((value, i) => {
    sum += value;
    sumX += value * (i % SIZE);
    sumY += value * Math.floor(i / SIZE);
  });
  return { sum, x: sumX / sum, y: sumY / sum };
}

Deno.test("a stamp holds the flux of its source at any place within the pixel", () => {
  for (const [x, y] of [[100, 100], [100.5, 99.5], [100.23, 100.71]] as const) {
    const { sum } = moments(stamp(round, x, y, 1000));
    // Outside 90 px lie (1 + (90/α)²)^-2.5 = 2.5e-7 of the light.
    assert.ok(Math.abs(sum / 1000 - 1) < 2e-4, `${x} ${y}: ${sum}`);
  }
});

Deno.test("the centroid of a stamp is the place asked for", () => {
  const { x, y } = moments(stamp(round, 100.31, 99.84, 1000));
  assert.ok(Math.hypot(x - 100.31, y - 99.84) < 0.002);
});

Deno.test("pixels hold the integral of the profile, against a fine sum", () => {
  const shape = shapeAt({ ...round, fwhmPx: 2.5, ellipticity: [0.1, 0.15] }, 100, 100);
  const psf: PsfField = { ...round, fwhmPx: 2.5, ellipticity: [0.1, 0.15] };
  const data = stamp(psf, 100.3, 100.1, 1);
  for (const [column, row] of [[100, 100], [101, 100], [103, 98], [110, 107]] as const) {
    let sum = 0;
    const steps = 60;
    for (let j = 0; j < steps; j++) {
      for (let i = 0; i < steps; i++) {
        const dx = column - 0.5 + (i + 0.5) / steps - 100.3;
        const dy = row - 0.5 + (j + 0.5) / steps - 100.1;
        const s = shape.xx * dx * dx + 2 * shape.xy * dx * dy + shape.yy * dy * dy;
        sum += (1 + s) ** -MOFFAT_BETA * shape.peak / steps ** 2;
      }
    }
    const value = data[row * SIZE + column]!;
    assert.ok(Math.abs(value / sum - 1) < 0.01, `${column} ${row}: ${value} ${sum}`);
  }
});

Deno.test("half the peak is reached at half the FWHM", () => {
  const psf = { ...round, fwhmPx: 40 };
  const data = stamp(psf, 100, 100, 1e6, 100);
  const ratio = data[100 * SIZE + 120]! / data[100 * SIZE + 100]!;
  assert.ok(Math.abs(ratio - 0.5) < 0.003, String(ratio));
  assert.ok(Math.abs(data[100 * SIZE + 100]! / 1e6 / peakShare(40) - 1) < 0.005);
});

Deno.test("ellipticity stretches along its position angle and keeps the flux", () => {
  const data = stamp({ ...round, fwhmPx: 6, ellipticity: [0.3, 0] }, 100, 100, 1000);
  const along = data[100 * SIZE + 106]!, across = data[106 * SIZE + 100]!;
  assert.ok(along > 1.5 * across);
  assert.ok(Math.abs(moments(data).sum - 1000) < 1);
});

Deno.test("strips put together are the whole stamp", () => {
  const whole = stamp(round, 100.4, 100.2, 500, 30);
  const parts = new Float32Array(SIZE * SIZE);
  for (let y0 = 0; y0 < SIZE; y0 += 17) {
    const rows = Math.min(17, SIZE - y0);
    const data = parts.subarray(y0 * SIZE, (y0 + rows) * SIZE);
    const source = { x: 100.4, y: 100.2, flux: 500, radius: 30 };
    stampPoint({ data, width: SIZE, y0, rows }, shapeAt(round, 100.4, 100.2), source);
  }
  assert.deepEqual(parts, whole);
});

Deno.test("encircled() agrees with the light of a stamp in a circle", () => {
  const data = stamp({ ...round, fwhmPx: 30 }, 100, 100, 1, 100);
  let inside = 0;
  data.forEach((value, i) => {
    if (Math.hypot(i % SIZE - 100, Math.floor(i / SIZE) - 100) < 30) inside += value;
  });
  assert.ok(Math.abs(inside - encircled(1)) < 0.005, `${inside} ${encircled(1)}`);
});

Deno.test("stampRadius() grows with the flux and has a least value", () => {
  assert.equal(stampRadius(1, 4, 0.1), 16);
  const bright = stampRadius(1e6, 4, 0.1);
  const shape = shapeAt(round, 100, 100);
  const edge = 1e6 * shape.peak * (1 + shape.xx * bright ** 2) ** -MOFFAT_BETA;
  assert.ok(Math.abs(edge / 0.1 - 1) < 0.01);
});
