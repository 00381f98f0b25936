import assert from "node:assert/strict";
import fc from "fast-check";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import type { StoredLayout } from "../decode/decode.ts";
import { type CombineOptions, combineStrip, MAX_FRAMES } from "./combine_strip.ts";
import { madToSigma, MEDIAN_VARIANCE } from "./clip_stack.ts";
import { foldMaskSums, foldSums, MASK_PLANES } from "../encode/encode.ts";
import { datasum } from "../../../fits/checksum.ts";

interface Truth {
  readonly value: number;
  readonly kept: number;
  readonly rejected: number;
  readonly variance: number;
  /** A sample so close to a limit that rounding decides. */
  readonly close: boolean;
}

const middle = (sorted: readonly number[]) => {
  const n = sorted.length;
  return n === 0 ? NaN : (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
};
const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The slow, obvious way, in float64. */
function oracle(samples: readonly number[], options: CombineOptions): Truth {
  const good = samples.map((v, k) => ({ v, w: options.weights?.[k] ?? 1 }))
    .filter(({ v }) => !Number.isNaN(v)).sort((a, b) => a.v - b.v);
  const clipped = options.method.startsWith("clipped")
    ? clipOracle(good.map(({ v }) => v), options)
    : { low: -Infinity, high: Infinity, close: false };
  const kept = good.filter(({ v }) => v >= clipped.low && v <= clipped.high);
  const values = kept.map(({ v }) => v);
  const median = options.method.endsWith("median");
  const weights = kept.map(({ w }) => median ? 1 : w);
  const total = weights.reduce((a, b) => a + b, 0);
  const mean = values.reduce((sum, v, i) => sum + v * weights[i]!, 0) / total;
  const spread = values.reduce((sum, v, i) => sum + weights[i]! * (v - mean) ** 2, 0) / total;
  const squares = weights.reduce((sum, w) => sum + w * w, 0);
  const factor = median && kept.length > 2 ? MEDIAN_VARIANCE : 1;
  return {
    value: median ? middle(values) : mean,
    kept: kept.length,
    rejected: good.length - kept.length,
    variance: factor * spread * kept.length / (kept.length - 1) * squares / total ** 2,
    close: clipped.close,
  };
}

function clipOracle(sorted: readonly number[], options: CombineOptions) {
  let kept = [...sorted];
  let close = false;
  for (let round = 0; round < (options.iterations ?? 5) && kept.length > 2; round++) {
    const centre = options.centre === "mean" ? meanOf(kept) : middle(kept);
    const away = kept.map((v) => Math.abs(v - centre)).sort((a, b) => a - b);
    const about = meanOf(kept);
    const scatter = options.scatter === "std"
      ? Math.sqrt(meanOf(kept.map((v) => (v - about) ** 2)))
      : middle(away) * madToSigma(kept.length);
    const reach = (options.clipSigma ?? 3) * Math.max(scatter, options.sigmaFloor ?? 0);
    close ||= away.some((a) => Math.abs(a - reach) < 1e-4 * (1 + reach));
    const next = kept.filter((v) => Math.abs(v - centre) <= reach);
    if (next.length === kept.length) break;
    kept = next;
  }
  return { low: kept[0] ?? NaN, high: kept.at(-1) ?? NaN, close };
}

/** Runs the kernel on pixels given as `[pixels][frames]`. */
async function combine(
  compute: Compute,
  pixels: readonly (readonly number[])[],
  options: CombineOptions,
  layout?: StoredLayout,
) {
  const frames = pixels[0]!.length;
  const width = pixels.length;
  const stack = layout
    ? encodeShorts(pixels)
    : Float32Array.from({ length: frames * width }, (_, i) =>
      pixels[i % width]![Math.floor(i / width)]!);
  const result = {
    value: new Float32Array(width),
    kept: new Uint16Array(width),
    rejected: new Uint16Array(width),
    variance: new Float32Array(width),
  };
  const bytes = new Uint8Array(stack.buffer);
  const input = { frames, width, rows: 1, bytes, ...(layout && { layout }) };
  await combineStrip(compute, input, result, options);
  return result;
}

/** Big-endian, BZERO 32768. */
function encodeShorts(pixels: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const width = pixels.length;
  const plane = Math.ceil(width * 2);
  const view = new DataView(new ArrayBuffer(plane * pixels[0]!.length));
  pixels.forEach((samples, i) =>
    samples.forEach((v, k) => view.setInt16(k * plane + 2 * i, v - 32768))
  );
  return new Uint8Array(view.buffer);
}

function near(value: number, truth: number, tolerance: number, what: string): void {
  if (Number.isNaN(truth)) return assert.ok(Number.isNaN(value), `${what}: ${value} is not NaN`);
  assert.ok(Math.abs(value - truth) <= tolerance, `${what}: ${value} is not ${truth}`);
}

const optionSets: fc.Arbitrary<CombineOptions> = fc.record({
  method: fc.constantFrom("median", "mean", "clipped-median", "clipped-mean"),
  scatter: fc.constantFrom("mad", "std"),
  centre: fc.constantFrom("median", "mean"),
  clipSigma: fc.constantFrom(2.01, 3.03),
  sigmaFloor: fc.constantFrom(0.503, 8.01),
});

const counts = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 900, max: 1100 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 65535 }) },
);

const stackOf = (sample: fc.Arbitrary<number>) =>
  fc.integer({ min: 1, max: 40 }).chain((k) =>
    fc.array(fc.array(sample, { minLength: k, maxLength: k }), { minLength: 1, maxLength: 70 })
  );

function assertEqual(
  result: Awaited<ReturnType<typeof combine>>,
  pixels: readonly (readonly number[])[],
  options: CombineOptions,
): void {
  pixels.forEach((samples, i) => {
    const truth = oracle(samples, options);
    if (truth.close) return;
    assert.equal(result.kept[i], truth.kept);
    assert.equal(result.rejected[i], truth.rejected);
    const size = Math.max(0, ...samples.filter((v) => v === v));
    near(result.value[i]!, truth.value, size * samples.length * 2 ** -24, "value");
    if (truth.kept > 1) {
      near(result.variance[i]!, truth.variance, 1e-4 * truth.variance + 1e-3, "variance");
    }
  });
}

backendTest("combineStrip() agrees with a float64 oracle on floats with gaps", async (compute) => {
  const sample = fc.oneof({ weight: 9, arbitrary: counts }, {
    weight: 1,
    arbitrary: fc.constant(NaN),
  });
  await fc.assert(
    fc.asyncProperty(stackOf(sample), optionSets, async (pixels, options) => {
      assertEqual(await combine(compute, pixels, options), pixels, options);
    }),
    { numRuns: compute.backend.kind === "cpu" ? 200 : 60 },
  );
});

backendTest("combineStrip() takes the file's 16-bit integers as they are", async (compute) => {
  const layout = { bitpix: 16, bscale: 1, bzero: 32768 } as const;
  await fc.assert(
    fc.asyncProperty(stackOf(counts), optionSets, async (pixels, options) => {
      const even = pixels.length % 2 === 0 ? pixels : [...pixels, pixels[0]!];
      assertEqual(await combine(compute, even, options, layout), even, options);
    }),
    { numRuns: compute.backend.kind === "cpu" ? 200 : 60 },
  );
});

backendTest("combineStrip() weights a clipped mean", async (compute) => {
  const pixels = [[10, 20, 12, 900, 11, 10], [5, 5, NaN, 5, 6, 4]];
  const weights = [3, 1, 2, 1, 0.5, 1];
  const options = { method: "clipped-mean", weights, sigmaFloor: 2 } as const;
  assertEqual(await combine(compute, pixels, options), pixels, options);
});

backendTest("combineStrip() propagates the variances given", async (compute) => {
  const options = { method: "mean", weights: [3, 1], variances: [4, 12] } as const;
  const { value, variance } = await combine(compute, [[10, 20]], options);
  assert.equal(value[0], 12.5);
  assert.equal(variance[0], (9 * 4 + 12) / 16);
});

backendTest("combineStrip() gives exact medians of any number of frames", async (compute) => {
  for (const frames of [1, 2, 3, 9, 10, 21, 64, 101, MAX_FRAMES]) {
    const pixels = Array.from(
      { length: 130 },
      (_, i) =>
        Array.from({ length: frames }, (_, k) => (Math.imul(i * 977 + k, 2654435761) >>> 17) + 300),
    );
    const layout = { bitpix: 16, bscale: 1, bzero: 32768 } as const;
    const width = pixels.length;
    const value = new Float32Array(width);
    const bytes = encodeShorts(pixels);
    await combineStrip(compute, { frames, width, rows: 1, bytes, layout }, { value }, {
      method: "median",
    });
    const truth = pixels.map((samples) => middle(samples.toSorted((a, b) => a - b)));
    assert.deepEqual([...value], truth);
  }
});

backendTest("combineStrip() cuts a strip that no binding could hold", async (compute) => {
  const [frames, width, rows] = [5, 1001, 70];
  const stack = Float32Array.from(
    { length: frames * width * rows },
    (_, i) => Math.floor(i / (width * rows)) * 10 + i % 7,
  );
  const value = new Float32Array(width * rows);
  const bytes = new Uint8Array(stack.buffer);
  await combineStrip(compute, { frames, width, rows, bytes }, { value }, { method: "median" });
  value.forEach((v, i) => {
    const samples = Array.from({ length: frames }, (_, k) => stack[k * width * rows + i]!);
    assert.equal(v, middle(samples.sort((a, b) => a - b)));
  });
}, { bindingBytes: 1 << 16 });

backendTest("combineStrip() gives results as files have them, with their sums", async (compute) => {
  for (const width of [64, 37]) {
    const [frames, rows] = [5, 3];
    const pixels = width * rows;
    const stack = Float32Array.from(
      { length: frames * pixels },
      (_, i) => 1000 + (Math.imul(i, 2654435761) >>> 22),
    );
    const arrays = {
      value: new Float32Array(pixels),
      variance: new Float32Array(pixels),
      kept: new Uint16Array(pixels),
      rejected: new Uint16Array(pixels),
    };
    const room = (bytes: number) => ({
      raw: new Uint8Array(pixels * bytes),
      sums: new Uint32Array(2 * rows),
    });
    const [encoded, encodedVariance] = [room(4), room(4)];
    const encodedKept = { ...room(2), counts: new Uint32Array(MASK_PLANES * rows) };
    await combineStrip(
      compute,
      { frames, width, rows, bytes: new Uint8Array(stack.buffer) },
      { ...arrays, encoded, encodedVariance, encodedKept },
      { method: "clipped-mean", scatter: "std", clipSigma: 1.2 },
    );
    assert.ok(arrays.rejected.some((count) => count > 0));
    const viewOf = ({ raw }: { raw: Uint8Array }) => new DataView(raw.buffer);
    const floats = (view: DataView) => arrays.value.map((_, i) => view.getFloat32(4 * i));
    assert.deepEqual(floats(viewOf(encoded)), arrays.value);
    assert.deepEqual(floats(viewOf(encodedVariance)), arrays.variance);
    const counts = viewOf(encodedKept);
    assert.deepEqual(arrays.kept.map((_, i) => counts.getInt16(2 * i) + 32768), arrays.kept);
    assert.equal(foldSums(encoded.sums), datasum(encoded.raw));
    assert.equal(foldSums(encodedVariance.sums), datasum(encodedVariance.raw));
    const sum = foldMaskSums(encodedKept.sums, width);
    assert.equal(sum, width % 2 === 0 ? datasum(encodedKept.raw) : undefined);
  }
});
