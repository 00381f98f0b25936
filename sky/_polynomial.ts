/**
 * Polynomials in two variables with radial terms, their derivatives and their inverse.
 *
 * @module
 */

/** One polynomial: `sum of powers[i][j] x^i y^j` plus `sum of radial[n] r^n`. */
export interface Polynomial {
  /** Coefficients by the power of x, then of y. */
  readonly powers: readonly (readonly number[])[];
  /** Pairs of an odd power and its coefficient. */
  readonly radial: readonly (readonly [power: number, coefficient: number])[];
}

/** Value and both derivatives. */
export type Evaluated = [value: number, dx: number, dy: number];

/**
 * Evaluates a polynomial by Horner's rule in both variables.
 *
 * @param polynomial Coefficients.
 * @param x First variable.
 * @param y Second variable.
 * @param into Receives the value and the derivatives by x and y.
 */
export function evaluate(polynomial: Polynomial, x: number, y: number, into: Evaluated): void {
  let value = 0;
  let dx = 0;
  let dy = 0;
  for (let i = polynomial.powers.length - 1; i >= 0; i--) {
    const row = polynomial.powers[i]!;
    let inner = 0;
    let slope = 0;
    for (let j = row.length - 1; j >= 0; j--) {
      slope = slope * y + inner;
      inner = inner * y + row[j]!;
    }
    dx = dx * x + value;
    value = value * x + inner;
    dy = dy * x + slope;
  }
  if (polynomial.radial.length > 0) {
    const r = Math.hypot(x, y);
    for (const [power, coefficient] of polynomial.radial) {
      const slope = r === 0 ? 0 : coefficient * power * r ** (power - 2);
      value += coefficient * r ** power;
      dx += slope * x;
      dy += slope * y;
    }
  }
  into[0] = value;
  into[1] = dx;
  into[2] = dy;
}

/** A map of the plane by two polynomials. */
export class PlaneMap {
  readonly #first: Polynomial;
  readonly #second: Polynomial;
  readonly #a: Evaluated = [0, 0, 0];
  readonly #b: Evaluated = [0, 0, 0];

  /**
   * Makes the map of two polynomials.
   *
   * @param first Gives the first coordinate.
   * @param second Gives the second coordinate, of the same variables.
   */
  constructor(first: Polynomial, second: Polynomial) {
    this.#first = first;
    this.#second = second;
  }

  /**
   * Maps a point.
   *
   * @param x First coordinate.
   * @param y Second coordinate.
   * @returns The image of the point, then `d/dx, d/dy` of its first and of its second coordinate.
   */
  apply(x: number, y: number): [number, number, number, number, number, number] {
    const [a, b] = [this.#a, this.#b];
    evaluate(this.#first, x, y, a);
    evaluate(this.#second, x, y, b);
    return [a[0], b[0], a[1], a[2], b[1], b[2]];
  }

  /**
   * Finds the point that is mapped onto a given one, by Newton's method.
   *
   * @param u First coordinate of the image.
   * @param v Second coordinate of the image.
   * @param tolerance Largest step that counts as having arrived.
   * @returns The point; NaN where the method does not arrive or the map folds over.
   */
  invert(u: number, v: number, tolerance: number): [number, number] {
    let [x, y] = [u, v];
    for (let step = 0; step < 50; step++) {
      const [fu, fv, ux, uy, vx, vy] = this.apply(x, y);
      const determinant = ux * vy - uy * vx;
      const dx = (vy * (u - fu) - uy * (v - fv)) / determinant;
      const dy = (ux * (v - fv) - vx * (u - fu)) / determinant;
      x += dx;
      y += dy;
      if (Math.abs(dx) + Math.abs(dy) <= tolerance) {
        return determinant > 0 ? [x, y] : [NaN, NaN];
      }
      if (!Number.isFinite(dx + dy)) break;
    }
    return [NaN, NaN];
  }
}
