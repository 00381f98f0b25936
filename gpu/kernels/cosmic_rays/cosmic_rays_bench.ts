/**
 * Cosmic rays of a strip of a frame, one round.
 *
 * Run with `deno bench -A gpu/kernels/cosmic_rays/cosmic_rays_bench.ts`.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { removeCosmicRays } from "./cosmic_rays.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;

await benchKernel({
  name: "cosmic rays, one round",
  bytes: PIXELS * (4 + 2 + 4 + 2),
  prepare: (compute) => {
    const values = new Float32Array(PIXELS).map((_, i) => 800 + (Math.imul(i, 2654435761) >>> 26));
    for (let i = 0; i < PIXELS; i += 2003) values[i]! += 5000;
    const frame = { width: FRAME_WIDTH, values, mask: new Uint16Array(PIXELS) };
    const options = { gainEAdu: 1, readNoiseE: 5, bit: 8, ignoreBits: 1, iterations: 1 };
    return async () => void await removeCosmicRays(compute, frame, options);
  },
});
