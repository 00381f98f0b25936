import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { findPeaks } from "../find_peaks/find_peaks.ts";
import { aperture, shapeOf, windowedCentre } from "./_oracle.ts";
import { measurePeaks, SHAPE, shapePeaks, type SourceImage } from "./measure_sources.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

function starField(width: number, height: number, seed: number): SourceImage {
  const random = sequence(seed);
  const data = Float32Array.from({ length: width * height }, () => 100 + 6 * (random() - 0.5));
  for (let k = 0; k < width * height / 150; k++) {
    const cx = random() * width, cy = random() * height, peak = 400 * random();
    const long = 0.5 + 0.5 * random();
    for (let i = 0; i < data.length; i++) {
      const dx = i % width - cx, dy = Math.floor(i / width) - cy;
      const r2 = dx * dx * long + dy * dy + 0.2 * dx * dy;
      if (r2 < 80) data[i]! += peak * Math.exp(-r2 / 6);
    }
  }
  const mask = Uint16Array.from(data, () => random() < 0.02 ? 4 : random() < 0.02 ? 16 : 2);
  data.forEach((_, i) => {
    if (random() < 0.005) data[i] = NaN;
  });
  const skyAt = (x: number, y: number) => 99 + 0.01 * x - 0.02 * y;
  return { width, height, data, mask, gainEAdu: 1.7, skyAt, sigmaAt: (x) => 1.5 + 0.01 * x };
}

const OPTIONS = { threshold: 3, unusable: 20, saturated: 16 };
const FWHM = 3.6;

/**
 * The level of the sky, results and, on a GPU, sums and functions are rounded to float32, in which what
 * is measured is some units: a few parts in ten million.
 */
function near(actual: number, expected: number, what: string): void {
  if (Number.isNaN(expected)) return assert.ok(Number.isNaN(actual), what);
  const away = Math.abs(actual - expected);
  assert.ok(away <= 5e-6 * (1 + Math.abs(expected)), `${what}: ${actual}, not ${expected}`);
}

/** Places, px. */
function nearPlace(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= 1e-5, `${what}: ${actual}, not ${expected}`);
}

/** All pixels of a square that lie within the image. */
function squareOf({ width, height }: SourceImage, x: number, y: number, reach: number): number[] {
  const all: number[] = [];
  for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row++) {
    for (let i = Math.max(0, x - reach); i <= Math.min(width - 1, x + reach); i++) {
      all.push(row * width + i);
    }
  }
  return all;
}

backendTest(
  "shapePeaks() and measurePeaks() measure what their definition does",
  async (compute) => {
    for (const [width, height] of [[90, 70], [33, 120]] as const) {
      const image = starField(width, height, width);
      const peaks = await findPeaks(compute, image, { sigmas: 5 });
      assert.ok(peaks.x.length > 15);
      const shapes = await shapePeaks(compute, image, peaks, OPTIONS);
      const made = await measurePeaks(compute, image, shapes, FWHM, OPTIONS);
      peaks.x.forEach((x, i) => compareOne(image, x, peaks.y[i]!, shapes.values, made, i));
    }
  },
  { stripBytes: 40_000 },
);

function compareOne(
  image: SourceImage,
  x: number,
  y: number,
  shapes: Float32Array,
  made: Awaited<ReturnType<typeof measurePeaks>>,
  i: number,
): void {
  const shapeValue = (key: keyof typeof SHAPE) => shapes[i * SHAPE.size + SHAPE[key]]!;
  const sky = image.skyAt(x, y), sigma = image.sigmaAt(x, y);
  const known = squareOf(image, x, y, 1).map((k) => image.data[k]!).filter((v) => v === v);
  const height = (known.reduce((a, b) => a + b, 0) / known.length - sky) / sigma;
  near(shapeValue("height"), height, "height");
  if (!(height >= OPTIONS.threshold)) {
    near(made.flux[i]!, 9 * height * sigma, "flux of a faint one");
    assert.ok(Number.isNaN(made.fwhmPx[i]!) && made.x[i] === x && made.y[i] === y);
    return;
  }
  const planesOf = (reach: number) =>
    squareOf(image, x, y, reach).reduce((all, k) => all | image.mask[k]!, 0);
  assert.equal(shapeValue("planes"), planesOf(2));
  const shape = shapeOf(image, x, y);
  assert.equal(shapeValue("known"), shape ? 1 : 0);
  near(made.fwhmPx[i]!, shape?.fwhmPx ?? NaN, "FWHM");
  near(made.ellipticity[i]!, shape?.ellipticity ?? NaN, "ellipticity");
  // the window of the definition has the sky of its own place
  const level = { ...image, skyAt: () => sky };
  const centre = windowedCentre(level, shape?.x ?? x, shape?.y ?? y, FWHM);
  nearPlace(made.x[i]!, centre.x, "x");
  nearPlace(made.y[i]!, centre.y, "y");
  const place = { x: made.x[i]!, y: made.y[i]! };
  const wide = aperture(image, place, sky, 2 * FWHM), core = aperture(image, place, sky, FWHM);
  near(made.flux[i]!, wide.sum, "flux");
  const error = Math.sqrt(core.count * sigma ** 2 + Math.max(0, core.sum) / image.gainEAdu);
  near(made.fluxError[i]!, Math.abs(wide.sum) * error / Math.abs(core.sum), "error");
  const planes = planesOf(Math.ceil(FWHM));
  const flags = (planes & 16 ? 4 : 0) | (wide.whole ? 0 : 8) | (planes & 4 ? 64 : 0);
  assert.equal(made.flags[i], flags);
}

backendTest("measurePeaks() of none, and of none that is bright enough", async (compute) => {
  const image = starField(40, 40, 5);
  const none = { x: new Uint32Array(0), y: new Uint32Array(0) };
  const nothing = await shapePeaks(compute, image, none, OPTIONS);
  assert.equal((await measurePeaks(compute, image, nothing, FWHM, OPTIONS)).x.length, 0);
  const peaks = await findPeaks(compute, image, { sigmas: 5 });
  const shapes = await shapePeaks(compute, image, peaks, OPTIONS);
  const faint = { ...OPTIONS, threshold: Infinity };
  const { fwhmPx, flags } = await measurePeaks(compute, image, shapes, NaN, faint);
  assert.ok(fwhmPx.length > 0 && fwhmPx.every(Number.isNaN) && flags.every((flag) => flag === 0));
});

backendTest(
  "measurePeaks() looks at an image too large to be bound by its bands",
  async (compute) => {
    const width = 4200, height = 4100;
    const data = new Float32Array(width * height).fill(100);
    const stars = [{ x: 20, y: 0 }, { x: 700, y: 15 }, { x: 4180, y: 2000 }, { x: 9, y: 4090 }];
    for (const { x, y } of stars) {
      for (let dy = -9; dy <= 9; dy++) {
        for (let dx = -9; dx <= 9; dx++) {
          if (y + dy < 0) continue;
          data[(y + dy) * width + x + dx]! += 500 *
            Math.exp(-((dx - 0.3) ** 2 + (dy + 0.2) ** 2) / 6);
        }
      }
    }
    const sky = { skyAt: () => 100, sigmaAt: () => 2 };
    const mask = new Uint16Array(width * height);
    const image = { ...{ width, height, data, mask, gainEAdu: 1 }, ...sky };
    const column = (key: "x" | "y") => Uint32Array.from(stars, (star) => star[key]);
    const peaks = { x: column("x"), y: column("y") };
    const shapes = await shapePeaks(compute, image, peaks, OPTIONS);
    const { x, y, fwhmPx, flags } = await measurePeaks(compute, image, shapes, FWHM, OPTIONS);
    assert.deepEqual([...flags], [8, 0, 0, 0]);
    stars.slice(1).forEach((star, k) => {
      assert.ok(Math.hypot(x[k + 1]! - star.x - 0.3, y[k + 1]! - star.y + 0.2) < 1e-3);
      near(fwhmPx[k + 1]!, 2.3548 * Math.sqrt(3), "FWHM");
    });
  },
);
