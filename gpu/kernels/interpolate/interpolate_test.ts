import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import {
  interpolate,
  type InterpolateOptions,
  type InterpolateRows,
  windowWeights,
} from "./interpolate.ts";

/** The definition, in float64, for a whole image. */
function oracle({ values, mask, width }: InterpolateRows, options: InterpolateOptions) {
  const { bits, avoid = 0, mark, noData, radiusPx: r = 2, reachPx = 8 } = options;
  const height = mask.length / width;
  const weights = windowWeights(options);
  const usable = (x: number, y: number) =>
    x >= 0 && x < width && y >= 0 && y < height && Number.isFinite(values[y * width + x]) &&
    (mask[y * width + x]! & (bits | avoid)) === 0;
  const around = (x: number, y: number) => {
    let [total, sum, right, down] = [0, 0, 0, 0];
    for (let i = 0; i < weights.length; i++) {
      const [dx, dy] = [i % (2 * r + 1) - r, Math.floor(i / (2 * r + 1)) - r];
      if (!usable(x + dx, y + dy)) continue;
      total += weights[i]!;
      sum += weights[i]! * values[(y + dy) * width + x + dx]!;
      right += weights[i]! * dx;
      down += weights[i]! * dy;
    }
    return Math.max(Math.abs(right), Math.abs(down)) <= 0.45 * total ? sum / total : NaN;
  };
  const along = (x: number, y: number) => {
    const ways = Array.from({ length: reachPx }, (_, i) => i + 1);
    const left = ways.find((way) => usable(x - way, y));
    const right = ways.find((way) => usable(x + way, y));
    const at = (dx: number) => values[y * width + x + dx]!;
    if (left === undefined) return right === undefined ? NaN : at(right);
    return right === undefined
      ? at(-left)
      : (at(-left) * right + at(right) * left) / (left + right);
  };
  return Array.from(mask, (planes, i) => {
    if ((planes & bits) === 0) return { value: values[i]!, planes };
    const [x, y] = [i % width, Math.floor(i / width)];
    const mean = around(x, y);
    const value = Number.isNaN(mean) ? along(x, y) : mean;
    return { value, planes: planes | (Number.isNaN(value) ? noData : mark) };
  });
}

/** An image with bad pixels, columns of one to forty, gaps and pixels to avoid. */
function damaged(width: number, height: number): InterpolateRows {
  let state = width;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const values = Float32Array.from(
    { length: width * height },
    () => next() < 0.01 ? [NaN, Infinity][Math.floor(next() * 2)]! : 500 + 100 * next(),
  );
  const mask = Uint16Array.from(
    values,
    () => next() < 0.1 ? [1, 2, 4][Math.floor(next() * 3)]! : 0,
  );
  for (const [first, columns] of [[0, 2], [9, 1], [20, 2], [30, 5], [50, 40]] as const) {
    for (let y = 0; y < height; y++) mask.fill(1, y * width + first, y * width + first + columns);
  }
  return { width, values, mask };
}

const BITS = { bits: 1, avoid: 2, mark: 8, noData: 256 };

backendTest(
  "interpolate() fills pixels and columns as its oracle does, however it is cut",
  async (compute) => {
    const ulps = compute.backend.kind === "cpu" ? 2 : 32;
    const laws = [
      {},
      { weights: { inversePower: 2 }, radiusPx: 1 },
      { weights: { gaussianSigmaPx: 1.5 }, radiusPx: 3, reachPx: 30 },
    ];
    let [filled, empty] = [0, 0];
    for (const law of laws) {
      const image = damaged(131, 47);
      const options = { ...BITS, ...law };
      const into = {
        values: new Float32Array(image.values.length),
        mask: new Uint16Array(image.mask.length),
      };
      await interpolate(compute, image, into, options);
      const truth = oracle(image, options);
      for (const [i, { value, planes }] of truth.entries()) {
        assert.equal(into.mask[i], planes);
        const apart = Math.abs(into.values[i]! - value);
        const same = Object.is(into.values[i], value);
        assert.ok(same || apart <= ulps * 2 ** -24 * 600, `${into.values[i]} for ${value} at ${i}`);
        if ((planes & 8) !== 0) filled++;
        if ((planes & 256) !== 0) empty++;
      }
    }
    assert.ok(filled > 500 && empty > 100, `${filled} filled, ${empty} not`);
  },
  { bindingBytes: 10_000 },
);

backendTest(
  "interpolate() takes rows above and below into account and leaves them out of the result",
  async (compute) => {
    const whole = damaged(77, 40);
    const all = {
      values: new Float32Array(whole.values.length),
      mask: new Uint16Array(whole.mask.length),
    };
    await interpolate(compute, whole, all, BITS);
    const cut = (from: number, to: number) => ({
      values: whole.values.subarray(from * 77, to * 77),
      mask: whole.mask.subarray(from * 77, to * 77),
    });
    const part = { values: new Float32Array(20 * 77), mask: new Uint16Array(20 * 77) };
    await interpolate(compute, { ...cut(9, 33), width: 77, top: 2, bottom: 2 }, part, BITS);
    assert.deepEqual(part.values, all.values.slice(11 * 77, 31 * 77));
    assert.deepEqual(part.mask, all.mask.slice(11 * 77, 31 * 77));
  },
);

backendTest("interpolate() keeps a tilted plane in pixels and columns alike", async (compute) => {
  const [width, height] = [40, 30];
  const plane = Float32Array.from(
    { length: width * height },
    (_, i) => 10 + i % width + 2 * Math.floor(i / width),
  );
  const mask = new Uint16Array(plane.length);
  for (let y = 1; y < height - 1; y++) {
    mask[y * width + 10] = mask[y * width + 11] = 1;
    mask.fill(1, y * width + 20, y * width + 26);
  }
  mask[5 * width + 5] = mask[15 * width + 30] = 1;
  const values = plane.map((value, i) => mask[i] ? 9999 : value);
  const into = { values: new Float32Array(plane.length), mask: new Uint16Array(plane.length) };
  await interpolate(compute, { width, values, mask }, into, BITS);
  for (let i = 0; i < plane.length; i++) {
    const ends = mask[i] !== 0 && (i < 4 * width || i >= (height - 4) * width);
    assert.ok(ends || Math.abs(into.values[i]! - plane[i]!) < 1e-4, `${into.values[i]} at ${i}`);
  }
  assert.ok(into.mask.every((planes, i) => planes === (mask[i] ? 9 : 0)));
});

backendTest(
  "interpolate() fills a frame of more bytes than the 128 MiB that a binding holds by default",
  async (compute) => {
    const [width, height] = [9576, 3600];
    const planeAt = (x: number, y: number) => 100 + x / 8 + y / 4; // exact in float32
    const isBad = (x: number, y: number) =>
      x === 4000 ||
      ((x + 37 * y) % 1009 === 500 && Math.abs(x - 4000) > 4 && x > 4 && x < width - 5);
    using room = compute.allocate(width * height * 12);
    const { buffer, byteOffset } = room.bytes;
    const floats = (first: number) => new Float32Array(buffer, byteOffset + 4 * first, pixels);
    const shorts = (first: number) => new Uint16Array(buffer, byteOffset + 4 * first, pixels);
    const pixels = width * height;
    assert.ok(pixels * 4 > 2 ** 27);
    const rows = { width, values: floats(0), mask: shorts(2 * pixels) };
    const into = { values: floats(pixels), mask: shorts(2.5 * pixels) };
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        rows.mask[i] = isBad(x, y) ? 1 : 0;
        rows.values[i] = isBad(x, y) ? 60000 : planeAt(x, y);
      }
    }
    await interpolate(compute, rows, into, BITS);
    let wrong = 0;
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const bad = isBad(x, y);
        // the window of the first and last rows has more on one side
        const reach = y < 2 || y >= height - 2 ? 1 : 1e-3;
        const near = Math.abs(into.values[i]! - planeAt(x, y)) <= (bad ? reach : 0);
        if (!near || into.mask[i] !== (bad ? 9 : 0)) wrong++;
      }
    }
    assert.equal(wrong, 0);
  },
  { bindingBytes: 2 ** 27 },
);
