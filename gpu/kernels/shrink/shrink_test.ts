import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { shrinkByMeans, type ShrinkSize, shrinkToFarthest } from "./shrink.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

/** Indices of the pixels that each pixel of the picture stands for. */
function squaresOf({ width, height, mostPx }: ShrinkSize): number[][] {
  const longer = Math.max(width, height), size = Math.min(mostPx, longer);
  const of = (k: number) => Math.floor(k * longer / size);
  const squares: number[][] = [];
  for (let y = 0; of(y) < height; y++) {
    for (let x = 0; of(x) < width; x++) {
      const square: number[] = [];
      for (let row = of(y); row < Math.min(height, of(y + 1)); row++) {
        for (let i = of(x); i < Math.min(width, of(x + 1)); i++) square.push(row * width + i);
      }
      squares.push(square);
    }
  }
  return squares;
}

const SIZES: readonly ShrinkSize[] = [
  { width: 7, height: 5, mostPx: 20 },
  { width: 30, height: 41, mostPx: 25 },
  { width: 41, height: 17, mostPx: 30 },
];

/** Rows of the picture do not go through the device at once. */
const STRIPS = { stripBytes: 6000 };

function near(actual: number, expected: number): void {
  if (Number.isNaN(expected)) assert.ok(Number.isNaN(actual));
  else assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.abs(expected), `${actual} ${expected}`);
}

backendTest("shrinkByMeans() takes means of what is known", async (compute) => {
  for (const size of SIZES) {
    const random = sequence(size.width);
    const data = Float32Array.from({ length: size.width * size.height }, () => {
      return random() < 0.3 ? NaN : 10 + random();
    });
    const { data: means, columns, rows } = await shrinkByMeans(compute, data, size);
    const squares = squaresOf(size);
    assert.equal(squares.length, columns * rows);
    squares.forEach((square, k) => {
      const known = square.map((i) => data[i]!).filter((value) => !Number.isNaN(value));
      near(means[k]!, known.reduce((a, b) => a + b, 0) / known.length);
    });
  }
}, STRIPS);

backendTest(
  "shrinkByMeans() of a large image looks at every other row and column",
  async (compute) => {
    const data = Float32Array.from(
      { length: 36 },
      (_, i) => i % 2 === 0 && (i / 6 | 0) % 2 === 0 ? 1 : 9,
    );
    const { data: means } = await shrinkByMeans(compute, data, { width: 6, height: 6, mostPx: 1 });
    assert.deepEqual([...means], [1]);
  },
);

backendTest(
  "shrinkToFarthest() keeps what is farthest from zero, and from zero in its noise",
  async (compute) => {
    for (const size of SIZES) {
      const random = sequence(size.height);
      const count = size.width * size.height;
      const image = {
        difference: Float32Array.from({ length: count }, () => 20 * (random() - 0.5)),
        weight: Float32Array.from({ length: count }, () => random() < 0.3 ? 0 : 0.5 + random()),
        mask: Uint16Array.from({ length: count }, () => random() < 0.3 ? 6 : 3),
      };
      const { known, pull } = await shrinkToFarthest(compute, image, size, 4);
      squaresOf(size).forEach((square, k) => {
        const farthest = (values: readonly number[]) =>
          values.reduce((a, b) => Math.abs(b) > Math.abs(a) || Number.isNaN(a) ? b : a, NaN);
        const seen = square.filter((i) => !(image.mask[i]! & 4));
        near(known.data[k]!, farthest(seen.map((i) => image.difference[i]!)));
        const weighed = square.filter((i) => image.weight[i]! > 0);
        const pulls = weighed.map((i) => image.difference[i]! * Math.sqrt(image.weight[i]!));
        near(pull.data[k]!, farthest(pulls));
      });
    }
  },
  STRIPS,
);

backendTest(
  "shrinkByMeans() of an image too large to be bound is that of its bands",
  async (compute) => {
    const width = 4200, height = 4100, mostPx = 42;
    const data = Float32Array.from({ length: width * height }, (_, i) => Math.floor(i / width));
    const { data: means, columns, rows } = await shrinkByMeans(compute, data, {
      width,
      height,
      mostPx,
    });
    assert.deepEqual([columns, rows], [42, 41]);
    // of rows 0, 2, … 98 of a hundred
    means.forEach((mean, k) => assert.equal(mean, 100 * Math.floor(k / columns) + 49));
  },
);
