/**
 * The pixels that no source reaches.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, rowNumbers, table, u32 } from "../../job.ts";
import wgsl from "./quiet_sky.wgsl" with { type: "text" };
import wasm from "./quiet_sky.wasm.b64" with { type: "text" };

/** The kernel. */
export const QUIET_SKY: Kernel = { name: "quiet_sky", wgsl, wasm };

/** Rows of a workgroup of the shader: as many as begin and end at a whole word. */
const GROUP_ROWS = 4;
/** Its threads; each takes discs. */
const THREADS = 64;

/** Discs come by whole rows, sorted no finer. */
const MARGIN = 2;

/** Discs; arrays of one length. */
export interface Discs {
  /** Of the middles, px, 0 at the centre of the first pixel. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** px. */
  readonly radius: ArrayLike<number>;
}

/**
 * Marks the pixels that lie outside of all discs.
 *
 * @param compute Where.
 * @param size Size of the field, px.
 * @param lists Discs; places and radii are rounded to float32.
 * @param quiet Filled: 1 outside, 0 within or on the border, `[height, width]`.
 * @param signal Stops it.
 */
export async function markQuiet(
  compute: Compute,
  { width, height }: { readonly width: number; readonly height: number },
  lists: readonly Discs[],
  quiet: Uint8Array<ArrayBufferLike>,
  signal?: AbortSignal,
): Promise<void> {
  let widest = 0;
  for (const { radius } of lists) {
    for (let i = 0; i < radius.length; i++) if (radius[i]! > widest) widest = radius[i]!;
  }
  const known = sortedByRow(lists, height, widest);
  const discs = known.length > 0 ? known : Float32Array.of(-10, -10, 0);
  await compute.run({
    ...{ label: "quiet sky", width, rows: height },
    slots: [
      rowNumbers(0, height),
      table(discs),
      { role: "output", rowBytes: width, bytes: bytesOf(quiet) },
    ],
    passes: [{
      ...{ kernel: QUIET_SKY, entry: "quietRows", slots: [0, 1, 2] },
      params: [u32(discs.length / 3), f32(widest + MARGIN)],
      ...{ each: GROUP_ROWS * width / THREADS, workgroup: THREADS },
    }],
  }, signal);
}

/** `[discs, 3]` by whole rows, within a row in any order; those that reach nothing are left out. */
function sortedByRow(lists: readonly Discs[], height: number, widest: number): Float32Array {
  const beyond = Math.ceil(widest), rows = height + 2 * beyond;
  const rowOf = ({ x, y, radius }: Discs, i: number) => {
    const row = Math.floor(y[i]!) + beyond;
    return Number.isFinite(x[i]! + y[i]! + radius[i]!) && row >= 0 && row < rows ? row : -1;
  };
  const starts = new Uint32Array(rows + 1);
  for (const list of lists) {
    for (let i = 0; i < list.x.length; i++) starts[rowOf(list, i) + 1]!++;
  }
  starts[0] = 0; // those left out
  for (let row = 1; row <= rows; row++) starts[row]! += starts[row - 1]!;
  const discs = new Float32Array(3 * starts[rows]!);
  for (const list of lists) {
    for (let i = 0; i < list.x.length; i++) {
      const row = rowOf(list, i);
      if (row < 0) continue;
      const at = 3 * starts[row]!++;
      discs[at] = list.x[i]!;
      discs[at + 1] = list.y[i]!;
      discs[at + 2] = list.radius[i]!;
    }
  }
  return discs;
}
