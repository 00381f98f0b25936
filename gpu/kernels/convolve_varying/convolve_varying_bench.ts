/**
 * Subtracting a strip of a reference, convolved with kernels of 17 × 17 and 31 × 31 px, from a strip
 * of a frame, with its variance.
 *
 * Run with `deno bench -A gpu/kernels/convolve_varying/convolve_varying_bench.ts`.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { constantField } from "./kernel_field.ts";
import { kernelMesh } from "../kernel_mesh/kernel_mesh.ts";
import { subtractRows, surfacesOf } from "./subtract_rows.ts";

const PIXELS = FRAME_WIDTH * STRIP_ROWS;
const SIZE = { width: FRAME_WIDTH, height: STRIP_ROWS };

/** Sky and a star in every 3000 pixels. */
function starField(into: Float32Array): Float32Array {
  let state = 1;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
  for (let i = 0; i < into.length; i++) into[i] = 300 + 20 * (random() + random() - 1);
  for (let k = 0; k < into.length / 3000; k++) {
    const at = Math.floor(random() * into.length), flux = 30 / (random() + 0.01);
    for (let d = -400; d <= 400; d++) {
      const dy = Math.round(d / 20), dx = d - 20 * dy, i = at + dy * FRAME_WIDTH + dx;
      if (i >= 0 && i < into.length) into[i]! += flux * Math.exp(-(dx * dx + dy * dy) / 5);
    }
  }
  return into;
}

/** A Gaussian that sums to one. */
function gaussian(halfPx: number): Float64Array {
  const side = 2 * halfPx + 1, sigma = halfPx / 3;
  return Float64Array.from({ length: side * side }, (_, i) => {
    const dx = i % side - halfPx, dy = Math.floor(i / side) - halfPx;
    return Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)) / (2 * Math.PI * sigma * sigma);
  });
}

for (const halfPx of [8, 15]) {
  const side = 2 * halfPx + 1;
  await benchKernel({
    name: `subtract with a kernel of ${side} × ${side} px`,
    bytes: PIXELS * 16,
    prepare: (compute, room) => {
      const floats = () => {
        const { buffer, byteOffset } = room(PIXELS * 4);
        return new Float32Array(buffer, byteOffset, PIXELS);
      };
      const parts = {
        convolved: { ...SIZE, data: starField(floats()) },
        own: { ...SIZE, data: starField(floats()) },
        mesh: kernelMesh(constantField(gaussian(halfPx), SIZE.width, SIZE.height), { of: "both" }),
        surfaces: surfacesOf(SIZE, 6, () => ({
          ...{ convolvedSky: 0, convolvedSigma: 8, ownSky: 300, ownSigma: 8 },
          ...{ skyVariance: 70, model: 300, weighted: 0 },
        })),
        ...{ level: 300, unit: 1, convolvedPhotons: 0.5, ownPhotons: 0.5 },
      };
      const into = { difference: floats(), variance: floats() };
      return () => subtractRows(compute, parts, { firstRow: 0, rows: STRIP_ROWS }, into);
    },
  });
}
