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

async function benchCombine(
  type: "uint16" | "float32",
  frames: number,
  options: CombineOptions,
): Promise<void> {
  const size = type === "uint16" ? 2 : 4;
  const scatter = options.scatter === undefined ? "" : ` (${options.scatter})`;
  await benchKernel({
    name: `${options.method} of ${frames} ${type} frames${scatter}`,
    bytes: PIXELS * (size * frames + 4),
    prepare: (compute, room) => {
      const bytes = room(PIXELS * size * frames);
      if (type === "uint16") fillCounts(bytes);
      else fillFloats(new Float32Array(bytes.buffer, bytes.byteOffset, PIXELS * frames));
      const out = room(PIXELS * 4);
      const value = new Float32Array(out.buffer, out.byteOffset, PIXELS);
      const layout = type === "uint16" ? { layout: LAYOUT } : {};
      const stack = { frames, width: FRAME_WIDTH, rows: STRIP_ROWS, bytes, ...layout };
      return () => combineStrip(compute, stack, { value }, options);
    },
  });
}

function fillFloats(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    values[i] = 1 + (Math.imul(i, 2654435761) >>> 16) / 2 ** 20;
  }
}

for (const frames of [9, 21]) {
  await benchCombine("uint16", frames, { method: "median" });
  await benchCombine("uint16", frames, { method: "clipped-mean", scatter: "std" });
  await benchCombine("uint16", frames, { method: "clipped-mean", scatter: "mad" });
  await benchCombine("float32", frames, { method: "clipped-median", scatter: "mad" });
}
