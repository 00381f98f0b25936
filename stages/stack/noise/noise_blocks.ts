/**
 * How much the noise of neighbouring pixels hangs together.
 *
 * @module
 */

import { clippedStats } from "../../../sky/stats.ts";

/** Side of a block, px: larger than any kernel reaches. */
const SIDE = 8;
/** Blocks looked at, about. */
const BLOCKS = 40_000;

/**
 * Measures the noise in blocks of 8×8 px against that of single pixels.
 *
 * Where pixels are independent, the sum over a block scatters 8 times as much as a pixel.
 * Interpolation makes neighbours alike: a pixel scatters less, the sum of many no less, and errors
 * from the noise of a pixel come out too small by the factor found here.
 */
export class NoiseBlocks {
  readonly #stride: number;
  readonly #sums: number[] = [];
  readonly #pixels: number[] = [];
  #next = 0;

  /** @param pixels Size of the whole image. */
  constructor(pixels: number) {
    this.#stride = Math.max(1, Math.floor(pixels / SIDE ** 2 / BLOCKS));
  }

  /**
   * Takes rows of the image; a block never reaches beyond them.
   *
   * @param data `[rows, width]`.
   * @param mask `[rows, width]`; blocks with any bit are left out.
   * @param width Pixels a row.
   */
  add(data: ArrayLike<number>, mask: ArrayLike<number>, width: number): void {
    const rows = data.length / width;
    for (let y = 0; y + SIDE <= rows; y += SIDE) {
      for (let x = 0; x + SIDE <= width; x += SIDE) {
        if (this.#next++ % this.#stride === 0) this.#addBlock(data, mask, y * width + x, width);
      }
    }
  }

  #addBlock(
    data: ArrayLike<number>,
    mask: ArrayLike<number>,
    first: number,
    width: number,
  ): void {
    let sum = 0;
    for (let y = 0; y < SIDE; y++) {
      for (let i = first + y * width; i < first + y * width + SIDE; i++) {
        if (mask[i] !== 0) return;
        sum += data[i]!;
      }
    }
    this.#sums.push(sum);
    this.#pixels.push(data[first + (SIDE / 2) * (width + 1)]!);
  }

  /**
   * Noise of the sum over a block over that of as many independent pixels; 1 where neighbours are
   * independent. NaN with fewer than 30 blocks. Sources that are not clipped raise it.
   */
  get factor(): number {
    if (this.#sums.length < 30) return NaN;
    return clippedStats(this.#sums).sigma / SIDE / clippedStats(this.#pixels).sigma;
  }
}
