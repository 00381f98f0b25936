/**
 * The rows of a light as the kernels take them.
 *
 * @module
 */

import type { StoredLayout } from "../../../gpu/kernels/decode/decode.ts";
import type { RawFrame } from "../frames/frame.ts";
import { floatsOf, openPlainFrames, shortsOf } from "../frames/plain_frames.ts";
import type { RawImage } from "../frames/raw_image.ts";
import type { Size } from "../frames/section.ts";

/** Rows of a light. */
export interface SourceRows {
  /** `[rows, width]` as the source's layout says. */
  readonly bytes: Uint8Array;
  /** `[rows, width]` bits that are known; undefined where saturation is left to the kernel. */
  readonly mask: Uint16Array | undefined;
}

/** Where rows are read to. */
export interface SourcePlace {
  /** `[rows, width]` as stored. */
  readonly input: Uint8Array;
  /** `[rows, width]` 16-bit words. */
  readonly known: Uint8Array;
}

/** An open light. */
export interface LightSource extends Size, Disposable {
  /** Pixels as in the file; undefined if they are float32 of this machine. */
  readonly layout: StoredLayout | undefined;
  /** Bytes of a pixel. */
  readonly pixelBytes: number;
  /** Reads rows. */
  read(firstRow: number, rows: number, place: SourcePlace): Promise<SourceRows>;
}

/**
 * Opens a light for the kernels: plain ones as they lie in the file, others put together.
 *
 * @param frame The light.
 * @param raw The same, open for reading otherwise.
 * @returns To be closed; the raw image is not.
 */
export async function openLight(frame: RawFrame, raw: RawImage): Promise<LightSource> {
  const plain = await openPlainFrames([frame]);
  if (plain === undefined) return assembled(raw, frame.layout.plain);
  const { width, height, layout, pixelBytes } = plain;
  return {
    ...{ width, height, layout, pixelBytes },
    async read(firstRow, rows, { input }) {
      return { bytes: await plain.read(0, firstRow, rows, input), mask: undefined };
    },
    [Symbol.dispose]: () => plain[Symbol.dispose](),
  };
}

/** What is put together knows its saturated pixels; else the kernel sees the raw values. */
function assembled(raw: RawImage, plain: boolean): LightSource {
  const { width, height } = raw;
  return {
    ...{ width, height, layout: undefined, pixelBytes: 4 },
    async read(firstRow, rows, { input, known }) {
      const pixels = rows * width;
      const mask = plain ? undefined : shortsOf(known, pixels).fill(0);
      await raw.readRows(firstRow, rows, floatsOf(input, pixels), mask);
      return { bytes: input.subarray(0, pixels * 4), mask };
    },
    [Symbol.dispose]: () => {},
  };
}
