/**
 * What is left of the sky in a difference.
 *
 * @module
 */

import {
  polynomialTerms,
  polynomialValues,
} from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import { median } from "../../sky/stats.ts";
import { solveScaled } from "./linear_system.ts";

/** A difference and where it is bare sky; all `[height, width]`. */
export interface SkyPixels {
  readonly width: number;
  readonly height: number;
  /** ADU. */
  readonly difference: Float32Array;
  /** Inverse variance, ADU⁻²; 0 where a pixel may not be used. */
  readonly weight: Float32Array;
  /** 1 at pixels of bare sky. */
  readonly quiet: Uint8Array;
}

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
/** Cells farther than this from the surface, in their noise, are left out. */
const CELL_CLIP = 4;

/**
 * Measures the remaining background of a difference as smoothly as it is: means
 * of cells, a polynomial of the order that they support by the Bayesian
 * information criterion, and what the cells have beyond that only where it
 * exceeds their noise. A mesh of its own would write the noise of its cells into
 * the difference.
 *
 * @param pixels The difference.
 * @param cellPx Side of a cell.
 * @returns The level of each cell, or undefined where there are too few with bare sky.
 */
export function residualSky(pixels: SkyPixels, cellPx: number): SkyMesh | undefined {
  const cells = cellMeans(pixels, cellPx);
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

function cellMeans(pixels: SkyPixels, cellPx: number): CellMeans {
  const { width, height } = pixels;
  const columns = Math.ceil(width / cellPx), rows = Math.ceil(height / cellPx);
  const cells = { columns, rows, mean: new Float64Array(columns * rows) };
  const variance = new Float64Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const k = row * columns + column;
      const first = sumCell(pixels, { row, column, cellPx }, 0);
      // Cut about nothing first, then about the mean.
      const sums = first.count > 0
        ? sumCell(pixels, { row, column, cellPx }, first.sum / first.count)
        : first;
      if (sums.count < LEAST_SHARE * cellPx * cellPx) continue;
      cells.mean[k] = sums.sum / sums.count;
      variance[k] = sums.variance / sums.count ** 2;
    }
  }
  return { ...cells, variance };
}

function sumCell(
  { width, height, difference, weight, quiet }: SkyPixels,
  place: { readonly row: number; readonly column: number; readonly cellPx: number },
  middle: number,
): { readonly sum: number; readonly variance: number; readonly count: number } {
  const { row, column, cellPx } = place;
  const bottom = Math.min(height, (row + 1) * cellPx),
    right = Math.min(width, (column + 1) * cellPx);
  const limit = CLIP_SIGMA ** 2;
  let sum = 0, variance = 0, count = 0;
  for (let y = row * cellPx; y < bottom; y++) {
    for (let i = y * width + column * cellPx, end = y * width + right; i < end; i++) {
      const w = weight[i]!;
      if (!quiet[i] || w === 0) continue;
      const value = difference[i]!, away = value - middle;
      if (away * away * w > limit) continue;
      sum += value;
      variance += 1 / w;
      count++;
    }
  }
  return { sum, variance, count };
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
  for (let order = 0; order <= HIGHEST_ORDER; order++) {
    const terms = polynomialTerms(order);
    if (known.length < 3 * terms) break;
    const made = fitOrder(cells, known, order);
    const criterion = made.chi2 + terms * Math.log(known.length);
    if (best === undefined || criterion < best.criterion) best = { ...made, criterion };
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
  const values = known.map((k) => polynomialValues(k % columns, Math.floor(k / columns), size));
  let weights = known.map((k) => 1 / variance[k]!);
  let chi2 = 0;
  let coefficients = new Float64Array(polynomialTerms(order));
  for (let round = 0; round < 3; round++) {
    coefficients = weightedFit(values, known.map((k) => mean[k]!), weights);
    const away = known.map((k, i) =>
      (mean[k]! - dot(coefficients, values[i]!)) ** 2 / variance[k]!
    );
    const spread = Math.max(1, median(away) / 0.455);
    const limit = CELL_CLIP ** 2 * spread;
    chi2 = away.reduce((sum, value) => sum + Math.min(value, limit), 0);
    weights = known.map((k, i) => away[i]! > limit ? 0 : 1 / variance[k]!);
  }
  return {
    chi2,
    kept: known.filter((_, i) => weights[i]! > 0),
    surface: (k) => {
      return dot(coefficients, polynomialValues(k % columns, Math.floor(k / columns), size));
    },
  };
}

function weightedFit(
  values: readonly Float64Array[],
  data: readonly number[],
  weights: readonly number[],
): Float64Array<ArrayBuffer> {
  const n = values[0]!.length;
  const matrix = new Float64Array(n * n), vector = new Float64Array(n);
  values.forEach((f, k) => {
    for (let i = 0; i < n; i++) {
      vector[i]! += weights[k]! * f[i]! * data[k]!;
      for (let j = 0; j < n; j++) matrix[i * n + j]! += weights[k]! * f[i]! * f[j]!;
    }
  });
  return Float64Array.from(solveScaled(matrix, vector));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
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
