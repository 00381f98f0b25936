/**
 * Reducing a strip of a raw frame with bias, dark, flat and mask.
 *
 * Run with `deno bench -A gpu/kernels/reduce/reduce_bench.ts`.
 *
 * @module
 */

import { benchKernel, fillCounts, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { reduceRows } from "./reduce_rows.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;
const BITS = { bad: 1, saturated: 2, noData: 256 };
const LAYOUT = { bitpix: 16, bscale: 1, bzero: 32768 } as const;

await benchKernel({
  name: "reduce a uint16 frame",
  bytes: PIXELS * (2 + 3 * 4 + 4 + 2),
  prepare: (compute, room) => {
    const floats = (fill: number) => {
      const { buffer, byteOffset } = room(PIXELS * 4);
      return new Float32Array(buffer, byteOffset, PIXELS).fill(fill);
    };
    const bytes = room(PIXELS * 2);
    fillCounts(bytes);
    const marks = room(PIXELS * 2);
    const mask = new Uint16Array(marks.buffer, marks.byteOffset, PIXELS);
    const raw = { width: FRAME_WIDTH, rows: STRIP_ROWS, bytes, layout: LAYOUT };
    const result = { values: floats(0), mask };
    const masters = { bias: floats(500), dark: floats(3), flat: floats(1.1) };
    const limits = { darkScale: 2, hotAbove: 100, saturation: 60000, bits: BITS };
    return () => reduceRows(compute, raw, result, { ...masters, ...limits });
  },
});
