/**
 * Seeded random numbers, keyed so that any row of any frame can be made alone.
 *
 * A stream is named by integers (seed, purpose, frame, row); equal names give
 * equal numbers on every machine, in whatever order the rows are computed.
 *
 * @module
 */

/** Layers of the ziggurat for the normal distribution. */
const LAYERS = 128;
const TAIL_START = 3.442619855899;
const LAYER_AREA = 9.91256303526217e-3;
/** From here on counts are drawn as Gaussian: the skewness is below 0.15. */
const GAUSSIAN_FROM = 50;
const TWO_POW_32 = 4294967296;

const { edges, ratios } = zigguratTables();
const poissonTables = Array.from({ length: GAUSSIAN_FROM }, (_, mean) => poissonTable(mean));

/**
 * A stream of random numbers (sfc32 by Chris Doty-Humphrey), keyed by integers.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const one = new RandomStream(1, 2, 3);
 * const same = new RandomStream(1, 2, 3);
 * assert.equal(one.uniform(), same.uniform());
 * ```
 */
export class RandomStream {
  readonly #state = new Int32Array(4);

  /**
   * Begins the stream of these keys.
   *
   * @param keys Integers that name the stream.
   */
  constructor(...keys: readonly number[]) {
    this.reseed(keys);
  }

  /**
   * Starts again as the stream of other keys.
   *
   * @param keys Integers that name the stream.
   */
  reseed(keys: readonly number[]): void {
    let hash = 0x9e3779b9;
    for (const key of keys) hash = mix(hash ^ mix(key | 0)) + 0x85ebca6b | 0;
    for (let i = 0; i < 3; i++) this.#state[i] = hash = mix(hash + 0x9e3779b9 | 0);
    this.#state[3] = 1;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /**
   * Gives the next bits.
   *
   * @returns 32 random bits as a signed integer.
   */
  bits(): number {
    const state = this.#state;
    const b = state[1]!, c = state[2]!, counter = state[3]!;
    const result = (state[0]! + b | 0) + counter | 0;
    state[3] = counter + 1 | 0;
    state[0] = b ^ b >>> 9;
    state[1] = c + (c << 3) | 0;
    state[2] = (c << 21 | c >>> 11) + result | 0;
    return result;
  }

  /**
   * Gives a number evenly distributed between 0 and 1.
   *
   * @returns A number in (0, 1), never an end.
   */
  uniform(): number {
    return ((this.bits() >>> 0) + 0.5) / TWO_POW_32;
  }

  /**
   * Gives a number evenly distributed between two ends.
   *
   * @param low Lower end.
   * @param high Upper end.
   * @returns A number between the two, evenly distributed.
   */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /**
   * A normal deviate by the ziggurat of Marsaglia & Tsang in Doornik's form,
   * with its tail: not cut off anywhere.
   *
   * @returns A number of mean 0 and variance 1.
   */
  normal(): number {
    while (true) {
      const bits = this.bits();
      const layer = bits & 127;
      const u = (bits >> 8) / 8388608;
      if (Math.abs(u) < ratios[layer]!) return u * edges[layer]!;
      if (layer === 0) return this.#tail(u < 0);
      const x = u * edges[layer]!;
      const upper = Math.exp(-0.5 * (edges[layer]! ** 2 - x * x));
      const lower = Math.exp(-0.5 * (edges[layer + 1]! ** 2 - x * x));
      if (lower + this.uniform() * (upper - lower) < 1) return x;
    }
  }

  /**
   * A Poisson deviate: exact below a mean of 50 (the whole part of the mean
   * from a table, the rest by Knuth's product), Gaussian above.
   *
   * @param mean Expected count, 0 or more.
   * @returns A whole number of counts.
   */
  poisson(mean: number): number {
    if (!(mean > 0)) return 0;
    if (mean >= GAUSSIAN_FROM) {
      const count = Math.round(mean + Math.sqrt(mean) * this.normal());
      return count > 0 ? count : 0;
    }
    const whole = Math.floor(mean);
    let count = 0;
    if (whole > 0) {
      const table = poissonTables[whole]!;
      const bits = this.bits() >>> 0;
      count = table.guide[bits >>> 24]!;
      while (bits >= table.cumulative[count]!) count++;
    }
    const limit = Math.exp(whole - mean);
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count++;
    return count;
  }

  #tail(negative: boolean): number {
    while (true) {
      const x = Math.log(this.uniform()) / TAIL_START;
      const y = Math.log(this.uniform());
      if (-2 * y >= x * x) return negative ? x - TAIL_START : TAIL_START - x;
    }
  }
}

/**
 * Turns a text into a whole number, for naming a stream.
 *
 * @param text Anything, as an object or filter name.
 * @returns A 32-bit integer (FNV-1a).
 */
export function keyOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}

function mix(value: number): number {
  value = Math.imul(value ^ value >>> 16, 0x7feb352d);
  value = Math.imul(value ^ value >>> 15, 0x846ca68b);
  return value ^ value >>> 16;
}

function zigguratTables(): { edges: Float64Array; ratios: Float64Array } {
  const edges = new Float64Array(LAYERS + 1);
  const ratios = new Float64Array(LAYERS);
  let height = Math.exp(-0.5 * TAIL_START ** 2);
  edges[0] = LAYER_AREA / height;
  edges[1] = TAIL_START;
  for (let i = 2; i < LAYERS; i++) {
    edges[i] = Math.sqrt(-2 * Math.log(LAYER_AREA / edges[i - 1]! + height));
    height = Math.exp(-0.5 * edges[i]! ** 2);
  }
  for (let i = 0; i < LAYERS; i++) ratios[i] = edges[i + 1]! / edges[i]!;
  return { edges, ratios };
}

interface PoissonTable {
  /** Probability of at most n counts, times 2³². */
  readonly cumulative: Float64Array;
  /** Where the search starts, by the upper 8 bits. */
  readonly guide: Uint8Array;
}

function poissonTable(mean: number): PoissonTable {
  const cumulative = new Float64Array(160);
  let term = Math.exp(-mean), sum = 0;
  for (let n = 0; n < cumulative.length; n++) {
    sum += term;
    cumulative[n] = sum * TWO_POW_32;
    term *= mean / (n + 1);
  }
  cumulative[cumulative.length - 1] = Infinity;
  const guide = new Uint8Array(256);
  for (let i = 0, n = 0; i < guide.length; i++) {
    while (i * 16777216 >= cumulative[n]!) n++;
    guide[i] = n;
  }
  return { cumulative, guide };
}
