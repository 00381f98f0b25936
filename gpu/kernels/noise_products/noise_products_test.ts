import assert from "node:assert/strict";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { type ProductOptions, type SkyImage, sumNoiseProducts } from "./noise_products.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

function imageOf(width: number, height: number): SkyImage {
  const random = sequence(width * height);
  return {
    ...{ width, height },
    data: Float32Array.from(
      { length: width * height },
      () => random() < 0.02 ? NaN : 100 + 8 * (random() + random() - 1),
    ),
    mask: Uint16Array.from({ length: width * height }, () => random() < 0.1 ? 4 : 2),
    quiet: Uint8Array.from({ length: width * height }, () => random() < 0.8 ? 1 : 0),
    sky: (x, y) => 100 + 0.02 * x - 0.01 * y,
    skySigma: (x) => 2 + 0.01 * x,
  };
}

/** The definition in float64. */
function oracle(image: SkyImage, options: ProductOptions) {
  const { width, height, data, mask, quiet } = image;
  const { windowPx, blockPx, reachPx } = options;
  const w = Math.min(width, windowPx), h = Math.min(height, windowPx);
  const left = Math.floor((width - w) / 2), top = Math.floor((height - h) / 2);
  const middle = (v: number, end: number) =>
    Math.min(end - 1, (Math.floor(v / blockPx) + 0.5) * blockPx);
  const pull = (x: number, y: number) => {
    const i = (top + y) * width + left + x;
    const sx = left + middle(x, w), sy = top + middle(y, h);
    const value = (data[i]! - image.sky(sx, sy)) / image.skySigma(sx, sy);
    const usable = quiet[i] === 1 && !(mask[i]! & options.unusable);
    return usable && Math.abs(value) < options.mostPull ? value : NaN;
  };
  const side = 2 * reachPx + 1;
  const sums = new Float64Array(side * side), counts = new Float64Array(side * side);
  for (let k = 0; k < side * side; k++) {
    // pairs are the same from either end; that with the other pixel before it is summed
    const from = Math.min(k, side * side - 1 - k);
    const dx = from % side - reachPx, dy = Math.floor(from / side) - reachPx;
    const near = Math.max(Math.abs(dx), Math.abs(dy)) <= options.nearPx;
    for (let y = reachPx; y < h - reachPx; y++) {
      if ((y - reachPx) % (near ? options.nearStep : options.farStep) !== 0) continue;
      for (let x = reachPx; x < w - reachPx; x++) {
        const product = pull(x, y) * pull(x + dx, y + dy);
        if (Number.isNaN(product)) continue;
        sums[k]! += product;
        counts[k]!++;
      }
    }
  }
  return { sums, counts };
}

async function compare(
  compute: Compute,
  [width, height, windowPx]: readonly [number, number, number],
  reachPx: number,
) {
  const image = imageOf(width, height);
  const options = {
    ...{ windowPx, blockPx: 8, unusable: 4, mostPull: 2.5, reachPx },
    ...{ nearPx: 1, nearStep: 2, farStep: 3 },
  };
  const made = await sumNoiseProducts(compute, image, options);
  const { sums, counts } = oracle(image, options);
  // a pull at the limit may fall on the other side of it in float32
  counts.forEach((count, k) => assert.ok(Math.abs(count - made.counts[k]!) <= 2, `${k}`));
  sums.forEach((sum, k) => {
    const away = Math.abs(sum - made.sums[k]!);
    // products are of the order of 1, and rounded to 2 ** -24 of what a lane or a block has summed
    assert.ok(away <= 1e-6 * (1 + counts[k]!) + 6.25 * Math.abs(counts[k]! - made.counts[k]!));
  });
}

backendTest(
  "sumNoiseProducts() adds up the products of all pairs in the window",
  async (compute) => {
    await compare(compute, [60, 60, 60], 2);
    await compare(compute, [71, 33, 60], 3);
    await compare(compute, [90, 100, 60], 1);
    await compare(compute, [1100, 24, 1024], 5);
  },
  { bindingBytes: 1 << 16 },
);

backendTest(
  "sumNoiseProducts() of an image smaller than the offsets is nothing",
  async (compute) => {
    const options = {
      ...{ windowPx: 60, blockPx: 8, unusable: 4, mostPull: 3, reachPx: 5 },
      ...{ nearPx: 2, nearStep: 2, farStep: 8 },
    };
    const { counts } = await sumNoiseProducts(compute, imageOf(9, 40), options);
    assert.ok(counts.length === 121 && counts.every((count) => count === 0));
  },
);
