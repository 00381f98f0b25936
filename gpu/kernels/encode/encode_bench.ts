/**
 * Encoding a strip of an image and of its mask, with checksums and counts.
 *
 * Run with `deno bench -A gpu/kernels/encode/encode_bench.ts`.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { encodeFloats, encodeMask, MASK_PLANES } from "./encode.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;
const width = FRAME_WIDTH;

await benchKernel({
  name: "encode float32",
  bytes: PIXELS * 8,
  prepare: (compute, room) => {
    const { buffer, byteOffset } = room(PIXELS * 4);
    const values = new Float32Array(buffer, byteOffset, PIXELS).fill(1000);
    const encoded = { raw: room(PIXELS * 4), sums: new Uint32Array(2 * STRIP_ROWS) };
    return () => encodeFloats(compute, values, encoded, { width });
  },
});

await benchKernel({
  name: "encode a mask",
  bytes: PIXELS * 4,
  prepare: (compute, room) => {
    const { buffer, byteOffset } = room(PIXELS * 2);
    const mask = new Uint16Array(buffer, byteOffset, PIXELS);
    for (let i = 0; i < PIXELS; i += 1000) mask[i] = 5;
    const sums = new Uint32Array(2 * STRIP_ROWS);
    const counts = new Uint32Array(MASK_PLANES * STRIP_ROWS);
    const encoded = { raw: room(PIXELS * 2), sums, counts };
    return () => encodeMask(compute, mask, encoded, { width });
  },
});
