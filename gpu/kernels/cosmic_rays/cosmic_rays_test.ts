import assert from "node:assert/strict";
import { openCompute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { type CosmicRayOptions, removeCosmicRays } from "./cosmic_rays.ts";
import { makeRayField, type RayField } from "./ray_field.ts";

const OPTIONS: CosmicRayOptions = {
  gainEAdu: 0.8,
  readNoiseE: 5,
  bit: 8,
  ignoreBits: 1 | 2 | 256,
};

/** The method as published, in float64 and without any care for speed. */
function oracle(field: RayField, options: CosmicRayOptions): Uint16Array {
  const { width, height } = field;
  const { gainEAdu: gain, readNoiseE, bit, ignoreBits } = options;
  const place = (x: number, y: number) =>
    Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x));
  const middle = (list: number[]) => {
    list.sort((a, b) => a - b);
    return (list[(list.length - 1) >> 1]! + list[list.length >> 1]!) / 2;
  };
  const each = (work: (x: number, y: number, i: number) => number) =>
    Float64Array.from(
      { length: width * height },
      (_, i) => work(i % width, Math.floor(i / width), i),
    );
  const reach = (n: number) => Array.from({ length: 2 * n + 1 }, (_, k) => k - n);
  const median = (image: Float64Array, n: number) =>
    each((x, y) =>
      middle(reach(n).flatMap((dy) => reach(n).map((dx) => image[place(x + dx, y + dy)]!)))
    );
  const mask = field.mask.slice();
  const fill = (image: Float64Array, unusable: number, replaced: number) =>
    each((x, y, i) => {
      if ((mask[i]! & replaced) === 0 && !Number.isNaN(image[i])) return image[i]!;
      const good: number[] = [];
      for (const dy of reach(2)) {
        for (const dx of reach(2)) {
          const at = place(x + dx, y + dy);
          const inside = at === (y + dy) * width + x + dx && x + dx >= 0 && x + dx < width;
          if (inside && (mask[at]! & unusable) === 0 && !Number.isNaN(image[at])) {
            good.push(image[at]!);
          }
        }
      }
      return good.length > 0 ? middle(good) : Number.isNaN(image[i]) ? 0 : image[i]!;
    });
  let image = fill(Float64Array.from(field.values), ignoreBits, ignoreBits);
  for (let round = 0; round < 4; round++) {
    const noise = median(image, 2).map((level) =>
      Math.sqrt(Math.max(level, 1e-5) / gain + (readNoiseE / gain) ** 2)
    );
    // subsampled by two as published: each pixel becomes four
    const signal = each((x, y, i) => {
      let sum = 0;
      for (const dx of [-1, 1]) {
        for (const dy of [-1, 1]) {
          const c = image[i]!;
          sum += Math.max(0, 4 * c - c - c - image[place(x + dx, y)]! - image[place(x, y + dy)]!);
        }
      }
      return sum / 4 / (2 * noise[i]!);
    });
    const large = median(signal, 2);
    const excess = signal.map((s, i) => s - large[i]!);
    const small = median(image, 1);
    const wide = median(small, 3);
    const good = (i: number) => (mask[i]! & ignoreBits) === 0;
    let flags = each((_x, _y, i) => {
      const fine = Math.max(0.01, (small[i]! - wide[i]!) / noise[i]!);
      return good(i) && excess[i]! > 4.5 && excess[i]! / fine > 5 ? 1 : 0;
    });
    for (const limit of [4.5, 4.5 * 0.3]) {
      const before = flags;
      flags = each((x, y, i) => {
        const near = reach(1).some((dy) =>
          reach(1).some((dx) => before[place(x + dx, y + dy)] === 1)
        );
        return near && good(i) && excess[i]! > limit ? 1 : 0;
      });
    }
    let found = 0;
    flags.forEach((flag, i) => {
      if (flag === 1 && (mask[i]! & bit) === 0) found++;
      if (flag === 1) mask[i]! |= bit;
    });
    image = fill(image, ignoreBits | bit, bit);
    if (found === 0) break;
  }
  return mask;
}

backendTest("removeCosmicRays() flags what the published method flags", async (compute) => {
  const field = makeRayField(131, 97, 5);
  const truth = oracle(field, OPTIONS);
  const { mask, values, pixels } = await removeCosmicRays(compute, field, OPTIONS);
  const flagged = truth.reduce((n, bits) => n + (bits & 8 ? 1 : 0), 0);
  const different = mask.reduce((n, bits, i) => n + (bits === truth[i] ? 0 : 1), 0);
  assert.ok(flagged > 20 && pixels > 20);
  // float32 decides the few that lie on a limit
  assert.ok(different <= Math.max(1, flagged * 0.01), `${different} of ${flagged}`);
  assert.ok(values.every((v, i) => (mask[i]! & 8) !== 0 || Object.is(v, field.values[i])));
});

backendTest("removeCosmicRays() finds the rays and leaves the stars", async (compute) => {
  const [width, height] = compute.backend.kind === "cpu" ? [600, 600] : [260, 260];
  const field = makeRayField(width, height, 11);
  const { mask, values } = await removeCosmicRays(compute, field, OPTIONS);
  const count = (kind: number, hit: boolean) =>
    field.truth.reduce((n, t, i) => n + (t === kind && ((mask[i]! & 8) !== 0 || !hit) ? 1 : 0), 0);
  assert.ok(
    count(1, true) / count(1, false) >= 0.95,
    `rays ${count(1, true)} of ${count(1, false)}`,
  );
  assert.ok(
    count(2, true) / count(2, false) < 0.01,
    `stars ${count(2, true)} of ${count(2, false)}`,
  );
  assert.ok(values.every((v, i) => field.truth[i] !== 1 || (mask[i]! & 8) === 0 || v < 1500));
});

backendTest("removeCosmicRays() gives the same whatever the strips", async (compute) => {
  using whole = await openCompute({ device: "cpu", cpu: { threads: 1 } });
  const field = makeRayField(75, 120, 8);
  const { mask } = await removeCosmicRays(compute, field, OPTIONS);
  assert.deepEqual(mask, (await removeCosmicRays(whole, field, OPTIONS)).mask);
}, { bindingBytes: 75 * 4 * 30 });
