/**
 * Decoding a strip of stored pixels.
 *
 * Run with `deno bench -A gpu/kernels/decode/decode_bench.ts`.
 *
 * @module
 */

import { benchKernel, fillCounts, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { decode, storedBytes, type StoredLayout } from "./decode.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;

const LAYOUTS: Readonly<Record<string, StoredLayout>> = {
  "decode uint16": { bitpix: 16, bscale: 1, bzero: 32768 },
  "decode scaled int16 with BLANK": { bitpix: 16, bscale: 0.5, bzero: 100, blank: -32768 },
  "decode float32": { bitpix: -32, bscale: 1, bzero: 0 },
};

for (const [name, layout] of Object.entries(LAYOUTS)) {
  const size = storedBytes(layout);
  await benchKernel({
    name,
    bytes: PIXELS * (size + 4),
    prepare: (compute, room) => {
      const raw = room(PIXELS * size);
      fillCounts(raw);
      const { buffer, byteOffset } = room(PIXELS * 4);
      const values = new Float32Array(buffer, byteOffset, PIXELS);
      return () => decode(compute, raw, values, { width: FRAME_WIDTH, ...layout });
    },
  });
}
