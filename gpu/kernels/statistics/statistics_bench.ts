/**
 * Percentiles and clipped moments of a strip.
 *
 * Run with `deno bench -A gpu/kernels/statistics/statistics_bench.ts`.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { clippedMoments, percentiles, type Rows } from "./statistics.ts";
import type { Compute } from "../../compute.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;

async function benchStatistics(
  name: string,
  work: (compute: Compute, image: Rows) => Promise<unknown>,
): Promise<void> {
  await benchKernel({
    name,
    bytes: PIXELS * 4,
    prepare: (compute, room) => {
      const { buffer, byteOffset } = room(PIXELS * 4);
      const values = new Float32Array(buffer, byteOffset, PIXELS);
      values.forEach((_, i) => values[i] = 1000 + (Math.imul(i, 2654435761) >>> 24));
      return async () => void await work(compute, { width: FRAME_WIDTH, values });
    },
  });
}

await benchStatistics("exact median", (compute, image) => percentiles(compute, image, [0.5]));
await benchStatistics("clipped mean and sigma", clippedMoments);
