/**
 * Writes a master with its variance and counts beside it.
 *
 * @module
 */

import { FitsHeader } from "../../../fits/header.ts";
import { createImage, type ImageWriter } from "../../../fits/image.ts";
import type { ClipStack } from "../../../gpu/kernels/clip_stack/clip_stack.ts";
import type { Setup } from "../frames/frame.ts";
import { companionPath } from "./master.ts";
import { type FileRows, writeFileRows } from "../frames/file_rows.ts";
import { PixelSample } from "../frames/strips.ts";

/** Rows of a master that are encoded already. */
export interface MasterStrip extends Pick<ClipStack, "value" | "variance"> {
  readonly encoded: {
    readonly value: FileRows;
    /** With the count; absent where no companions are written. */
    readonly variance?: FileRows;
    readonly count?: FileRows;
  };
}

/** A master being written by strips. */
export class MasterWriter implements AsyncDisposable {
  /** A sample of the pixels. */
  readonly values: PixelSample;
  /** A sample of the variances. */
  readonly variances: PixelSample;
  readonly #image: ImageWriter;
  readonly #beside: { readonly variance: ImageWriter; readonly count: ImageWriter } | undefined;

  private constructor(
    pixels: number,
    image: ImageWriter,
    beside: { readonly variance: ImageWriter; readonly count: ImageWriter } | undefined,
  ) {
    this.values = new PixelSample(pixels);
    this.variances = new PixelSample(pixels);
    this.#image = image;
    this.#beside = beside;
  }

  /**
   * Opens the files; they appear under their names when {@linkcode MasterWriter.finish} is called.
   *
   * @param path Of the master.
   * @param setup Its size.
   * @param header Its header.
   * @param companions Whether variance and counts are written.
   */
  static async open(
    path: string,
    setup: Setup,
    header: FitsHeader,
    companions: boolean,
  ): Promise<MasterWriter> {
    const { width, height } = setup;
    const image = await createImage(path, { width, height, header });
    if (!companions) return new MasterWriter(width * height, image, undefined);
    const about = (what: string) =>
      FitsHeader.from({
        IMAGETYP: [what, "companion of a master"],
        MASTER: [path.replace(/^.*\//, ""), "the master it belongs to"],
      });
    return new MasterWriter(width * height, image, {
      variance: await createImage(companionPath(path, "variance"), {
        ...{ width, height, header: about("VARIANCE") },
      }),
      count: await createImage(companionPath(path, "count"), {
        ...{ width, height, bitpix: 16, bzero: 32768, header: about("COUNT") },
      }),
    });
  }

  /** Header of the master; its cards may change until the end. */
  get header(): FitsHeader {
    return this.#image.header;
  }

  /** Whether variance and counts are written. */
  get hasCompanions(): boolean {
    return this.#beside !== undefined;
  }

  /** Writes the next rows. */
  async write({ value, variance, kept }: ClipStack): Promise<void> {
    this.values.add(value);
    this.variances.add(variance);
    await this.#image.writeRows(value);
    await this.#beside?.variance.writeRows(variance);
    await this.#beside?.count.writeRows(kept);
  }

  /** Writes the next rows, which are encoded already. */
  async writeEncoded({ value, variance, encoded }: MasterStrip): Promise<void> {
    this.values.add(value);
    this.variances.add(variance);
    await writeFileRows([
      [this.#image, encoded.value],
      [this.#beside?.variance, encoded.variance],
      [this.#beside?.count, encoded.count],
    ]);
  }

  /** Puts the files in their places, the master last. */
  async finish(): Promise<void> {
    await this.#beside?.variance.finish();
    await this.#beside?.count.finish();
    await this.#image.finish();
  }

  /** Drops what was not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#image[Symbol.asyncDispose]();
    await this.#beside?.variance[Symbol.asyncDispose]();
    await this.#beside?.count[Symbol.asyncDispose]();
  }
}
