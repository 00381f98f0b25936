/**
 * Reducing a strip of a raw frame with bias, dark, flat and mask; and the same up to the bytes of its
 * files, bad pixels filled.
 *
 * Run with `deno bench -A gpu/kernels/reduce/reduce_bench.ts`.
 *
 * @module
 */

import { benchKernel, fillCounts, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { MASK_PLANES } from "../encode/encode.ts";
import { calibrateRows } from "./calibrate_rows.ts";
import { reduceRows } from "./reduce_rows.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;
const BITS = { bad: 1, saturated: 2, noData: 256 };
const LAYOUT = { bitpix: 16, bscale: 1, bzero: 32768 } as const;

type Room = (bytes: number) => Uint8Array;

const LIMITS = { darkScale: 2, hotAbove: 100, saturation: 60000, bits: BITS };

/** A strip of counts and its masters; a hot pixel in every thousand. */
function makeStrip(room: Room) {
  const floats = (fill: number) => {
    const { buffer, byteOffset } = room(PIXELS * 4);
    return new Float32Array(buffer, byteOffset, PIXELS).fill(fill);
  };
  const bytes = room(PIXELS * 2);
  fillCounts(bytes);
  const raw = { width: FRAME_WIDTH, rows: STRIP_ROWS, bytes, layout: LAYOUT };
  const masters = { bias: floats(500), dark: floats(3), flat: floats(1.1) };
  for (let i = 0; i < PIXELS; i += 1000) masters.dark[i] = 5000;
  return { raw, masters, floats };
}

await benchKernel({
  name: "reduce a uint16 frame",
  bytes: PIXELS * (2 + 3 * 4 + 4 + 2),
  prepare: (compute, room) => {
    const { raw, masters, floats } = makeStrip(room);
    const marks = room(PIXELS * 2);
    const mask = new Uint16Array(marks.buffer, marks.byteOffset, PIXELS);
    const result = { values: floats(0), mask };
    return () => reduceRows(compute, raw, result, { ...masters, ...LIMITS });
  },
});

await benchKernel({
  name: "calibrate a uint16 frame",
  bytes: PIXELS * (2 + 3 * 4 + 4 + 2),
  prepare: (compute, room) => {
    const { raw, masters } = makeStrip(room);
    const sums = () => new Uint32Array(2 * STRIP_ROWS);
    const counts = new Uint32Array(MASK_PLANES * STRIP_ROWS);
    const image = { raw: room(PIXELS * 4), sums: sums() };
    const mask = { raw: room(PIXELS * 2), sums: sums(), counts };
    const repair = { bits: BITS.bad, mark: 4, noData: BITS.noData };
    const reduce = { ...masters, ...LIMITS };
    return () => calibrateRows(compute, raw, { image, mask }, { reduce, repair });
  },
});
