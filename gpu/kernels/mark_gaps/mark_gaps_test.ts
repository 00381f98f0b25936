import assert from "node:assert/strict";
import fc from "fast-check";
import type { Compute } from "../../compute.ts";
import { backendTest } from "../../testing.ts";
import { type GapPlanes, markGaps } from "./mark_gaps.ts";

const NO_DATA = 256, SAT = 2, STREAK = 1024, CLIPPED = 512;
const PLANES: GapPlanes = {
  ...{ noData: NO_DATA, saturated: SAT, level: 900 },
  conditional: { all: STREAK | CLIPPED, drop: STREAK },
};

/** The definition, pixel by pixel. */
function oracle(value: number, bits: number | undefined): { value: number; bits: number } {
  let planes = bits ?? (Number.isFinite(value) && value >= 900 ? SAT : 0);
  if (bits !== undefined && (bits & (STREAK | CLIPPED)) === (STREAK | CLIPPED)) planes &= ~STREAK;
  if (!Number.isFinite(value)) planes |= NO_DATA;
  return { value: planes & NO_DATA ? NaN : value, bits: planes };
}

async function compare(
  compute: Compute,
  width: number,
  rows: number,
  how: "none" | "file" | "own",
) {
  const pixels = width * rows;
  const view = new DataView(new ArrayBuffer(pixels * 4));
  const planes = new Uint16Array(pixels), file = new DataView(new ArrayBuffer(pixels * 2));
  const physical = Array.from({ length: pixels }, (_, i) => {
    const value = i % 7 === 3 ? NaN : i % 11 === 5 ? Infinity : Math.fround(i * 13.7 % 1000);
    view.setFloat32(4 * i, value);
    planes[i] = i % 5 === 0 ? (i * 2654435761) & 0xffff : 0;
    file.setInt16(2 * i, planes[i]! - 32768);
    return value;
  });
  const into = { values: new Float32Array(pixels), mask: new Uint16Array(pixels) };
  const mask = how === "none"
    ? {}
    : how === "file"
    ? { mask: new Uint8Array(file.buffer), swapMask: true }
    : { mask: new Uint8Array(planes.buffer) };
  const layout = { bitpix: -32, bscale: 1, bzero: 0 } as const;
  const stored = { width, rows, pixels: new Uint8Array(view.buffer), layout, ...mask };
  const known = await markGaps(compute, stored, PLANES, into);
  let expected = 0;
  physical.forEach((value, i) => {
    const right = oracle(value, how === "none" ? undefined : planes[i]!);
    assert.equal(into.mask[i], right.bits, `${i}`);
    assert.equal(into.values[i], right.value, `${i}`);
    if (!Number.isNaN(right.value)) expected++;
  });
  assert.equal(known, expected);
}

backendTest(
  "markGaps() gives every pixel without a value its plane, and the other way round",
  async (compute) => {
    const side = fc.integer({ min: 1, max: 40 });
    const how = fc.constantFrom("none" as const, "file" as const, "own" as const);
    await fc.assert(
      fc.asyncProperty(side, side, how, (width, rows, mask) => compare(compute, width, rows, mask)),
      { numRuns: 30 },
    );
  },
  { bindingBytes: 2048 },
);
