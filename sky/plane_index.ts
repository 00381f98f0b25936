/**
 * Searches points of a plane by place.
 *
 * @module
 */

/** Cells a point at most: points that lie far apart would leave most empty. */
const CELLS_PER_POINT = 4;

/** The square of a distance below this is 0: it is within any radius. */
const NEGLIGIBLE = 1e-160;

/**
 * Points of a plane in square cells, for searches within a known radius.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const index = new PlaneIndex([0, 3, NaN], [0, 4, 0], 5);
 * assert.deepEqual(index.within(0, 0).sort(), [0, 1]);
 * ```
 */
export class PlaneIndex {
  readonly #x: ArrayLike<number>;
  readonly #y: ArrayLike<number>;
  readonly #radius: number;
  readonly #cell: number;
  readonly #left: number;
  readonly #top: number;
  readonly #columns: number;
  readonly #rows: number;
  /** Where the points of each cell begin in `#points`; one more than cells. */
  readonly #starts: Uint32Array;
  readonly #points: Uint32Array;

  /**
   * Sorts points into cells.
   *
   * @param x Of each point; one with NaN is never found. Kept, not copied.
   * @param y Of each point. Kept, not copied.
   * @param radius Of all searches.
   */
  constructor(x: ArrayLike<number>, y: ArrayLike<number>, radius: number) {
    const [left, right] = rangeOf(x, y), [top, bottom] = rangeOf(y, x);
    const most = CELLS_PER_POINT * x.length + 16;
    const width = Math.max(0, right - left), height = Math.max(0, bottom - top);
    // so that there are no more cells than most
    const least = Math.max(Math.sqrt(width * height / most), Math.max(width, height) / most);
    const cell = Math.max(radius, least) || 1;
    this.#x = x;
    this.#y = y;
    this.#radius = radius;
    this.#cell = cell;
    this.#left = left;
    this.#top = top;
    this.#columns = Math.floor(width / cell) + 1;
    this.#rows = Math.floor(height / cell) + 1;
    this.#starts = new Uint32Array(this.#columns * this.#rows + 1);
    this.#points = new Uint32Array(x.length);
    this.#sort();
  }

  #sort(): void {
    const cells = Int32Array.from({ length: this.#x.length }, (_, i) => {
      const x = this.#x[i]!, y = this.#y[i]!;
      if (x !== x || y !== y) return -1;
      return this.#row(y) * this.#columns + this.#column(x);
    });
    for (const cell of cells) if (cell >= 0) this.#starts[cell + 1]!++;
    for (let k = 1; k < this.#starts.length; k++) this.#starts[k]! += this.#starts[k - 1]!;
    const next = this.#starts.slice();
    cells.forEach((cell, i) => {
      if (cell >= 0) this.#points[next[cell]!++] = i;
    });
  }

  #column(x: number): number {
    return Math.max(0, Math.min(this.#columns - 1, Math.floor((x - this.#left) / this.#cell)));
  }

  #row(y: number): number {
    return Math.max(0, Math.min(this.#rows - 1, Math.floor((y - this.#top) / this.#cell)));
  }

  /** Finds the indices of the points no farther from a place than the radius, in no order. */
  within(x: number, y: number): number[] {
    const found: number[] = [];
    const square = this.#radius ** 2, reach = Math.max(this.#radius, NEGLIGIBLE);
    const first = this.#column(x - reach), last = this.#column(x + reach);
    const end = this.#row(y + reach);
    for (let row = this.#row(y - reach); row <= end; row++) {
      const to = this.#starts[row * this.#columns + last + 1]!;
      for (let k = this.#starts[row * this.#columns + first]!; k < to; k++) {
        const i = this.#points[k]!;
        const dx = this.#x[i]! - x, dy = this.#y[i]! - y;
        if (dx * dx + dy * dy <= square) found.push(i);
      }
    }
    return found;
  }
}

/** Least and largest of the values of points; of none, nothing. */
function rangeOf(values: ArrayLike<number>, others: ArrayLike<number>): [number, number] {
  let least = Infinity, most = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value !== value || others[i] !== others[i]) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : [0, 0];
}
