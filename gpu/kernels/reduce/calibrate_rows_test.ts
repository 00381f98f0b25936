import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { interpolate } from "../interpolate/interpolate.ts";
import { calibrateRows, type RawRowsAround, REPAIR_HALO } from "./calibrate_rows.ts";
import { finishRows } from "./finish_rows.ts";
import { reduceRows } from "./reduce_rows.ts";

const [WIDTH, ROWS] = [211, 47];
const N = WIDTH * ROWS;
const LAYOUT = { bitpix: 16, bscale: 1, bzero: 32768 } as const;
const REPAIR = { bits: 1, mark: 4, noData: 256 };
const BITS = { bad: 1, saturated: 2, noData: 256 };

function room(rows: number) {
  const floats = () => ({ raw: new Uint8Array(4 * WIDTH * rows), sums: new Uint32Array(2 * rows) });
  const raw = new Uint8Array(2 * WIDTH * rows);
  const mask = { raw, sums: new Uint32Array(2 * rows), counts: new Uint32Array(16 * rows) };
  return { image: floats(), weight: floats(), mask };
}

/** A frame with hot pixels, dead ones and a wide gap. */
function makeFrame() {
  const bytes = new Uint8Array(2 * N);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < N; i++) view.setInt16(2 * i, (i * 7919 + 1000) % 60000 - 32768);
  const image = (value: (i: number) => number) =>
    Float32Array.from({ length: N }, (_, i) => value(i));
  const masters = {
    bias: image((i) => 500 + i % 3),
    dark: image((i) => i % 97 === 0 ? 900 : i % 7),
    flat: image((i) => i % 131 === 0 ? 0.1 : 0.9 + i % 5 / 20),
  };
  return { bytes, masters };
}

backendTest(
  "calibrateRows() gives what its steps give one by one, cut anywhere",
  async (compute) => {
    const { bytes, masters } = makeFrame();
    const limits = { hotAbove: 100, flatBelow: 0.3, saturation: 50000, bits: BITS };
    const weighing = { gainEAdu: 0.8, readNoiseE: 3, darkScale: 1.5, zeroBits: 1 | 2 | 4 };
    const reduce = { ...masters, ...limits, darkScale: 1.5 };
    const weigh = {
      ...weighing,
      dark: masters.dark,
      flat: masters.flat,
      flatVariance: masters.flat,
    };
    const steps = room(ROWS);
    const reduced = { values: new Float32Array(N), mask: new Uint16Array(N) };
    await reduceRows(compute, { width: WIDTH, rows: ROWS, bytes, layout: LAYOUT }, reduced, reduce);
    const filled = { values: new Float32Array(N), mask: new Uint16Array(N) };
    await interpolate(compute, { width: WIDTH, ...reduced }, filled, REPAIR);
    await finishRows(compute, { width: WIDTH, ...filled }, steps, { weigh });

    const whole = room(ROWS);
    const rows: RawRowsAround = { width: WIDTH, rows: ROWS, bytes, layout: LAYOUT };
    await calibrateRows(compute, rows, whole, { reduce, repair: REPAIR, weigh });
    assert.deepEqual(whole, steps);

    const [first, count] = [11, 20];
    const part = room(count);
    const [from, to] = [first - REPAIR_HALO, first + count + REPAIR_HALO];
    const cut = (image: Float32Array) => image.subarray(from * WIDTH, to * WIDTH);
    const parts = { bias: cut(masters.bias), dark: cut(masters.dark), flat: cut(masters.flat) };
    await calibrateRows(
      compute,
      {
        ...{ width: WIDTH, rows: to - from, layout: LAYOUT, top: REPAIR_HALO, bottom: REPAIR_HALO },
        bytes: bytes.subarray(2 * WIDTH * from, 2 * WIDTH * to),
      },
      part,
      {
        reduce: { ...reduce, ...parts },
        repair: REPAIR,
        weigh: { ...weigh, dark: parts.dark, flat: parts.flat, flatVariance: parts.flat },
      },
    );
    const rowsOf = (raw: Uint8Array, size: number) =>
      raw.subarray(first * WIDTH * size, (first + count) * WIDTH * size);
    assert.deepEqual(part.image.raw, rowsOf(steps.image.raw, 4));
    assert.deepEqual(part.weight.raw, rowsOf(steps.weight.raw, 4));
    assert.deepEqual(part.mask.raw, rowsOf(steps.mask.raw, 2));
  },
  { bindingBytes: 211 * 4 * 19 },
);
