/**
 * Combining strips of 9 and 21 raw frames.
 *
 * Run with `deno bench -A gpu/kernels/clip_stack/clip_stack_bench.ts`.
 *
 * @module
 */

import { benchKernel, fillCounts, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { type CombineOptions, combineStrip } from "./combine_strip.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;
const LAYOUT = { bitpix: 16, bscale: 1, bzero: 32768 } as const;

async function benchCombine(frames: number, options: CombineOptions): Promise<void> {
  await benchKernel({
    name: `${options.method} of ${frames} uint16 frames${
      options.scatter === "std" ? " (std)" : ""
    }`,
    bytes: PIXELS * (2 * frames + 4),
    prepare: (compute, room) => {
      const bytes = room(PIXELS * 2 * frames);
      fillCounts(bytes);
      const out = room(PIXELS * 4);
      const value = new Float32Array(out.buffer, out.byteOffset, PIXELS);
      const stack = { frames, width: FRAME_WIDTH, rows: STRIP_ROWS, bytes, layout: LAYOUT };
      return () => combineStrip(compute, stack, { value }, options);
    },
  });
}

for (const frames of [9, 21]) {
  await benchCombine(frames, { method: "median" });
  await benchCombine(frames, { method: "clipped-mean", scatter: "std" });
  await benchCombine(frames, { method: "clipped-mean", scatter: "mad" });
}
