/**
 * Reads several images side by side, strip by strip.
 *
 * @module
 */

import { openImage } from "../../../fits/image.ts";

/** Samples that the levels of strips are judged by, about. */
const SAMPLES = 400_000;

/** Pixels of all strips together, about; keeps memory apart from the number of images. */
const STRIP_PIXELS = 24_000_000;

/** Rows of a strip so that `images` strips of this width fit in memory. */
export function stripRows(width: number, height: number, images: number): number {
  const rows = Math.floor(STRIP_PIXELS / (width * Math.max(1, images)));
  return Math.max(8, Math.min(512, rows, height));
}

/** An open image that gives its rows. */
export interface StripSource {
  readonly width: number;
  readonly height: number;
  /**
   * Reads rows, ADU.
   *
   * @param y0 First row.
   * @param count How many.
   * @param into Room for `[count, width]`.
   * @param mask May get bits, `[count, width]`. Of a raw frame: SUSPECT where a value is not linear,
   *   SAT where it is saturated, CROSSTALK where a saturated pixel of another amplifier shines
   *   through; plain frames leave it to the kernel, which sees the raw values.
   * @returns The filled part of `into`; NaN where no amplifier has a pixel.
   */
  readRows(
    y0: number,
    count: number,
    into: Float32Array,
    mask?: Uint16Array,
  ): Promise<Float32Array>;
  close(): void;
}

/** The same rows of several images. */
export interface StripSet {
  readonly firstRow: number;
  readonly rows: number;
  /** One array an image, `[rows, width]`; used again for the next strip. */
  readonly strips: readonly Float32Array[];
  /** What the images say of their pixels, one array an image, `[rows, width]`. */
  readonly masks: readonly Uint16Array[];
}

/**
 * Goes through images of equal size strip by strip.
 *
 * @param open Opens each of the images.
 * @param signal Ends it between strips.
 * @returns Strips from the first rows to the last.
 * @throws {DataError} If one of them cannot be read.
 */
export async function* readStrips(
  open: readonly (() => Promise<StripSource>)[],
  signal: AbortSignal,
): AsyncGenerator<StripSet> {
  const readers: StripSource[] = [];
  try {
    for (const start of open) readers.push(await start());
    const first = readers[0];
    if (first === undefined) return;
    const { width, height } = first;
    const step = stripRows(width, height, readers.length);
    const room = readers.map(() => new Float32Array(step * width));
    const bits = readers.map(() => new Uint16Array(step * width));
    for (let firstRow = 0; firstRow < height; firstRow += step) {
      signal.throwIfAborted();
      const rows = Math.min(step, height - firstRow);
      const masks = bits.map((mask) => mask.subarray(0, rows * width).fill(0));
      const strips = await Promise.all(
        readers.map((reader, i) => reader.readRows(firstRow, rows, room[i]!, masks[i])),
      );
      yield { firstRow, rows, strips, masks };
    }
  } finally {
    for (const reader of readers) reader.close();
  }
}

/**
 * Takes a sample of an image: the same pixels for every image of its size.
 *
 * @param path A FITS image.
 * @param signal Ends the reading.
 * @returns The sample.
 */
export async function sampleImage(path: string, signal: AbortSignal): Promise<PixelSample> {
  using reader = await openImage(path);
  const { width, height } = reader;
  const sample = new PixelSample(width * height);
  const step = stripRows(width, height, 1);
  const room = new Float32Array(step * width);
  for (let y = 0; y < height; y += step) {
    signal.throwIfAborted();
    sample.add(await reader.readRows(y, Math.min(step, height - y), room));
  }
  return sample;
}

/** Collects every n-th pixel of an image that comes in strips. */
export class PixelSample {
  readonly values: Float32Array;
  readonly #stride: number;
  #next = 0;
  #seen = 0;
  #count = 0;

  /** @param pixels Size of the whole image. */
  constructor(pixels: number) {
    // odd and prime to most widths, so that columns are sampled evenly
    this.#stride = Math.max(1, Math.floor(pixels / SAMPLES) | 1);
    this.values = new Float32Array(Math.ceil(pixels / this.#stride)).fill(NaN);
  }

  /** Takes the next pixels of the image. */
  add(strip: Float32Array): void {
    const end = this.#seen + strip.length;
    for (; this.#next < end; this.#next += this.#stride) {
      this.values[this.#count++] = strip[this.#next - this.#seen]!;
    }
    this.#seen = end;
  }
}
