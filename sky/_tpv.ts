/**
 * The TPV polynomials: their terms and their cards.
 *
 * Numbering after the registered FITS convention "TPV"; the second axis takes its
 * variables in the other order.
 *
 * @module
 */

import type { Polynomial } from "./_polynomial.ts";

/** Number of coefficients an axis. */
export const TPV_TERMS = 40;

/** Powers of x and y, or `r` to a power, of each of the 40 terms. */
const TERMS: readonly (readonly [x: number, y: number, r: number])[] = listTerms();

function listTerms(): (readonly [number, number, number])[] {
  const terms: (readonly [number, number, number])[] = [];
  for (let degree = 0; degree <= 7; degree++) {
    for (let y = 0; y <= degree; y++) terms.push([degree - y, y, 0]);
    if (degree % 2 === 1) terms.push([0, 0, degree]);
  }
  return terms;
}

/**
 * Makes the polynomial of an axis.
 *
 * @param coefficients `[40]`, the values PVi_0 … PVi_39.
 * @param axis 1 for longitude, 2 for latitude.
 * @returns A polynomial of the longitude and latitude coordinates of the plane, degrees.
 */
export function tpvPolynomial(coefficients: ArrayLike<number>, axis: 1 | 2): Polynomial {
  const powers: number[][] = [];
  const radial: (readonly [number, number])[] = [];
  for (const [term, [x, y, r]] of TERMS.entries()) {
    const coefficient = coefficients[term] ?? 0;
    if (coefficient === 0) continue;
    if (r > 0) {
      radial.push([r, coefficient]);
      continue;
    }
    const [i, j] = axis === 1 ? [x, y] : [y, x];
    addTerm(powers, i, j, coefficient);
  }
  return { powers, radial };
}

/**
 * Adds a term to a table of powers, filling gaps with 0.
 *
 * @param powers Coefficients by the power of x, then of y; changed in place.
 * @param i Power of x.
 * @param j Power of y.
 * @param coefficient What to add.
 */
export function addTerm(powers: number[][], i: number, j: number, coefficient: number): void {
  while (powers.length <= i) powers.push([]);
  const row = powers[i]!;
  while (row.length <= j) row.push(0);
  row[j]! += coefficient;
}
