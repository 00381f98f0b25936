/**
 * The camera: what a pixel adds and takes away before it becomes a number.
 * Everything here belongs to the unit, not to the night: it is the same for every seed.
 *
 * @module
 */

import type { Unit } from "../config/site.ts";
import { keyOf, RandomStream } from "./random.ts";

/** Largest number of the 16-bit converter, ADU. */
export const CONVERTER_MAX = 65535;
/** Charge at which a pixel overflows along its column, electrons. */
export const FULL_WELL_E = 24000;
/** Bias level, ADU. */
export const BIAS_ADU = 500;
/** Dark current of a normal pixel at −10 °C, electrons a second, where nobody says otherwise. */
const DARK_E_S = 0.003;

const HOT_FRACTION = 3e-4;
const PIXEL_RESPONSE_SIGMA = 0.004;

const KEYS = { columns: 1, rows: 2, hot: 3, response: 4, bad: 5, dust: 6 } as const;

/** A shadow of a grain of dust: a ring. */
interface DustRing {
  readonly x: number;
  readonly y: number;
  readonly outerPx: number;
  readonly innerPx: number;
  readonly depth: number;
}

/** A column that reads too little from a row on to the end. */
export interface BadColumn {
  /** Column, px. */
  readonly x: number;
  /** First row that is bad. */
  readonly fromRow: number;
  /** Share of the light that is read. */
  readonly response: number;
}

/** The fixed pattern of one camera at one frame size. */
export class Detector {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Of one pixel, electrons. */
  readonly readNoiseE: number;
  /** Dark current of a normal pixel at −10 °C, electrons a second. */
  readonly darkES: number;
  /** Columns that read too little. */
  readonly badColumns: readonly BadColumn[];
  readonly #key: number;
  readonly #columnBias: Float32Array;
  readonly #dust = new Map<string, readonly DustRing[]>();
  readonly #normaliser: number;

  /**
   * Grows the fixed pattern of a unit.
   *
   * @param unit Gain, read noise and the name that the pattern grows from.
   * @param size Of the frame, px.
   * @param darkES Dark current of a normal pixel at −10 °C, electrons a second.
   */
  constructor(
    unit: Pick<Unit, "code" | "gainEAdu" | "readNoiseE">,
    size: { width: number; height: number },
    darkES: number = DARK_E_S,
  ) {
    this.width = size.width;
    this.height = size.height;
    this.gainEAdu = unit.gainEAdu;
    this.readNoiseE = unit.readNoiseE;
    this.darkES = darkES;
    this.#key = keyOf(unit.code);
    const columns = new RandomStream(this.#key, KEYS.columns);
    this.#columnBias = Float32Array.from({ length: size.width }, () => 0.8 * columns.normal());
    this.badColumns = makeBadColumns(this.#key, size);
    this.#normaliser = medianVignetting();
  }

  /** Fills `out` with the bias of row y, ADU: level, column and row pattern, glow in a corner. */
  biasRow(y: number, out: Float32Array): void {
    const row = 0.4 * new RandomStream(this.#key, KEYS.rows, y).normal();
    const down = y / this.height;
    for (let x = 0; x < this.width; x++) {
      const across = 1 - x / this.width;
      const glow = 4 * Math.exp(-12 * (across * across + down * down));
      out[x] = BIAS_ADU + row + glow + 2 * down + this.#columnBias[x]!;
    }
  }

  /** Fills `out` with the dark current of row y, electrons a second; some pixels are hot. */
  darkRow(y: number, out: Float32Array): void {
    const random = new RandomStream(this.#key, KEYS.hot, y);
    const limit = HOT_FRACTION * 4294967296;
    for (let x = 0; x < this.width; x++) {
      const hot = (random.bits() >>> 0) < limit;
      out[x] = hot ? this.darkES + 10 ** random.between(-1, 1.9) : this.darkES;
    }
  }

  /**
   * Fills `out` with the relative response of row y through a filter: vignetting, dust on the
   * window and on the filter, pixel to pixel differences, bad columns. Its median is about 1.
   */
  responseRow(y: number, filter: string, out: Float32Array): void {
    const random = new RandomStream(this.#key, KEYS.response, y);
    const v = 2 * y / this.height - 1;
    for (let x = 0; x < this.width; x++) {
      const u = 2 * x / this.width - 1;
      out[x] = vignetting((u * u + v * v) / 2) * (1 + PIXEL_RESPONSE_SIGMA * random.normal()) *
        this.#normaliser;
    }
    for (const ring of this.#rings("")) shade(ring, y, out);
    for (const ring of this.#rings(filter)) shade(ring, y, out);
    for (const bad of this.badColumns) if (y >= bad.fromRow) out[bad.x]! *= bad.response;
  }

  #rings(filter: string): readonly DustRing[] {
    const known = this.#dust.get(filter);
    if (known) return known;
    const rings = makeDust(this.#key, filter, this.width, this.height);
    this.#dust.set(filter, rings);
    return rings;
  }
}

/** Light loss by the square of the distance from the centre (1 in a corner). */
function vignetting(square: number): number {
  return 1 - 0.18 * square - 0.06 * square * square;
}

function medianVignetting(): number {
  const values: number[] = [];
  for (let v = 0.005; v < 1; v += 0.01) {
    for (let u = 0.005; u < 1; u += 0.01) values.push(vignetting((u * u + v * v) / 2));
  }
  return 1 / values.sort((a, b) => a - b)[values.length >> 1]!;
}

function makeBadColumns(key: number, size: { width: number; height: number }): BadColumn[] {
  const random = new RandomStream(key, KEYS.bad);
  return Array.from({ length: Math.ceil(size.width / 700) }, () => ({
    x: Math.floor(random.between(4, size.width - 4)),
    fromRow: Math.floor(random.between(0, 0.8) * size.height),
    response: random.between(0.02, 0.5),
  }));
}

/** Grains on the window are small and dark (filter ""), those on a filter large and faint. */
function makeDust(key: number, filter: string, width: number, height: number): DustRing[] {
  const random = new RandomStream(key, KEYS.dust, keyOf(filter));
  const onWindow = filter === "";
  const count = onWindow ? Math.min(60, Math.ceil(4 * width * height / 1e6)) : 8;
  return Array.from({ length: count }, () => {
    const outerPx = onWindow ? random.between(14, 40) : random.between(60, 110);
    return {
      x: random.between(0, width),
      y: random.between(0, height),
      outerPx,
      innerPx: outerPx * random.between(0.35, 0.5),
      depth: onWindow ? random.between(0.01, 0.06) : random.between(0.004, 0.015),
    };
  });
}

/** Darkens the part of a row that lies in the shadow; the edges are soft by 2 px. */
function shade(ring: DustRing, y: number, row: Float32Array): void {
  const dy = y - ring.y;
  if (Math.abs(dy) > ring.outerPx + 2) return;
  const reach = Math.sqrt((ring.outerPx + 2) ** 2 - dy * dy);
  const left = Math.max(0, Math.ceil(ring.x - reach));
  const right = Math.min(row.length - 1, Math.floor(ring.x + reach));
  for (let x = left; x <= right; x++) {
    const r = Math.hypot(x - ring.x, dy);
    row[x]! *= 1 - ring.depth * soft(ring.outerPx - r) * soft(r - ring.innerPx);
  }
}

function soft(insidePx: number): number {
  return Math.min(1, Math.max(0, (insidePx + 2) / 4));
}
