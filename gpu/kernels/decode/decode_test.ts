import assert from "node:assert/strict";
import fc from "fast-check";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { decode, storedBytes, type StoredLayout } from "./decode.ts";

type Stored = bigint | number;

/** Float64 oracle, one pixel at a time, through a DataView. */
function decodeOne(raw: DataView, i: number, layout: StoredLayout): number {
  const { bitpix, bscale, bzero, blank } = layout;
  const stored = readOne(raw, i * storedBytes(layout), bitpix);
  if (bitpix > 0 && blank !== undefined && BigInt(stored) === BigInt(blank)) return NaN;
  if (bitpix === 64 && bscale === 1 && Number.isInteger(bzero)) {
    return Number(BigInt(stored) + BigInt(bzero));
  }
  return Number(stored) * bscale + bzero;
}

function readOne(raw: DataView, at: number, bitpix: StoredLayout["bitpix"]): Stored {
  switch (bitpix) {
    case 8:
      return raw.getUint8(at);
    case 16:
      return raw.getInt16(at);
    case 32:
      return raw.getInt32(at);
    case 64:
      return raw.getBigInt64(at);
    case -32:
      return raw.getFloat32(at);
    case -64:
      return raw.getFloat64(at);
  }
}

const BITPIX = [8, 16, 32, 64, -32, -64] as const;

const layouts: fc.Arbitrary<StoredLayout> = fc.constantFrom(...BITPIX).chain((bitpix) =>
  fc.constantFrom<Omit<StoredLayout, "bitpix">>(
    { bscale: 1, bzero: 0 },
    { bscale: 0.0125, bzero: -17.25 },
    bitpix > 8 ? { bscale: 1, bzero: 2 ** (bitpix - 1) } : { bscale: 1, bzero: -128 },
    { bscale: 1, bzero: 0, blank: bitpix === 8 ? 7 : -7 },
    { bscale: 2, bzero: 5, blank: bitpix === 64 ? -(2n ** 63n) : 3 },
  ).map((rest) => ({ bitpix, ...rest }))
);

/** The type's own form of an integer or a real of ordinary size. */
function encode(values: readonly Stored[], { bitpix }: StoredLayout): Uint8Array<ArrayBuffer> {
  const size = Math.abs(bitpix) / 8;
  const view = new DataView(new ArrayBuffer(values.length * size));
  values.forEach((value, i) => {
    if (bitpix === -32) view.setFloat32(i * 4, Number(value));
    else if (bitpix === -64) view.setFloat64(i * 8, Number(value));
    else if (bitpix === 64) view.setBigInt64(i * 8, BigInt(value));
    else if (bitpix === 32) view.setInt32(i * 4, Number(BigInt.asIntN(32, BigInt(value))));
    else if (bitpix === 16) view.setInt16(i * 2, Number(BigInt.asIntN(16, BigInt(value))));
    else view.setUint8(i, Number(BigInt.asUintN(8, BigInt(value))));
  });
  return new Uint8Array(view.buffer);
}

async function assertDecodes(
  compute: Compute,
  values: readonly Stored[],
  layout: StoredLayout,
): Promise<void> {
  const raw = encode(values, layout);
  const out = new Float32Array(values.length);
  await decode(compute, raw, out, { ...layout, width: values.length });
  const view = new DataView(raw.buffer);
  out.forEach((value, i) => {
    const truth = decodeOne(view, i, layout);
    if (Number.isNaN(truth)) return assert.ok(Number.isNaN(value), `pixel ${i}: ${value}`);
    // each term is rounded to float32, then their product and sum; int64 in two halves
    const terms = Math.abs(truth - layout.bzero) + Math.abs(truth) + Math.abs(layout.bzero);
    const tolerance = compute.backend.kind === "cpu"
      ? 2 ** -24 * Math.abs(truth)
      : 2 ** -22 * terms;
    assert.ok(Math.abs(value - truth) <= tolerance, `pixel ${i}: ${value} for ${truth}`);
  });
}

const stored: fc.Arbitrary<Stored> = fc.oneof(
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  fc.integer({ min: -40000, max: 40000 }).map(BigInt),
);

backendTest("decode() gives what the FITS standard says for every BITPIX", async (compute) => {
  await fc.assert(
    fc.asyncProperty(
      layouts,
      fc.array(stored, { minLength: 1, maxLength: 70 }),
      (layout, values) => assertDecodes(compute, [0n, ...values], layout),
    ),
    { numRuns: compute.backend.kind === "cpu" ? 300 : 120 },
  );
});

backendTest("decode() reads reals with fractions, NaN and infinity", async (compute) => {
  const reals = [0.1, -1e-30, 3.4e38, 1 / 3, NaN, Infinity, -Infinity, 1 + 2 ** -24, 0];
  for (const bitpix of [-32, -64] as const) {
    await assertReals(compute, reals, { bitpix, bscale: 1, bzero: 0 });
  }
});

async function assertReals(
  compute: Compute,
  reals: readonly number[],
  layout: StoredLayout,
): Promise<void> {
  const out = new Float32Array(reals.length);
  await decode(compute, encode(reals, layout), out, { ...layout, width: reals.length });
  assert.deepEqual([...out], reals.map(Math.fround));
}

backendTest("decode() cuts a strip of an odd width that no binding could hold", async (compute) => {
  const [width, rows] = [4099, 301];
  const values = Uint16Array.from({ length: width * rows }, (_, i) => i * 40503 >>> 3);
  const raw = new Uint8Array(values.length * 2);
  const view = new DataView(raw.buffer);
  values.forEach((value, i) => view.setUint16(2 * i, value ^ 0x8000));
  const out = new Float32Array(values.length);
  await decode(compute, raw, out, { bitpix: 16, bscale: 1, bzero: 32768, width });
  assert.ok(out.every((value, i) => value === values[i]));
}, { bindingBytes: 1 << 20 });
