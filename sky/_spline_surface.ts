/**
 * Natural cubic splines through a mesh of values.
 *
 * @module
 */

import type { SplineNodes } from "../gpu/kernels/spline_surface/spline_surface.ts";

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

/** A smooth surface through the values of cells, taken at the cells' centres; in float64. */
export class SplineSurface {
  readonly #columns: number;
  readonly #rows: number;
  readonly #meshPx: number;
  /** Values, and sixths of their second derivatives along y, along x, along both; `[rows, columns]`. */
  readonly #tables: readonly [Float64Array, Float64Array, Float64Array, Float64Array];
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
    this.#columns = columns;
    this.#rows = rows;
    this.#meshPx = meshPx;
    const alongY = bendsOf(values, { count: columns, step: 1, length: rows, stride: columns });
    const rowsOf = { count: rows, step: columns, length: columns, stride: 1 };
    this.#tables = [values, alongY, bendsOf(values, rowsOf), bendsOf(alongY, rowsOf)];
    this.#knots = new Float64Array(columns);
    this.#bend = new Float64Array(columns);
  }

  /** The surface for the kernel that evaluates whole strips. */
  nodes(): SplineNodes {
    const nodes = Float32Array.from(
      { length: 4 * this.#tables[0].length },
      (_, i) => this.#tables[i % 4]![i >> 2]!,
    );
    return { columns: this.#columns, rows: this.#rows, meshPx: this.#meshPx, nodes };
  }

  /** Gives the value at a pixel. */
  at(x: number, y: number): number {
    const columns = this.#columns, rows = this.#rows;
    const placeX = (x + 0.5) / this.#meshPx - 0.5, placeY = (y + 0.5) / this.#meshPx - 0.5;
    const column = pieceAt(placeX, columns), row = pieceAt(placeY, rows);
    const across = column + 1 < columns ? 1 : 0, down = row + 1 < rows ? columns : 0;
    const i = row * columns + column, b = placeY - row, t = placeX - column;
    const k0 = this.#along(0, i, down, b), k1 = this.#along(0, i + across, down, b);
    const b0 = this.#along(2, i, down, b), b1 = this.#along(2, i + across, down, b);
    return k0 + t * (k1 - k0 - 2 * b0 - b1 + t * (3 * b0 + t * (b1 - b0)));
  }

  /** A table's spline along y, so far behind a knot: 0 for values, 2 for what bends them along x. */
  #along(table: 0 | 2, i: number, down: number, b: number): number {
    const values = this.#tables[table], bends = this.#tables[table + 1]!;
    const a = 1 - b;
    return a * values[i]! + b * values[i + down]! +
      (a * a * a - a) * bends[i]! +
      (b * b * b - b) * bends[i + down]!;
  }

  /** Gives the values at the pixels 0, 1, … of a row. */
  row(y: number, into: Float32Array): Float32Array {
    this.#cutAt(y);
    const last = Math.max(0, this.#columns - 2);
    const [step, start] = [1 / this.#meshPx, 0.5 / this.#meshPx - 0.5];
    let x = 0;
    for (let at = 0; at <= last; at++) {
      const end = at === last
        ? into.length
        : Math.min(into.length, Math.ceil((at + 1.5) * this.#meshPx - 0.5));
      const [c0, c1, c2, c3] = this.#cubic(at);
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
    const place = (y + 0.5) / this.#meshPx - 0.5;
    const at = pieceAt(place, this.#rows);
    const b = place - at;
    const a = 1 - b;
    const [a3, b3] = [a * a * a - a, b * b * b - b];
    const [values, alongY, alongX, along] = this.#tables;
    const below = at + 1 < this.#rows ? this.#columns : 0;
    for (let x = 0, i = at * this.#columns; x < this.#columns; x++, i++) {
      const j = i + below;
      this.#knots[x] = a * values[i]! + b * values[j]! + a3 * alongY[i]! + b3 * alongY[j]!;
      this.#bend[x] = a * alongX[i]! + b * alongX[j]! + a3 * along[i]! + b3 * along[j]!;
    }
    this.#row = y;
  }

  /** The piece from a knot to the next, as a polynomial of the way from the knot. */
  #cubic(at: number): [c0: number, c1: number, c2: number, c3: number] {
    const next = Math.min(at + 1, this.#columns - 1);
    const [k0, k1] = [this.#knots[at]!, this.#knots[next]!];
    const [b0, b1] = [this.#bend[at]!, this.#bend[next]!];
    return [k0, k1 - k0 - 2 * b0 - b1, 3 * b0, b1 - b0];
  }
}

/** Lines of a mesh: how many, and where each begins and goes on. */
interface MeshLines {
  readonly count: number;
  readonly step: number;
  readonly length: number;
  readonly stride: number;
}

/** Spline derivatives along each line of a mesh. */
function bendsOf(values: Float64Array, { count, step, length, stride }: MeshLines): Float64Array {
  const bends = new Float64Array(values.length);
  const [line, bend] = [new Float64Array(length), new Float64Array(length)];
  for (let start = 0; start < count * step; start += step) {
    for (let k = 0; k < length; k++) line[k] = values[start + k * stride]!;
    splineDerivatives(line, bend);
    for (let k = 0; k < length; k++) bends[start + k * stride] = bend[k]!;
  }
  return bends;
}

/** The piece that a place is in; past the ends the outer piece goes on. */
function pieceAt(place: number, knots: number): number {
  return Math.max(0, Math.min(knots - 2, Math.floor(place)));
}
