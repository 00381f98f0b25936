/**
 * What is left of the sky in a difference.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import {
  cellMiddles,
  type CellPixels,
  type CellSumOptions,
  sumCells,
} from "../../../gpu/kernels/cell_sums/cell_sums.ts";
import {
  polynomialTerms,
  polynomialValues,
} from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { median } from "../../../sky/stats.ts";
import { solveScaled } from "../fit/linear_system.ts";

/** Levels at the centres of square cells, `[rows, columns]`, ADU. */
export interface SkyMesh {
  readonly columns: number;
  readonly rows: number;
  readonly levels: Float64Array;
}

/** Pixels farther than this from nothing are no sky, in their noise. */
const CLIP_SIGMA = 3;
/** A cell needs so large a part of bare sky. */
const LEAST_SHARE = 0.05;
const HIGHEST_ORDER = 8;
/** So many orders in a row that bring nothing end the search. */
const PATIENCE = 3;
/** Cells farther than this from the surface, in their noise, are left out. */
const CELL_CLIP = 4;

/**
 * Measures the remaining background of a difference as smoothly as it is: means
 * of cells, a polynomial of the order that they support by the Bayesian
 * information criterion, and what the cells have beyond that only where it
 * exceeds their noise. A mesh of its own would write the noise of its cells into
 * the difference.
 *
 * @param compute Where.
 * @param pixels The difference, and where it is bare sky.
 * @param options Side of a cell.
 * @returns The level of each cell, or undefined where there are too few with bare sky.
 */
export async function residualSky(
  compute: Compute,
  pixels: CellPixels,
  options: Pick<CellSumOptions, "cellPx" | "signal">,
): Promise<SkyMesh | undefined> {
  const cells = await cellMeans(compute, pixels, options);
  const { columns, rows } = cells;
  const known = Array.from(cells.mean.keys()).filter((k) => cells.variance[k]! > 0);
  if (known.length < 4) return undefined;
  scaleNoise(cells, known);
  const { surface, kept } = fitSurface(cells, known);
  const levels = Float64Array.from({ length: columns * rows }, (_, k) => surface(k));
  addDetail(levels, cells, kept);
  return { columns, rows, levels };
}

interface CellMeans {
  readonly columns: number;
  readonly rows: number;
  readonly mean: Float64Array;
  /** Of the mean; 0 where the cell has too little sky. */
  readonly variance: Float64Array;
}

async function cellMeans(
  compute: Compute,
  pixels: CellPixels,
  { cellPx, signal }: Pick<CellSumOptions, "cellPx" | "signal">,
): Promise<CellMeans> {
  const clip = { cellPx, clipSigma: CLIP_SIGMA, signal };
  // Cut about nothing first, then about the mean.
  const first = await sumCells(compute, pixels, { ...clip, also: [] });
  const middles = cellMiddles(first);
  const { columns, rows, count, sum, variance } = await sumCells(compute, pixels, {
    ...clip,
    middles,
  });
  const enough = count.map((pixels) => pixels >= LEAST_SHARE * cellPx * cellPx ? 1 : 0);
  return {
    ...{ columns, rows },
    mean: sum.map((value, k) => enough[k] ? value / count[k]! : 0),
    variance: variance.map((value, k) => enough[k] ? value / count[k]! ** 2 : 0),
  };
}

/**
 * The noise of a convolved image is correlated: its means scatter more than its
 * pixels tell. Seen by the scatter of neighbouring cells about each other.
 */
function scaleNoise(cells: CellMeans, known: readonly number[]): void {
  const { columns, mean, variance } = cells;
  const bends = known.flatMap((k) => {
    const column = k % columns;
    if (column === 0 || column === columns - 1) return [];
    const around = [k - 1, k, k + 1];
    if (around.some((one) => !(variance[one]! > 0))) return [];
    const bend = mean[k]! - (mean[k - 1]! + mean[k + 1]!) / 2;
    return [bend ** 2 / (variance[k]! + (variance[k - 1]! + variance[k + 1]!) / 4)];
  });
  // The median of χ² of one degree of freedom is 0.455.
  const factor = bends.length < 8 ? 1 : Math.max(1, median(bends) / 0.455);
  for (const k of known) variance[k]! *= factor;
}

interface Surface {
  readonly surface: (k: number) => number;
  readonly kept: readonly number[];
}

function fitSurface(cells: CellMeans, known: readonly number[]): Surface {
  let best: (Surface & { readonly criterion: number }) | undefined;
  let last = 0;
  for (let order = 0; order <= HIGHEST_ORDER; order++) {
    const terms = polynomialTerms(order);
    if (known.length < 3 * terms) break;
    const made = fitOrder(cells, known, order);
    const criterion = made.chi2 + terms * Math.log(known.length);
    if (best === undefined || criterion < best.criterion) {
      best = { ...made, criterion };
      last = order;
    } else if (order - last >= PATIENCE) break;
  }
  return best ?? { surface: () => 0, kept: known };
}

/** Least squares, twice, with outlying cells left out and counted as if they lay at the limit. */
function fitOrder(
  cells: CellMeans,
  known: readonly number[],
  order: number,
): Surface & { readonly chi2: number } {
  const { columns, rows, mean, variance } = cells;
  const size = { width: columns, height: rows, order };
  const n = polynomialTerms(order);
  const values = new Float64Array(known.length * n);
  known.forEach((k, i) => {
    values.set(polynomialValues(k % columns, Math.floor(k / columns), size), i * n);
  });
  const data = Float64Array.from(known, (k) => mean[k]!);
  const weights = Float64Array.from(known, (k) => 1 / variance[k]!);
  const kept = weights.slice(), away = new Float64Array(known.length);
  let chi2 = 0;
  let coefficients = new Float64Array(n);
  for (let round = 0; round < 3; round++) {
    coefficients = weightedFit(values, data, kept);
    for (let i = 0; i < known.length; i++) {
      away[i] = (data[i]! - dot(coefficients, values, i * n)) ** 2 * weights[i]!;
    }
    const spread = Math.max(1, median(away) / 0.455);
    const limit = CELL_CLIP ** 2 * spread;
    chi2 = away.reduce((sum, value) => sum + Math.min(value, limit), 0);
    for (let i = 0; i < known.length; i++) kept[i] = away[i]! > limit ? 0 : weights[i]!;
  }
  return {
    chi2,
    kept: known.filter((_, i) => kept[i]! > 0),
    surface: (k) => {
      return dot(coefficients, polynomialValues(k % columns, Math.floor(k / columns), size), 0);
    },
  };
}

/** @param values Of the polynomials, `[cells, terms]`. */
function weightedFit(
  values: Float64Array,
  data: Float64Array,
  weights: Float64Array,
): Float64Array<ArrayBuffer> {
  const n = values.length / data.length;
  const matrix = new Float64Array(n * n), vector = new Float64Array(n);
  for (let k = 0, at = 0; k < data.length; k++, at += n) {
    if (weights[k] === 0) continue;
    for (let i = 0; i < n; i++) {
      const w = weights[k]! * values[at + i]!;
      vector[i]! += w * data[k]!;
      for (let j = 0, to = i * n; j <= i; j++) matrix[to++]! += w * values[at + j]!;
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j]!;
  return Float64Array.from(solveScaled(matrix, vector));
}

/** Of coefficients and what stands from a place on. */
function dot(coefficients: Float64Array, values: Float64Array, from: number): number {
  let sum = 0;
  for (let i = 0; i < coefficients.length; i++) sum += coefficients[i]! * values[from + i]!;
  return sum;
}

/** Weights of a cell and its neighbours, σ one cell. */
const NEAR = [1, 0.61, 0.37] as const;

/** Adds what cells have in common with their neighbours beyond the surface, by as much as it exceeds noise. */
function addDetail(levels: Float64Array, cells: CellMeans, kept: readonly number[]): void {
  const { columns, rows, mean, variance } = cells;
  const good = new Uint8Array(mean.length);
  for (const k of kept) good[k] = 1;
  const detail = new Float64Array(mean.length), noise = new Float64Array(mean.length);
  for (let k = 0; k < mean.length; k++) {
    const column = k % columns, row = Math.floor(k / columns);
    let sum = 0, weights = 0, spread = 0;
    for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
      for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
        const at = y * columns + x;
        if (!good[at]) continue;
        const near = NEAR[Math.abs(x - column) + Math.abs(y - row)]!;
        sum += near * (mean[at]! - levels[at]!);
        spread += near ** 2 * variance[at]!;
        weights += near;
      }
    }
    if (weights === 0) continue;
    detail[k] = sum / weights;
    noise[k] = spread / weights ** 2;
  }
  const power = kept.reduce((sum, k) => sum + detail[k]! ** 2, 0);
  const expected = kept.reduce((sum, k) => sum + noise[k]!, 0);
  const excess = power / expected - 1;
  // Means of nine cells: the scatter of their mean square is about √(2 · 4 / cells).
  if (!(excess > 4 * Math.sqrt(8 / kept.length))) return;
  const share = excess / (1 + excess);
  for (let k = 0; k < levels.length; k++) levels[k]! += share * detail[k]!;
}
