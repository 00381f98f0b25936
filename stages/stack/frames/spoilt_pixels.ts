/**
 * Pixels of a frame that must not go into a stack besides those that its mask knows.
 *
 * @module
 */

/** The bits of a NaN. */
const NAN = 0x7fc00000;

/** A set of pixels of one frame, by row. */
export class SpoiltPixels {
  readonly #rows = new Map<number, Set<number>>();
  readonly #width: number;
  readonly #height: number;
  #count = 0;

  /** @param size Columns and rows of the frame, px. */
  constructor({ width, height }: { readonly width: number; readonly height: number }) {
    this.#width = width;
    this.#height = height;
  }

  /** How many pixels there are. */
  get count(): number {
    return this.#count;
  }

  /** Takes a pixel in; one outside of the frame is ignored. */
  add(x: number, y: number): void {
    if (!(x >= 0 && x < this.#width && y >= 0 && y < this.#height)) return;
    let row = this.#rows.get(y);
    if (row === undefined) this.#rows.set(y, row = new Set());
    if (row.has(x)) return;
    row.add(x);
    this.#count++;
  }

  /**
   * Writes NaN over these pixels.
   *
   * @param pixels `[rows, width]` float32 of some rows of the frame; may be longer.
   * @param firstRow The first of them.
   * @param rows How many.
   * @param bigEndian Whether they are as in a FITS file.
   */
  erase(
    pixels: Uint8Array<ArrayBufferLike>,
    firstRow: number,
    rows: number,
    bigEndian: boolean,
  ): void {
    if (this.#count === 0) return;
    const view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
    for (let y = firstRow; y < firstRow + rows; y++) {
      for (const x of this.#rows.get(y) ?? []) {
        view.setUint32(4 * ((y - firstRow) * this.#width + x), NAN, !bigEndian);
      }
    }
  }
}
