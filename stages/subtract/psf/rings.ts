/**
 * Rings of pixels or frequencies around the origin.
 *
 * @module
 */

/** Which ring, one unit wide, each point of a square belongs to. */
export class Rings {
  /** `[side, side]`. */
  readonly of: Uint16Array;
  /** Points of each ring. */
  readonly counts: Float64Array;

  /**
   * @param side Of the square.
   * @param origin Where its origin lies: on the middle point, or on the first with the rest wrapped around it.
   */
  constructor(side: number, origin: "middle" | "first") {
    const half = (side - 1) / 2;
    const along = (k: number) => origin === "middle" ? k - half : Math.min(k, side - k);
    this.of = Uint16Array.from(
      { length: side * side },
      (_, i) => Math.round(Math.hypot(along(i % side), along(Math.floor(i / side)))),
    );
    this.counts = new Float64Array(Math.max(...this.of) + 1);
    for (const ring of this.of) this.counts[ring]!++;
  }

  /**
   * The mean over each ring.
   *
   * @param values `[side, side]`.
   * @returns `[rings]`.
   */
  means(values: Float64Array): Float64Array {
    return this.#sums(values).map((sum, ring) => sum / this.counts[ring]!);
  }

  /**
   * The mean over each ring and its two neighbours.
   *
   * @param values `[side, side]`.
   * @returns `[rings]`.
   */
  smoothMeans(values: Float64Array): Float64Array {
    const sums = this.#sums(values), { counts } = this;
    const three = (of: Float64Array, k: number) => (of[k - 1] ?? 0) + of[k]! + (of[k + 1] ?? 0);
    return sums.map((_, ring) => three(sums, ring) / three(counts, ring));
  }

  #sums(values: Float64Array): Float64Array {
    const sums = new Float64Array(this.counts.length);
    values.forEach((value, i) => sums[this.of[i]!]! += value);
    return sums;
  }
}
