/**
 * Keeps the pixels of the masters in use in memory.
 *
 * @module
 */

import { GpuError } from "../../../config/errors.ts";
import { type ImageReader, openImage, readImage } from "../../../fits/image.ts";
import type { HostBuffer } from "../../../gpu/backend.ts";
import type { Compute } from "../../../gpu/compute.ts";
import { decode } from "../../../gpu/kernels/decode/decode.ts";
import type { LazyCompute } from "../../../gpu/lazy_compute.ts";
import { floatsOf } from "./plain_frames.ts";

/** Rows that are read while as many are decoded. */
const ROWS = 256;

interface CachedImage extends Partial<Disposable> {
  readonly pixels: Float32Array;
}

/** The pixels of a few masters, where kernels reach them without a copy. */
export class PixelCache implements Disposable {
  readonly #images = new Map<string, CachedImage>();
  readonly #room: number;
  readonly #compute: LazyCompute;

  /**
   * @param compute Gives the memory and decodes.
   * @param room How many images are kept; the one used longest ago goes first.
   */
  constructor(compute: LazyCompute, room = 3) {
    this.#compute = compute;
    this.#room = room;
  }

  /**
   * Gives the pixels of an image, from memory if it was read lately.
   *
   * @param path A FITS image.
   * @returns Its pixels, row-major; not to be changed, and valid until as many others as there is
   *   room for were asked for.
   */
  async pixels(path: string): Promise<Float32Array> {
    const known = this.#images.get(path);
    this.#images.delete(path);
    if (known === undefined) this.#makeRoom();
    const image = known ?? await read(path, await this.#compute.get());
    this.#images.set(path, image);
    return image.pixels;
  }

  #makeRoom(): void {
    for (const oldest of this.#images.keys()) {
      if (this.#images.size < this.#room) break;
      this.forget(oldest);
    }
  }

  /** Forgets an image that was written again. */
  forget(path: string): void {
    this.#images.get(path)?.[Symbol.dispose]?.();
    this.#images.delete(path);
  }

  /** Forgets all images. */
  [Symbol.dispose](): void {
    for (const path of [...this.#images.keys()]) this.forget(path);
  }
}

async function read(path: string, compute: Compute): Promise<CachedImage> {
  using reader = await openImage(path);
  let room: HostBuffer;
  try {
    room = compute.allocate(reader.width * reader.height * 4);
  } catch (error) {
    // kernels copy what lies elsewhere
    if (!(error instanceof GpuError)) throw error;
    return { pixels: (await readImage(path)).data };
  }
  try {
    const pixels = floatsOf(room.bytes);
    await decodeAll(reader, pixels, compute);
    return { pixels, [Symbol.dispose]: () => room[Symbol.dispose]() };
  } catch (error) {
    room[Symbol.dispose]();
    throw error;
  }
}

/** Decodes an image; the next rows are read meanwhile. */
async function decodeAll(
  reader: ImageReader,
  pixels: Float32Array,
  compute: Compute,
): Promise<void> {
  const { width, height, layout } = reader;
  const rowBytes = width * Math.abs(layout.bitpix) / 8;
  using stack = new DisposableStack();
  const places = [0, 1].map(() => stack.use(compute.allocate(ROWS * rowBytes)));
  let decoding = Promise.resolve();
  for (let row = 0; row < height; row += ROWS) {
    const count = Math.min(ROWS, height - row);
    const { bytes } = places[row / ROWS % 2]!;
    const raw = await reader.readRowBytes(row, count, bytes);
    await decoding;
    const values = pixels.subarray(row * width, (row + count) * width);
    decoding = decode(compute, raw, values, { width, ...layout });
    decoding.catch(() => undefined); // awaited above or below
  }
  await decoding;
}
