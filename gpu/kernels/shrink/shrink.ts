/**
 * Images shrunk to the size of a picture.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, type Kernel, rowNumbers, type Slot, table, u32 } from "../../job.ts";
import wgsl from "./shrink.wgsl" with { type: "text" };
import wasm from "./shrink.wasm.b64" with { type: "text" };

/** The kernel. */
export const SHRINK: Kernel = { name: "shrink", wgsl, wasm };

/** Size of an image, and what it is shrunk to. */
export interface ShrinkSize {
  readonly width: number;
  readonly height: number;
  /** Pixels along the longer side of the picture at most; smaller images stay as they are. */
  readonly mostPx: number;
}

type Pixels = Float32Array<ArrayBufferLike> | Uint16Array<ArrayBufferLike>;

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
  const [picture] = await shrink(compute, "meanRows", size, [data], 1, 0);
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
  const inputs = [image.difference, image.weight, image.mask];
  const [known, pull] = await shrink(compute, "farthestRows", size, inputs, 2, noData);
  return { known: known!, pull: pull! };
}

/** Pixels of an image that a job looks at, at most: any GPU can bind so many float32. */
const BAND_PIXELS = 1 << 24;

async function shrink(
  compute: Compute,
  entry: string,
  size: ShrinkSize,
  inputs: readonly Pixels[],
  outputs: number,
  noData: number,
): Promise<Shrunk[]> {
  const { width, height, mostPx } = size;
  const longer = Math.max(width, height), shown = Math.min(mostPx, longer);
  const columns = Math.ceil(width * shown / longer), rows = Math.ceil(height * shown / longer);
  const made = Array.from({ length: outputs }, () => new Float32Array(columns * rows));
  const skip = longer > 2 * shown ? 2 : 1;
  const rowOf = (row: number) => Math.min(height, Math.floor(row * longer / shown));
  const bandPixels = compute.backend.kind === "cpu" ? Infinity : BAND_PIXELS;
  const bandRows = Math.max(1, Math.floor(bandPixels * shown / (longer * width)));
  for (let top = 0; top < rows; top += bandRows) {
    const count = Math.min(bandRows, rows - top);
    const first = rowOf(top), end = rowOf(top + count);
    const slots: Slot[] = [
      rowNumbers(top, count),
      ...inputs.map((pixels) => table(pixels.subarray(first * width, end * width))),
      ...made.map((data): Slot => {
        const bytes = bytesOf(data.subarray(top * columns, (top + count) * columns));
        return { role: "output", rowBytes: 4 * columns, bytes };
      }),
    ];
    await compute.run({
      ...{ label: "shrink for a picture", width: columns, rows: count, slots },
      passes: [{
        ...{ kernel: SHRINK, entry, slots: slots.map((_, i) => i), pieceRows: 8 },
        params: [width, height, longer, shown, skip, noData, first].map(u32),
        scratchBytes: 64,
      }],
    });
  }
  return made.map((data) => ({ columns, rows, data }));
}
