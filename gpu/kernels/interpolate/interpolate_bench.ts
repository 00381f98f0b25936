/**
 * Bad pixels of a strip of a frame: one in 300 and a column of two.
 *
 * Run with `deno bench -A gpu/kernels/interpolate/interpolate_bench.ts`.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { interpolate } from "./interpolate.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;

await benchKernel({
  name: "bad pixels filled",
  bytes: PIXELS * 2 * (4 + 2),
  prepare: (compute, room) => {
    const image = () => {
      const { buffer, byteOffset } = room(PIXELS * 6);
      return {
        values: new Float32Array(buffer, byteOffset, PIXELS),
        mask: new Uint16Array(buffer, byteOffset + 4 * PIXELS, PIXELS),
      };
    };
    const [rows, into] = [image(), image()];
    for (let i = 0; i < PIXELS; i++) {
      const hash = Math.imul(i, 2654435761) >>> 0;
      rows.values[i] = 800 + (hash >>> 26);
      rows.mask[i] = hash % 300 === 0 || Math.abs(i % FRAME_WIDTH - 4000.5) < 1 ? 1 : 0;
    }
    const options = { bits: 1, mark: 8, noData: 256 };
    return () => interpolate(compute, { ...rows, width: FRAME_WIDTH }, into, options);
  },
});
