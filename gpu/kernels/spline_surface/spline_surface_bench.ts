/**
 * A background taken off a strip of a frame.
 *
 * Run with `deno bench -A gpu/kernels/spline_surface/spline_surface_bench.ts`.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { laySurface } from "./spline_surface.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;

await benchKernel({
  name: "surface taken off",
  bytes: PIXELS * (4 + 4),
  prepare: (compute, room) => {
    const floats = () => {
      const { buffer, byteOffset } = room(PIXELS * 4);
      return new Float32Array(buffer, byteOffset, PIXELS);
    };
    const [image, into] = [floats().fill(1000), floats()];
    const [columns, rows, meshPx] = [Math.ceil(FRAME_WIDTH / 64), STRIP_ROWS / 64, 64];
    const nodes = Float32Array.from(
      { length: columns * rows * 4 },
      (_, i) => i % 4 === 0 ? 1000 + i % 50 : i % 3,
    );
    const surface = { columns, rows, meshPx, nodes };
    return () => laySurface(compute, surface, { width: FRAME_WIDTH, image, into });
  },
});
