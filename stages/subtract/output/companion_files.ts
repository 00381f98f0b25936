/**
 * Mask and weight of a difference, written while the difference is made.
 *
 * @module
 */

import { together } from "../../../config/together.ts";
import { StripFile, type WriteImageOptions, writeWhole } from "./write_images.ts";

/** Rows of a difference that will not change any more, `[rows, width]`. */
export interface CompanionRows {
  readonly mask: Uint16Array<ArrayBufferLike>;
  /** Inverse variance, ADU⁻². */
  readonly weight: Float32Array<ArrayBufferLike>;
}

/** Where they go. */
export interface CompanionPaths {
  readonly mask: string;
  readonly weight: string;
}

/** Both files; given up unless they are finished. */
export class CompanionFiles implements AsyncDisposable {
  readonly #mask: StripFile;
  readonly #weight: StripFile;
  #open = true;

  private constructor(mask: StripFile, weight: StripFile) {
    this.#mask = mask;
    this.#weight = weight;
  }

  /** Begins both files. */
  static async open(paths: CompanionPaths, options: WriteImageOptions): Promise<CompanionFiles> {
    const mask = await StripFile.mask(paths.mask, options);
    try {
      return new CompanionFiles(mask, await StripFile.floats(paths.weight, options));
    } catch (error) {
      await mask[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Whether they were neither finished nor given up. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Writes the next rows. Wait for it before the next call. */
  async write(rows: CompanionRows): Promise<void> {
    await this.#mask.write(rows.mask);
    await this.#weight.write(rows.weight);
  }

  /** Writes what is known whole. */
  async writeWhole(rows: CompanionRows, size: { width: number; height: number }): Promise<void> {
    this.#open = false;
    await together([
      writeWhole(this.#mask, rows.mask, size),
      writeWhole(this.#weight, rows.weight, size),
    ]);
  }

  /** Completes both files. */
  async finish(): Promise<void> {
    this.#open = false;
    await together([this.#mask.finish(), this.#weight.finish()]);
  }

  /** Removes them unless they were finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false;
    await this.#mask[Symbol.asyncDispose]();
    await this.#weight[Symbol.asyncDispose]();
  }
}
