import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { type CutImage, cutStars } from "./cut_stars.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

const WIDTH = 60, HEIGHT = 50;

/** An image of light and noise with gaps, bad pixels and, if wanted, a weight. */
function imageOf(random: () => number, hasWeight: boolean): CutImage {
  const pixels = WIDTH * HEIGHT;
  const data = Float32Array.from({ length: pixels }, () => {
    return random() < 0.05 ? NaN : 300 + 10 * random() + (random() < 0.3 ? 200 * random() : 0);
  });
  const weight = Float32Array.from({ length: pixels }, () => random() < 0.1 ? 0 : 0.5 + random());
  return {
    ...{ data, skyAdu: 305, gainEAdu: 0.25 + random() },
    mask: Uint16Array.from({ length: pixels }, () => random() < 0.1 ? 2 : random() < 0.1 ? 4 : 0),
    skyAt: (x) => 304 + x / 50,
    sigmaAt: (_, y) => 5 + y / 50,
    ...(hasWeight ? { coverage: { weight, unit: 4 } } : {}),
  };
}

function varianceOf(image: CutImage, star: { x: number; y: number }, x: number, y: number): number {
  const { data, coverage, gainEAdu } = image;
  const level = image.skyAt(star.x, star.y), sigma = image.sigmaAt(star.x, star.y);
  const weight = coverage?.weight[y * WIDTH + x] ?? 0;
  const sky = weight > 0 ? 16 / weight : sigma ** 2;
  const around: number[] = [];
  for (let row = Math.max(0, y - 1); row <= Math.min(HEIGHT - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(WIDTH - 1, x + 1); column++) {
      around.push(data[row * WIDTH + column]!);
    }
  }
  const known = around.filter((value) => !Number.isNaN(value));
  const signal = known.reduce((a, b) => a + b, 0) / known.length - level;
  const isLight = data[y * WIDTH + x]! - level > sigma && signal > sigma;
  return sky + (isLight ? signal / gainEAdu : 0);
}

backendTest(
  "cutStars() are the pixels around stars, usable where the kernel reaches data",
  async (compute) => {
    for (const [first, second] of [[false, false], [true, false], [true, true]] as const) {
      const random = sequence(5);
      const images = [imageOf(random, first), imageOf(random, second)] as const;
      const [sharp, broad] = images, side = 17, halfPx = 3, unusable = 2, share = 0.3;
      const stars = [{ x: 30.2, y: 24.7 }, { x: 2, y: 47 }, { x: 57.6, y: 1.4 }, { x: 8, y: 8 }];
      const plane = side * side, cutOuts = new Float32Array(stars.length * 4 * plane).fill(7);
      const how = { width: WIDTH, height: HEIGHT, images, side, halfPx, unusable, share };
      await cutStars(compute, stars, cutOuts, how);
      stars.forEach((star, s) => {
        const left = Math.round(star.x) - 8, top = Math.round(star.y) - 8;
        for (let k = 0; k < plane; k++) {
          const x = left + k % side, y = top + Math.floor(k / side), i = y * WIDTH + x;
          const isInside = (dx: number, dy: number) =>
            Math.min(x - dx, y - dy) >= 0 && x + dx < WIDTH && y + dy < HEIGHT &&
            x - dx >= left && x + dx < left + side && y - dy >= top && y + dy < top + side;
          const [a, b] = isInside(0, 0) ? [sharp.data[i]!, broad.data[i]!] : [NaN, NaN];
          const isUsable = isInside(halfPx, halfPx) && Number.isFinite(a) && Number.isFinite(b) &&
            ((sharp.mask[i]! | broad.mask[i]!) & unusable) === 0;
          const own = isUsable ? varianceOf(sharp, star, x, y) : 0;
          const all = isUsable ? share * own + varianceOf(broad, star, x, y) : 0;
          const wanted = [Number.isNaN(a) ? 0 : a - 305, Number.isNaN(b) ? 0 : b - 305, all, own];
          wanted.forEach((value, n) => {
            const found = cutOuts[(4 * s + n) * plane + k]!;
            assert.ok(
              Math.abs(found - value) <= 1e-5 * Math.abs(value),
              `${s} ${k} ${n}: ${found} ${value}`,
            );
          });
        }
      });
    }
  },
);
