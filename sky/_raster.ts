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
   */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#grey = new Uint8Array(width * height).fill(255);
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
    const isGrey = this.#rgb === undefined &&
      (this.#numbers === undefined || this.#numbers[at] === 0);
    if (isGrey && colour[0] === colour[1] && colour[0] === colour[2]) {
      this.#grey[at] = mix(this.#grey[at]!, share, colour[0]);
      return;
    }
    const [red, green, blue] = this.#colourAt(at);
    const mixed = [mix(red, share, colour[0]), mix(green, share, colour[1])] as const;
    this.#set(at, [...mixed, mix(blue, share, colour[2])]);
  }

  #colourAt(at: number): Rgb {
    if (this.#rgb !== undefined) {
      return [this.#rgb[3 * at]!, this.#rgb[3 * at + 1]!, this.#rgb[3 * at + 2]!];
    }
    const number = this.#numbers?.[at] ?? 0, grey = this.#grey[at]!;
    return number === 0 ? [grey, grey, grey] : partsOf(this.#colours[number - 1]!);
  }

  #set(at: number, [red, green, blue]: Rgb): void {
    if (this.#rgb === undefined && red === green && red === blue) {
      this.#grey[at] = red;
      if (this.#numbers !== undefined) this.#numbers[at] = 0;
      return;
    }
    const number = this.#rgb === undefined ? this.#numberOf(red << 16 | green << 8 | blue) : 0;
    if (number > 0) this.#planeOfNumbers()[at] = number;
    else this.#toRgb().set([red, green, blue], 3 * at);
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
      const rgb = picture.channels === 3 ? picture.data : rgbOf(picture);
      const copy = { from: rgb, fromWidth: picture.width, to: this.#toRgb(), toWidth: this.width };
      return copyNearest(copy, box, rows, columns, 3);
    }
    const size = { fromWidth: picture.width, toWidth: this.width };
    copyNearest({ ...size, from: picture.data, to: this.#grey }, box, rows, columns, 1);
    if (picture.colours === undefined && this.#numbers === undefined) return;
    const from = picture.colours === undefined
      ? new Uint8Array(picture.data.length)
      : renumbered(picture.colours.numbers, numbers);
    copyNearest({ ...size, from, to: this.#planeOfNumbers() }, box, rows, columns, 1);
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
    rgb[k] = rgb[k + 1] = rgb[k + 2] = data[i]!;
    const number = colours?.numbers[i] ?? 0;
    if (number > 0) rgb.set(partsOf(colours!.list[number - 1]!), k);
  }
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
  channels: 1 | 3,
): void {
  for (let y = 0; y < height; y++) {
    const row = rows[y]! * fromWidth, at = ((top + y) * toWidth + left) * channels;
    if (y > 0 && rows[y] === rows[y - 1]) {
      to.copyWithin(at, at - toWidth * channels, at + (width - toWidth) * channels);
    } else if (width === fromWidth) {
      to.set(from.subarray(row * channels, (row + width) * channels), at);
    } else if (channels === 1) {
      for (let x = 0; x < width; x++) to[at + x] = from[row + columns[x]!]!;
    } else {
      for (let x = 0; x < width; x++) {
        const first = (row + columns[x]!) * 3;
        for (let k = 0; k < 3; k++) to[at + 3 * x + k] = from[first + k]!;
      }
    }
  }
}
