/**
 * Keeps the pixels of the masters in use in memory.
 *
 * @module
 */

import { readImage } from "../../fits/image.ts";

/** The pixels of a few masters: one bias, dark and flat are needed at a time. */
export class PixelCache {
  readonly #images = new Map<string, Float32Array>();
  readonly #room: number;

  /** @param room How many images are kept; the one used longest ago goes first. */
  constructor(room = 3) {
    this.#room = room;
  }

  /**
   * Gives the pixels of an image, from memory if it was read lately.
   *
   * @param path A FITS image.
   * @returns Its pixels, row-major; not to be changed.
   */
  async pixels(path: string): Promise<Float32Array> {
    const known = this.#images.get(path);
    this.#images.delete(path);
    const pixels = known ?? await this.#read(path);
    this.#images.set(path, pixels);
    return pixels;
  }

  async #read(path: string): Promise<Float32Array> {
    for (const oldest of this.#images.keys()) {
      if (this.#images.size < this.#room) break;
      this.#images.delete(oldest);
    }
    return (await readImage(path)).data;
  }

  /** Forgets an image that was written again. */
  forget(path: string): void {
    this.#images.delete(path);
  }
}
