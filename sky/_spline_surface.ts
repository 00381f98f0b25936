/**
 * Natural cubic splines through a mesh of values.
 *
 * @module
 */

/**
 * Solves for the second derivatives of a natural cubic spline over equal steps.
 *
 * @param values Knots, one apart.
 * @param into Receives a sixth of the second derivative at each knot.
 */
export function splineDerivatives(values: Float64Array, into: Float64Array): void {
  const last = values.length - 1;
  into.fill(0);
  if (last < 2) return;
  const factor = new Float64Array(values.length);
  const right = new Float64Array(values.length);
  for (let i = 1; i < last; i++) {
    const pivot = 1 / (4 + factor[i - 1]!);
    const curve = values[i + 1]! + values[i - 1]! - 2 * values[i]!;
    factor[i] = -pivot;
    right[i] = (6 * curve - right[i - 1]!) * pivot;
  }
  for (let i = last - 1; i > 0; i--) into[i] = factor[i]! * into[i + 1]! + right[i]!;
  for (let i = 1; i < last; i++) into[i]! /= 6;
}

/** A smooth surface through the values of cells, taken at the cells' centres. */
export class SplineSurface {
  readonly #values: Float64Array;
  readonly #columns: number;
  readonly #rows: number;
  readonly #meshPx: number;
  /** Sixths of the second derivatives along y, `[rows, columns]`. */
  readonly #curvature: Float64Array;
  readonly #knots: Float64Array;
  readonly #bend: Float64Array;
  #row = NaN;

  /**
   * Lays the surface through the values.
   *
   * @param values `[rows, columns]`.
   * @param columns Cells along x.
   * @param rows Cells along y.
   * @param meshPx Side of a cell.
   */
  constructor(values: Float64Array, columns: number, rows: number, meshPx: number) {
    this.#values = values;
    this.#columns = columns;
    this.#rows = rows;
    this.#meshPx = meshPx;
    this.#curvature = new Float64Array(values.length);
    this.#knots = new Float64Array(columns);
    this.#bend = new Float64Array(columns);
    const [line, bend] = [new Float64Array(rows), new Float64Array(rows)];
    for (let x = 0; x < columns; x++) {
      for (let y = 0; y < rows; y++) line[y] = values[y * columns + x]!;
      splineDerivatives(line, bend);
      for (let y = 0; y < rows; y++) this.#curvature[y * columns + x] = bend[y]!;
    }
  }

  /** Gives the value at a pixel; pixels of one row in turn are cheapest. */
  at(x: number, y: number): number {
    this.#cutAt(y);
    return this.#along((x + 0.5) / this.#meshPx - 0.5);
  }

  /** Gives the values at the pixels 0, 1, … of a row. */
  row(y: number, into: Float32Array): Float32Array {
    this.#cutAt(y);
    const [knots, bend, last] = [this.#knots, this.#bend, this.#columns - 2];
    if (last < 0) return into.fill(knots[0]!);
    const [step, start] = [1 / this.#meshPx, 0.5 / this.#meshPx - 0.5];
    let x = 0;
    for (let at = 0; at <= last; at++) {
      const end = at === last
        ? into.length
        : Math.min(into.length, Math.ceil((at + 1.5) * this.#meshPx - 0.5));
      const [c0, c1, c2, c3] = cubic(knots, bend, at);
      for (; x < end; x++) {
        const b = start + x * step - at;
        into[x] = c0 + b * (c1 + b * (c2 + b * c3));
      }
    }
    return into;
  }

  /** Makes the spline along x at one row. */
  #cutAt(y: number): void {
    if (y === this.#row) return;
    const columns = this.#columns;
    const { at, a, b, a3, b3 } = weights((y + 0.5) / this.#meshPx - 0.5, this.#rows);
    const [values, curvature] = [this.#values, this.#curvature];
    for (let x = 0; x < columns; x++) {
      const i = at * columns + x;
      this.#knots[x] = this.#rows === 1
        ? values[x]!
        : a * values[i]! + b * values[i + columns]! + a3 * curvature[i]! +
          b3 * curvature[i + columns]!;
    }
    splineDerivatives(this.#knots, this.#bend);
    this.#row = y;
  }

  #along(place: number): number {
    const [knots, bend] = [this.#knots, this.#bend];
    if (this.#columns === 1) return knots[0]!;
    const at = Math.max(0, Math.min(this.#columns - 2, Math.floor(place)));
    const [c0, c1, c2, c3] = cubic(knots, bend, at);
    const b = place - at;
    return c0 + b * (c1 + b * (c2 + b * c3));
  }
}

/** The piece of a spline from a knot to the next, as a polynomial of the way from the knot. */
function cubic(
  knots: Float64Array,
  bend: Float64Array,
  at: number,
): [c0: number, c1: number, c2: number, c3: number] {
  const [k0, k1, b0, b1] = [knots[at]!, knots[at + 1]!, bend[at]!, bend[at + 1]!];
  return [k0, k1 - k0 - 2 * b0 - b1, 3 * b0, b1 - b0];
}

/** Weights of two neighbouring knots and curvatures; past the ends the outer piece goes on. */
function weights(place: number, count: number) {
  const at = Math.max(0, Math.min(count - 2, Math.floor(place)));
  const b = place - at;
  const a = 1 - b;
  return { at, a, b, a3: a * a * a - a, b3: b * b * b - b };
}
