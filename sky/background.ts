/**
 * The sky background of an image: level and noise on a mesh, interpolated by splines.
 *
 * Method and defaults of Source Extractor (Bertin & Arnouts 1996).
 *
 * @module
 */

import type { HostBuffer } from "../gpu/backend.ts";
import type { Compute } from "../gpu/compute.ts";
import { type CellRows, type Cells, measureCells } from "../gpu/kernels/background/background.ts";
import type { SplineNodes } from "../gpu/kernels/spline_surface/spline_surface.ts";
import { fillHoles, medianFilter } from "./_mesh_filter.ts";
import { SplineSurface } from "./_spline_surface.ts";
import { median } from "./stats.ts";

export type { CellRows, SplineNodes };

/** How a background is measured. */
export interface MeshOptions {
  /** Side of a cell; 64. */
  readonly meshPx?: number | undefined;
  /** Side of the median filter over the mesh, in cells, odd; 3. */
  readonly filter?: number | undefined;
  /** A pixel with any of these bits of the mask takes no part; all. */
  readonly maskBits?: number | undefined;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
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
  /** The level for `laySurface()`, which fills whole strips; see also {@linkcode levelRow}. */
  readonly levelSurface: SplineNodes;
  /** The noise likewise. */
  readonly sigmaSurface: SplineNodes;
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
 * Measures the background of an image.
 *
 * @param compute Where; what lies in its own memory (`compute.allocate()`) is not copied.
 * @param image The whole image. Not changed.
 * @param options Mesh, filter, planes that exclude a pixel.
 * @returns The background; cells of which less than half is good take the level of the nearest ones.
 */
export async function measureBackground(
  compute: Compute,
  image: CellRows,
  options: MeshOptions = {},
): Promise<Background> {
  using strips = new BackgroundStrips(compute, image.width, options);
  await strips.push(image);
  return await strips.finish();
}

/** Measures the background of an image that comes by strips of rows, from the top. */
export class BackgroundStrips implements Disposable {
  readonly #compute: Compute;
  readonly #width: number;
  readonly #options: MeshOptions;
  readonly #meshPx: number;
  readonly #cells: Cells[] = [];
  /** Rows that do not fill a row of cells yet. */
  #held = 0;
  #room: HostBuffer | undefined;
  #height = 0;

  /**
   * Measures nothing yet.
   *
   * @param compute Where.
   * @param width Pixels a row.
   * @param options Mesh, filter, planes that exclude a pixel.
   */
  constructor(compute: Compute, width: number, options: MeshOptions = {}) {
    this.#compute = compute;
    this.#width = width;
    this.#options = options;
    this.#meshPx = options.meshPx ?? 64;
  }

  /**
   * Takes the next rows. Whole rows of cells are measured where they lie, what is left over is copied.
   *
   * @param strip Whole rows; may be changed once this is done.
   */
  async push(strip: Omit<CellRows, "width">): Promise<void> {
    const rows = strip.values.length / this.#width;
    this.#height += rows;
    let at = 0;
    if (this.#held > 0) at = await this.#hold(strip, 0, Math.min(rows, this.#meshPx - this.#held));
    const whole = rows - at - (rows - at) % this.#meshPx;
    if (whole > 0) await this.#measure(this.#cut(strip, at, whole));
    if (at + whole < rows) await this.#hold(strip, at + whole, rows - at - whole);
  }

  /** Lays the background through what was measured. */
  async finish(): Promise<Background> {
    if (this.#held > 0) await this.#measure(this.#cut(this.#heldRows(), 0, this.#held));
    const columns = Math.ceil(this.#width / this.#meshPx);
    const { levels, sigmas } = this.#goodCells(columns);
    const rows = levels.length / columns;
    fillHoles(levels, sigmas, columns);
    const filtered = medianFilter(levels, sigmas, columns, rows, this.#options.filter ?? 3);
    const { levels: meshLevels, sigmas: meshSigmas } = filtered;
    return new SplineBackground(meshLevels, meshSigmas, columns, rows, this.#width, this.#meshPx);
  }

  /** Cells of which at least half is good; NaN for others. */
  #goodCells(columns: number): Pick<Cells, "levels" | "sigmas"> {
    const levels = Float64Array.from(this.#cells.flatMap((cells) => [...cells.levels]));
    const sigmas = Float64Array.from(this.#cells.flatMap((cells) => [...cells.sigmas]));
    const good = this.#cells.flatMap((cells) => [...cells.good]);
    const side = (length: number, index: number) =>
      Math.min(this.#meshPx, length - index * this.#meshPx);
    for (let i = 0; i < levels.length; i++) {
      const area = side(this.#width, i % columns) * side(this.#height, Math.floor(i / columns));
      if (good[i]! < area / 2) levels[i] = sigmas[i] = NaN;
    }
    return { levels, sigmas };
  }

  /** Keeps rows for later; measures them when they fill a row of cells. Gives the row after them. */
  async #hold(
    { values, mask }: Omit<CellRows, "width">,
    y0: number,
    count: number,
  ): Promise<number> {
    const [from, to] = [y0 * this.#width, (y0 + count) * this.#width];
    const room = this.#heldRows();
    const start = this.#held * this.#width;
    room.values.set(values.subarray(from, to), start);
    if (mask) room.mask.set(mask.subarray(from, to), start);
    else room.mask.fill(0, start, start + to - from);
    this.#held += count;
    if (this.#held === this.#meshPx) {
      await this.#measure(room);
      this.#held = 0;
    }
    return y0 + count;
  }

  #heldRows(): { values: Float32Array<ArrayBufferLike>; mask: Uint16Array<ArrayBufferLike> } {
    const pixels = this.#meshPx * this.#width;
    this.#room ??= this.#compute.allocate(pixels * 6);
    const { buffer, byteOffset } = this.#room.bytes;
    return {
      values: new Float32Array(buffer, byteOffset, pixels),
      mask: new Uint16Array(buffer, byteOffset + 4 * pixels, pixels),
    };
  }

  #cut({ values, mask }: Omit<CellRows, "width">, y0: number, count: number) {
    const [from, to] = [y0 * this.#width, (y0 + count) * this.#width];
    return { values: values.subarray(from, to), mask: mask?.subarray(from, to) };
  }

  async #measure(rows: Omit<CellRows, "width">): Promise<void> {
    const { maskBits, signal } = this.#options;
    const options = { meshPx: this.#meshPx, maskBits, signal };
    this.#cells.push(await measureCells(this.#compute, { ...rows, width: this.#width }, options));
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#room?.[Symbol.dispose]();
    this.#room = undefined;
  }
}

/**
 * A smooth surface through the levels of cells, for `laySurface()`.
 *
 * @param levels `[rows, columns]`, taken at the centres of the cells.
 * @param columns Cells along x.
 * @param meshPx Side of a cell.
 * @returns Splines.
 */
export function meshSurface(levels: Float64Array, columns: number, meshPx: number): SplineNodes {
  return new SplineSurface(levels, columns, levels.length / columns, meshPx).nodes();
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

  get levelSurface(): SplineNodes {
    return this.#level.nodes();
  }

  get sigmaSurface(): SplineNodes {
    return this.#sigma.nodes();
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
