/**
 * Images shrunk to the size of a picture, on threads.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, type Kernel, type Slot, table, u32 } from "../../job.ts";
import wasm from "./shrink.wasm.b64" with { type: "text" };

/** The kernel. */
export const SHRINK: Kernel = { name: "shrink", wasm };

/** Size of an image, and what it is shrunk to. */
export interface ShrinkSize {
  readonly width: number;
  readonly height: number;
  /** Pixels along the longer side of the picture at most; smaller images stay as they are. */
  readonly mostPx: number;
}

/** A picture; images `[rows, columns]`. */
export interface Shrunk {
  readonly columns: number;
  readonly rows: number;
  readonly data: Float32Array;
}

/** A difference; all `[height, width]`. */
export interface WeightedImage {
  readonly difference: Float32Array<ArrayBufferLike>;
  /** Inverse variance; 0 where a pixel does not count. */
  readonly weight: Float32Array<ArrayBufferLike>;
  /** Bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
}

/**
 * Shrinks an image by means; of large ones of every other row and column.
 *
 * @param compute Where.
 * @param data `[height, width]`; NaN is passed over.
 * @param size Its size, and the picture's.
 * @returns The picture, NaN where nothing is known.
 */
export async function shrinkByMeans(
  compute: Compute,
  data: Float32Array<ArrayBufferLike>,
  size: ShrinkSize,
): Promise<Shrunk> {
  const [picture] = await shrink(compute, "meanRows", size, [table(data)], 1, 0);
  return picture!;
}

/**
 * Shrinks a difference to the value farthest from zero in each square, so that no source disappears.
 *
 * @param compute Where.
 * @param image The difference.
 * @param size Its size, and the picture's.
 * @param noData Planes of pixels that hold nothing.
 * @returns The difference, and the difference over its noise; NaN where nothing is known.
 */
export async function shrinkToFarthest(
  compute: Compute,
  image: WeightedImage,
  size: ShrinkSize,
  noData: number,
): Promise<{ readonly known: Shrunk; readonly pull: Shrunk }> {
  const inputs = [table(image.difference), table(image.weight), table(image.mask)];
  const [known, pull] = await shrink(compute, "farthestRows", size, inputs, 2, noData);
  return { known: known!, pull: pull! };
}

async function shrink(
  compute: Compute,
  entry: string,
  { width, height, mostPx }: ShrinkSize,
  inputs: readonly Slot[],
  outputs: number,
  noData: number,
): Promise<Shrunk[]> {
  const longer = Math.max(width, height), size = Math.min(mostPx, longer);
  const columns = Math.ceil(width * size / longer), rows = Math.ceil(height * size / longer);
  const made = Array.from({ length: outputs }, () => new Float32Array(columns * rows));
  const skip = longer > 2 * size ? 2 : 1;
  await compute.run({
    ...{ label: "shrink for a picture", width: columns, rows },
    slots: [
      ...inputs,
      ...made.map((data): Slot => ({
        role: "output",
        rowBytes: 4 * columns,
        bytes: bytesOf(data),
      })),
    ],
    passes: [{
      ...{ kernel: SHRINK, entry, slots: [...inputs, ...made].map((_, i) => i), pieceRows: 16 },
      params: [width, height, longer, size, skip, noData].map(u32),
      scratchBytes: 64,
    }],
  });
  return made.map((data) => ({ columns, rows, data }));
}
