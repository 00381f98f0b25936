/**
 * The sky background of an image: level and noise on a mesh, interpolated by splines.
 *
 * Method and defaults of Source Extractor (Bertin & Arnouts 1996).
 *
 * @module
 */

import { cellStatistics } from "./_mesh_statistics.ts";
import { fillHoles, medianFilter } from "./_mesh_filter.ts";
import { SplineSurface } from "./_spline_surface.ts";
import { median } from "./stats.ts";

/** How {@linkcode backgroundMesh} estimates. */
export interface BackgroundOptions {
  /** Side of a cell; 64. */
  readonly meshPx?: number;
  /** Side of the median filter over the mesh, in cells, odd; 3. */
  readonly filter?: number;
  /** `[height, width]`; a pixel with any of `maskBits` takes no part. */
  readonly mask?: Uint16Array;
  /** Bits of the mask that count; all. */
  readonly maskBits?: number;
}

/** Level and noise of the background, everywhere. */
export interface Background {
  /** Median of the mesh, ADU. NaN when no cell has enough good pixels. */
  readonly globalLevel: number;
  /** Median of the noise of the mesh, ADU. */
  readonly globalSigma: number;
  /** Cells along x and y. */
  readonly columns: number;
  /** Cells along y. */
  readonly rows: number;
  /** Filtered level of each cell, `[rows, columns]`. */
  readonly meshLevels: Float64Array;
  /** Filtered noise of each cell, `[rows, columns]`. */
  readonly meshSigmas: Float64Array;
  /** Level at a pixel, ADU. */
  level(x: number, y: number): number;
  /** Noise at a pixel, ADU. */
  sigma(x: number, y: number): number;
  /** Level along a row, `[width]`; written to `into` if given. */
  levelRow(y: number, into?: Float32Array): Float32Array;
  /** Noise along a row, `[width]`; written to `into` if given. */
  sigmaRow(y: number, into?: Float32Array): Float32Array;
  /**
   * Takes the background off rows of the image, in place.
   *
   * @param data Whole rows, `[count, width]`.
   * @param y0 Which row of the image the first one is; 0.
   */
  subtract(data: Float32Array, y0?: number): void;
}

/**
 * Estimates the background of an image.
 *
 * @param data `[height, width]` row-major, ADU; NaN takes no part. Not changed.
 * @param width Columns.
 * @param height Rows.
 * @param options Mesh, filter, mask.
 * @returns The background; cells without enough good pixels take the level of the nearest ones.
 */
export function backgroundMesh(
  data: Float32Array,
  width: number,
  height: number,
  options: BackgroundOptions = {},
): Background {
  const { meshPx = 64, filter = 3 } = options;
  const columns = Math.max(1, Math.ceil(width / meshPx));
  const rows = Math.max(1, Math.ceil(height / meshPx));
  const levels = new Float64Array(columns * rows);
  const sigmas = new Float64Array(columns * rows);
  const cell = new Float32Array(meshPx * meshPx);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const { count, area } = gatherCell(data, width, height, column, row, meshPx, options, cell);
      const statistics = cellStatistics(cell, count, area);
      levels[row * columns + column] = statistics.level;
      sigmas[row * columns + column] = statistics.sigma;
    }
  }
  fillHoles(levels, sigmas, columns);
  const filtered = medianFilter(levels, sigmas, columns, rows, filter);
  return new SplineBackground(filtered.levels, filtered.sigmas, columns, rows, width, meshPx);
}

function gatherCell(
  data: Float32Array,
  width: number,
  height: number,
  column: number,
  row: number,
  meshPx: number,
  { mask, maskBits = 0xffff }: BackgroundOptions,
  cell: Float32Array,
): { count: number; area: number } {
  const [x0, y0] = [column * meshPx, row * meshPx];
  const [x1, y1] = [Math.min(width, x0 + meshPx), Math.min(height, y0 + meshPx)];
  let count = 0;
  for (let y = y0; y < y1; y++) {
    for (let i = y * width + x0; i < y * width + x1; i++) {
      const value = data[i]!;
      if (value !== value || (mask !== undefined && (mask[i]! & maskBits) !== 0)) continue;
      cell[count++] = value;
    }
  }
  return { count, area: (x1 - x0) * (y1 - y0) };
}

class SplineBackground implements Background {
  readonly globalLevel: number;
  readonly globalSigma: number;
  readonly #level: SplineSurface;
  readonly #sigma: SplineSurface;
  readonly #row: Float32Array;

  constructor(
    readonly meshLevels: Float64Array,
    readonly meshSigmas: Float64Array,
    readonly columns: number,
    readonly rows: number,
    width: number,
    meshPx: number,
  ) {
    this.globalLevel = median(meshLevels);
    this.globalSigma = median(meshSigmas);
    this.#level = new SplineSurface(meshLevels, columns, rows, meshPx);
    this.#sigma = new SplineSurface(meshSigmas, columns, rows, meshPx);
    this.#row = new Float32Array(width);
  }

  level(x: number, y: number): number {
    return this.#level.at(x, y);
  }

  sigma(x: number, y: number): number {
    return this.#sigma.at(x, y);
  }

  levelRow(y: number, into: Float32Array = new Float32Array(this.#row.length)): Float32Array {
    return this.#level.row(y, into);
  }

  sigmaRow(y: number, into: Float32Array = new Float32Array(this.#row.length)): Float32Array {
    return this.#sigma.row(y, into);
  }

  subtract(data: Float32Array, y0 = 0): void {
    const width = this.#row.length;
    for (let start = 0, y = y0; start < data.length; start += width, y++) {
      const level = this.#level.row(y, this.#row);
      for (let x = 0; x < width; x++) data[start + x]! -= level[x]!;
    }
  }
}
