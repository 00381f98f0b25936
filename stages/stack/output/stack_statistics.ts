/**
 * What is found of a stack while its strips go by.
 *
 * @module
 */

import { clippedStats } from "../../../sky/stats.ts";
import { PixelSample } from "../../calib/frames/strips.ts";
import { NoiseBlocks } from "../noise/noise_blocks.ts";

/** What was found while a stack was written. */
export interface StackStatistics {
  /** Clipped scatter of the pixels that have data, ADU. */
  readonly noiseAdu: number;
  /** Share of the pixels that have data. */
  readonly coverage: number;
  /** Noise in 8×8 px over that of independent pixels; NaN when too few are clean. */
  readonly noiseCorrelation: number;
}

/** Pixels of some rows, each `[rows, width]`. */
export interface StripPixels {
  /** ADU; set to NaN where the weight is 0 when it is counted. */
  readonly data: Float32Array<ArrayBufferLike>;
  readonly mask: Uint16Array<ArrayBufferLike>;
  readonly weight: Float32Array<ArrayBufferLike>;
}

/** Counts strips from the first row to the last. */
export class StackCounter {
  readonly #sample: PixelSample;
  readonly #blocks: NoiseBlocks;
  readonly #pixels: number;
  readonly #width: number;
  #covered = 0;

  /** @param size Of the stack, px. */
  constructor({ width, height }: { readonly width: number; readonly height: number }) {
    this.#pixels = width * height;
    this.#width = width;
    this.#sample = new PixelSample(this.#pixels);
    this.#blocks = new NoiseBlocks(this.#pixels);
  }

  /** Counts a strip; its values change. */
  add({ data, mask, weight }: StripPixels): void {
    this.#blocks.add(data, mask, this.#width);
    for (let i = 0; i < data.length; i++) {
      if (weight[i]! > 0) this.#covered++;
      else data[i] = NaN; // does not count as sky
    }
    this.#sample.add(data as Float32Array);
  }

  /** What was found. */
  get result(): StackStatistics {
    return {
      noiseAdu: clippedStats(this.#sample.values).sigma,
      coverage: this.#covered / this.#pixels,
      noiseCorrelation: this.#blocks.factor,
    };
  }
}
