/**
 * Takes cosmic rays out of a light that comes in strips.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import {
  type CosmicRayOptions,
  removeCosmicRays,
} from "../../../gpu/kernels/cosmic_rays/cosmic_rays.ts";
import { bit } from "../../../sky/mask.ts";
import type { LightStrip } from "./reduce_light.ts";

/** Where and how rays are found. */
export interface RayCleaning extends
  Pick<
    CosmicRayOptions,
    "gainEAdu" | "readNoiseE" | "sigmaClip" | "contrast" | "signal"
  > {
  readonly width: number;
  readonly height: number;
  /** Rows that are cleaned at a time. */
  readonly rows: number;
  readonly compute: Compute;
}

const CR = bit("CR");
const INTRP = bit("INTRP");
const ROUNDS = 4;
/** Rows that the result depends on: 8 a round, and as many for filling what cannot be used. */
const OVERLAP = 8 * (ROUNDS + 1);

/**
 * Marks pixels hit by cosmic rays as CR and INTRP, and fills them with the median of their
 * surroundings. The result does not depend on how the light is cut.
 *
 * @param strips Reduced rows with the sky in them.
 * @param cleaning Detector, limits, backend.
 * @returns Strips of `rows` rows, in order.
 */
export async function* cleanRays(
  strips: AsyncIterable<LightStrip>,
  cleaning: RayCleaning,
): AsyncGenerator<LightStrip> {
  const { width, height, rows } = cleaning;
  const window = new RowWindow(width, Math.min(height, rows + 2 * OVERLAP));
  for await (const strip of strips) {
    for (let taken = 0; taken < strip.mask.length;) {
      taken += window.add(strip, taken);
      if (!window.full || window.end >= height) continue;
      yield await cleanMiddle(window, cleaning);
      window.keepFrom(window.cleaned - OVERLAP);
    }
  }
  while (window.cleaned < height) yield await cleanMiddle(window, cleaning);
}

/** Rows of the light that are in memory. */
class RowWindow {
  readonly #width: number;
  readonly #values: Float32Array;
  readonly #mask: Uint16Array;
  #first = 0;
  #pixels = 0;
  /** Rows that have been handed out. */
  cleaned = 0;

  constructor(width: number, rows: number) {
    this.#width = width;
    this.#values = new Float32Array(rows * width);
    this.#mask = new Uint16Array(rows * width);
  }

  get full(): boolean {
    return this.#pixels === this.#mask.length;
  }

  /** The first row in memory. */
  get first(): number {
    return this.#first;
  }

  /** The row after the last in memory. */
  get end(): number {
    return this.#first + this.#pixels / this.#width;
  }

  get values(): Float32Array {
    return this.#values.subarray(0, this.#pixels);
  }

  get mask(): Uint16Array {
    return this.#mask.subarray(0, this.#pixels);
  }

  /** Takes as many pixels of a strip as there is room for, from an index on. */
  add({ values, mask }: LightStrip, from: number): number {
    const count = Math.min(mask.length - from, this.#mask.length - this.#pixels);
    this.#values.set(values.subarray(from, from + count), this.#pixels);
    this.#mask.set(mask.subarray(from, from + count), this.#pixels);
    this.#pixels += count;
    return count;
  }

  /** Forgets the rows before this one. */
  keepFrom(row: number): void {
    const drop = Math.max(0, row - this.#first) * this.#width;
    this.#values.copyWithin(0, drop, this.#pixels);
    this.#mask.copyWithin(0, drop, this.#pixels);
    this.#pixels -= drop;
    this.#first += drop / this.#width;
  }
}

/** Cleans the rows that are next and have enough others about them. */
async function cleanMiddle(
  window: RowWindow,
  { width, height, compute, ...options }: RayCleaning,
): Promise<LightStrip> {
  const firstRow = window.cleaned;
  const last = window.end >= height ? height : window.end - OVERLAP;
  const cleaned = await removeCosmicRays(
    compute,
    { width, values: window.values, mask: window.mask },
    { ...options, bit: CR, ignoreBits: bit("BAD", "SAT", "NO_DATA"), iterations: ROUNDS },
  );
  const [from, to] = [(firstRow - window.first) * width, (last - window.first) * width];
  const mask = cleaned.mask.subarray(from, to);
  for (let i = 0; i < mask.length; i++) if ((mask[i]! & CR) !== 0) mask[i]! |= INTRP;
  window.cleaned = last;
  return { firstRow, values: cleaned.values.subarray(from, to), mask };
}
