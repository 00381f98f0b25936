/**
 * The pixels of a picture that is drawn on: a byte each while they are greys, with a number beside it
 * while few are not, and three bytes once there are many colours.
 *
 * @module
 */

import type { Picture } from "./png.ts";

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** A rectangle of whole pixels. */
export interface Box {
  /** First column. */
  readonly left: number;
  /** First row. */
  readonly top: number;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/** More colours besides greys would cost too many of the greys of a palette. */
const MOST_COLOURS = 8;

/** White pixels. */
export class Raster {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** `[height, width]`. */
  readonly #grey: Uint8Array;
  /** As {@linkcode Picture} has them; absent while all pixels are grey. */
  #numbers: Uint8Array | undefined;
  readonly #colours: number[] = [];
  /** `[height, width, 3]`, in place of all that, once there are too many colours. */
  #rgb: Uint8Array | undefined;

  /**
   * Begins a picture.
   *
   * @param width Columns.
   * @param height Rows.
   * @param isColourful Whether many colours are to be expected.
   */
  constructor(width: number, height: number, isColourful = false) {
    this.width = width;
    this.height = height;
    this.#grey = new Uint8Array(isColourful ? 0 : width * height).fill(255);
    if (isColourful) this.#rgb = new Uint8Array(width * height * 3).fill(255);
  }

  /** The picture as it is now; drawing goes on in the same memory. */
  get picture(): Picture {
    const { width, height } = this;
    if (this.#rgb !== undefined) return { width, height, channels: 3, data: this.#rgb };
    const colours = this.#numbers && { numbers: this.#numbers, list: this.#colours };
    return { width, height, channels: 1, data: this.#grey, ...(colours && { colours }) };
  }

  /**
   * Lays a colour over part of a pixel.
   *
   * @param at Number of the pixel.
   * @param share Of the pixel that is covered, 0 to 1.
   * @param colour What covers it.
   */
  blend(at: number, share: number, colour: Rgb): void {
    if (this.#rgb !== undefined) {
      for (let k = 0; k < 3; k++) {
        this.#rgb[3 * at + k] = mix(this.#rgb[3 * at + k]!, share, colour[k]!);
      }
      return;
    }
    const number = this.#numbers?.[at] ?? 0, grey = this.#grey[at]!;
    if (number === 0 && colour[0] === colour[1] && colour[0] === colour[2]) {
      this.#grey[at] = mix(grey, share, colour[0]);
      return;
    }
    const below = number === 0 ? [grey, grey, grey] : partsOf(this.#colours[number - 1]!);
    this.#set(at, colour.map((above, k) => mix(below[k]!, share, above)));
  }

  #set(at: number, parts: readonly number[]): void {
    const [red, green, blue] = parts as [number, number, number];
    if (red === green && red === blue) {
      this.#grey[at] = red;
      if (this.#numbers !== undefined) this.#numbers[at] = 0;
      return;
    }
    const number = this.#numberOf(red << 16 | green << 8 | blue);
    if (number > 0) this.#planeOfNumbers()[at] = number;
    else this.#toRgb().set(parts, 3 * at);
  }

  /** The number of a colour; 0 if there are too many. */
  #numberOf(colour: number): number {
    const known = this.#colours.indexOf(colour);
    if (known >= 0) return known + 1;
    return this.#colours.length < MOST_COLOURS ? this.#colours.push(colour) : 0;
  }

  #planeOfNumbers(): Uint8Array {
    return this.#numbers ??= new Uint8Array(this.#grey.length);
  }

  #toRgb(): Uint8Array {
    return this.#rgb ??= rgbOf(this.picture);
  }

  /** Lays a picture over a rectangle that lies within this one: the nearest pixel to each of its own. */
  lay(picture: Picture, box: Box): void {
    const columns = nearest(picture.width, box.width), rows = nearest(picture.height, box.height);
    const numbers = picture.colours?.list.map((colour) => this.#numberOf(colour)) ?? [];
    if (this.#rgb !== undefined || picture.channels === 3 || numbers.includes(0)) {
      return layRgb(picture, this.#toRgb(), this.width, box, rows, columns);
    }
    const size = { fromWidth: picture.width, toWidth: this.width };
    copyNearest({ ...size, from: picture.data, to: this.#grey }, box, rows, columns);
    if (picture.colours === undefined && this.#numbers === undefined) return;
    const from = picture.colours === undefined
      ? new Uint8Array(picture.data.length)
      : renumbered(picture.colours.numbers, numbers);
    copyNearest({ ...size, from, to: this.#planeOfNumbers() }, box, rows, columns);
  }
}

/** Numbers of colours in another list: `others[k - 1]` in place of `k`. */
function renumbered(numbers: Uint8Array, others: readonly number[]): Uint8Array {
  if (others.every((other, i) => other === i + 1)) return numbers;
  const table = Uint8Array.of(0, ...others);
  return numbers.map((number) => table[number]!);
}

function mix(below: number, share: number, above: number): number {
  return Math.round(below + share * (above - below));
}

function partsOf(colour: number): Rgb {
  return [colour >> 16, colour >> 8 & 255, colour & 255];
}

/**
 * All pixels in three bytes.
 *
 * @param picture Pixels.
 * @returns `[height, width, 3]`, a copy.
 */
export function rgbOf({ channels, data, colours }: Picture): Uint8Array {
  if (channels === 3) return data.slice();
  const rgb = new Uint8Array(3 * data.length);
  for (let i = 0, k = 0; i < data.length; i++, k += 3) {
    const grey = data[i]!;
    rgb[k] = grey;
    rgb[k + 1] = grey;
    rgb[k + 2] = grey;
  }
  colours?.numbers.forEach((number, i) => {
    if (number > 0) rgb.set(partsOf(colours.list[number - 1]!), 3 * i);
  });
  return rgb;
}

/** For each of some pixels the nearest of others over the same length. */
function nearest(count: number, drawn: number): Uint32Array {
  return Uint32Array.from({ length: drawn }, (_, i) => Math.floor((i + 0.5) * count / drawn));
}

interface Planes {
  readonly from: Uint8Array;
  readonly fromWidth: number;
  readonly to: Uint8Array;
  readonly toWidth: number;
}

function copyNearest(
  { from, fromWidth, to, toWidth }: Planes,
  { left, top, width, height }: Box,
  rows: Uint32Array,
  columns: Uint32Array,
): void {
  for (let y = 0; y < height; y++) {
    const row = rows[y]! * fromWidth, at = (top + y) * toWidth + left;
    if (y > 0 && rows[y] === rows[y - 1]) {
      to.copyWithin(at, at - toWidth, at + width - toWidth);
    } else if (width === fromWidth) to.set(from.subarray(row, row + width), at);
    else for (let x = 0; x < width; x++) to[at + x] = from[row + columns[x]!]!;
  }
}

/** Lays a picture of any kind over one of three bytes a pixel. */
function layRgb(
  picture: Picture,
  to: Uint8Array,
  toWidth: number,
  { left, top, width, height }: Box,
  rows: Uint32Array,
  columns: Uint32Array,
): void {
  const { channels, data, colours } = picture;
  const step = channels === 3 ? 1 : 0;
  for (let y = 0; y < height; y++) {
    const row = rows[y]! * picture.width;
    let at = ((top + y) * toWidth + left) * 3;
    if (y > 0 && rows[y] === rows[y - 1]) {
      to.copyWithin(at, at - 3 * toWidth, at + 3 * (width - toWidth));
      continue;
    }
    for (let x = 0; x < width; x++, at += 3) {
      const pixel = row + columns[x]!, from = channels * pixel;
      to[at] = data[from]!;
      to[at + 1] = data[from + step]!;
      to[at + 2] = data[from + 2 * step]!;
      const number = colours === undefined ? 0 : colours.numbers[pixel]!;
      if (number > 0) to.set(partsOf(colours!.list[number - 1]!), at);
    }
  }
}
