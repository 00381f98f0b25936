/**
 * Resampling frames to a strip of a stack and combining them.
 *
 * Run with `deno bench -A gpu/kernels/join_layers/join_layers_bench.ts`. What a mean takes less
 * than a clipped one is sorting and clipping.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import type { CombineMethod } from "../clip_stack/clip_stack.ts";
import { fixedMesh } from "../resample/fixed_mesh.ts";
import { coordinateMesh } from "../resample/mesh.ts";
import type { SourceRows } from "../resample/resample_rows.ts";
import { joinLayers } from "./join_layers.ts";

const PLANES = { excluded: 3, sat: 2, noData: 256, clipped: 512, rejected: 2048 };
const SIZE = { width: FRAME_WIDTH, rows: STRIP_ROWS };
const PIXELS = SIZE.width * SIZE.rows;
/** Rows that interpolation reaches beyond the strip. */
const HALO = 4;

async function benchJoin(frames: number, method: CombineMethod): Promise<void> {
  const rows = STRIP_ROWS + 2 * HALO;
  const bytes = FRAME_WIDTH * rows * 4;
  await benchKernel({
    name: `${method} of ${frames} frames, resampled`,
    bytes: frames * PIXELS * 6 + PIXELS * 10,
    prepare: (compute, room) => {
      const planes = room(FRAME_WIDTH * rows * 2);
      const sources = Array.from({ length: frames }, (_, k): SourceRows => {
        const pixels = room(bytes);
        fillSky(new Float32Array(pixels.buffer, pixels.byteOffset, bytes / 4), k);
        const shift = 0.1 + 0.8 * k / frames;
        const mesh = fixedMesh(
          coordinateMesh((x, y) => [x + shift, y + HALO + shift], {
            ...{ width: FRAME_WIDTH, height: STRIP_ROWS },
          }),
        );
        return { width: FRAME_WIDTH, firstRow: 0, rows, mesh, scale: 1, pixels, mask: planes };
      });
      const [value, mask, weight] = [room(PIXELS * 4), room(PIXELS * 2), room(PIXELS * 4)];
      const result = {
        value: new Float32Array(value.buffer, value.byteOffset, PIXELS),
        mask: new Uint16Array(mask.buffer, mask.byteOffset, PIXELS),
        weight: new Float32Array(weight.buffer, weight.byteOffset, PIXELS),
      };
      const all = Array<number>(frames).fill(1);
      return () =>
        joinLayers(compute, sources, result, {
          ...{ ...SIZE, firstRow: 0, kernel: "lanczos3", method, planes: PLANES },
          ...{ clipSigma: 4, sigmaFloor: 2, sigmaRelative: 0.01, weights: all, variances: all },
        });
    },
  });
}

/** Noise of 1 ADU, which a clipping at 4 sigma leaves alone. */
function fillSky(values: Float32Array, seed: number): void {
  for (let i = 0; i < values.length; i++) {
    const random = Math.imul(i + 7919 * seed + 1, 2654435761) >>> 0;
    values[i] = 100 + ((random & 0xffff) + (random >>> 16)) / 32768;
  }
}

for (const frames of [3, 9, 21]) {
  for (const method of ["mean", "clipped-mean"] as const) await benchJoin(frames, method);
}
