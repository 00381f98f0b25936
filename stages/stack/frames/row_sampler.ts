/**
 * Samples of the rows of a frame.
 *
 * @module
 */

import type { ImageReader } from "../../../fits/image.ts";
import type { HostBuffer } from "../../../gpu/backend.ts";
import type { SkyOptions } from "./sky_model.ts";

type SampleOptions = Pick<SkyOptions, "excluded" | "weightless" | "compute">;

/** Whether a file holds pixels as float32. */
export function isPlainFloat({ layout }: ImageReader): boolean {
  return layout.bitpix === -32 && layout.bscale === 1 && layout.bzero === 0;
}

/** Whether a file holds a mask as unsigned 16-bit integers. */
export function isPlainMask({ layout }: ImageReader): boolean {
  return layout.bitpix === 16 && layout.bzero === 32768 && layout.bscale === 1;
}

/** Takes every so many pixels of rows; those that take no part become NaN. */
export class RowSampler implements Disposable {
  readonly #image: ImageReader;
  readonly #mask: ImageReader | undefined;
  readonly #step: number;
  readonly #options: SampleOptions;
  readonly #isPlain: boolean;
  readonly #room: HostBuffer;
  readonly #pixels: Uint8Array<ArrayBufferLike>;
  readonly #planes: Uint16Array<ArrayBufferLike>;

  /**
   * @param image The frame.
   * @param mask Its mask, if it has one.
   * @param step Every so many pixels are taken.
   * @param options Which take no part.
   */
  constructor(
    image: ImageReader,
    mask: ImageReader | undefined,
    step: number,
    options: SampleOptions,
  ) {
    const { width } = image;
    this.#image = image;
    this.#mask = mask;
    this.#step = step;
    this.#options = options;
    this.#isPlain = isPlainFloat(image) && (mask === undefined || isPlainMask(mask));
    this.#room = options.compute.allocate(width * 6);
    const { buffer, byteOffset } = this.#room.bytes;
    this.#pixels = this.#room.bytes.subarray(0, width * 4);
    this.#planes = new Uint16Array(buffer, byteOffset + width * 4, width).fill(0);
  }

  /** Samples a row. */
  async take(y: number, into: Float32Array): Promise<void> {
    const { weightless } = this.#options;
    if (this.#isPlain) {
      const planes = new Uint8Array(
        this.#planes.buffer,
        this.#planes.byteOffset,
        this.#planes.byteLength,
      );
      await this.#image.readRowBytes(y, 1, this.#pixels);
      await this.#mask?.readRowBytes(y, 1, planes);
    } else {
      await this.#image.readRows(y, 1, this.#floats);
      await this.#mask?.readRowsUint16(y, 1, this.#planes);
    }
    weightless?.erase(this.#pixels, y, 1, this.#isPlain);
    if (this.#isPlain) this.#sampleBytes(into);
    else this.#sample(into);
  }

  get #floats(): Float32Array {
    const { buffer, byteOffset, byteLength } = this.#pixels;
    return new Float32Array(buffer, byteOffset, byteLength / 4);
  }

  #sample(into: Float32Array): void {
    const [line, planes, { excluded }] = [this.#floats, this.#planes, this.#options];
    for (let x = 0, i = 0; x < line.length; x += this.#step, i++) {
      into[i] = (planes[x]! & excluded) === 0 ? line[x]! : NaN;
    }
  }

  /** The same, of rows as files have them: big-endian, masks with an offset of 32768. */
  #sampleBytes(into: Float32Array): void {
    const { buffer, byteOffset, byteLength } = this.#pixels;
    const line = new Uint32Array(buffer, byteOffset, byteLength / 4);
    const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
    const [planes, step] = [this.#planes, this.#step];
    const excluded = this.#mask === undefined ? 0 : swapped16(this.#options.excluded);
    const offset = 0x0080; // 32768 as it lies in memory
    for (let x = 0, i = 0; x < line.length; x += step, i++) {
      const word = line[x]!;
      bits[i] = ((planes[x]! ^ offset) & excluded) !== 0 ? NAN_BITS : (word >>> 24) |
        ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24);
    }
  }

  [Symbol.dispose](): void {
    this.#room[Symbol.dispose]();
  }
}

const NAN_BITS = 0x7fc00000;

const swapped16 = (bits: number) => (bits >> 8) | ((bits & 0xff) << 8);
