/**
 * Writes PNG files (W3C PNG, third edition): 8 bits, rows unfiltered.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { constants, crc32, deflateSync } from "node:zlib";

/** Pixels of a picture. */
export interface Picture {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1: grey, 3: RGB. */
  readonly channels: 1 | 3;
  /** `[height, width, channels]`, the top row first. */
  readonly data: Uint8Array;
  /** What is no grey in a picture of one channel. */
  readonly colours?: Colours;
}

/** A few colours. */
export interface Colours {
  /** `[height, width]`: 0 where a pixel is grey, or else the number of its colour, from 1 on. */
  readonly numbers: Uint8Array;
  /** The colours: eight bits each for red, green and blue. */
  readonly list: readonly number[];
}

/** Pictures of noise hold nothing that comes again: runs and the frequency of values are all there is to save. */
const PACKING = { level: 1, strategy: constants.Z_RLE };
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** PNG's colour types. */
const GREY = 0, RGB = 2, PALETTE = 3;

/**
 * Encodes a picture. Its colours, where they are few, are numbered together with the greys, of which the
 * nearest are taken.
 *
 * @param picture Pixels.
 * @returns The file's bytes.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const png = encodePng({ width: 1, height: 1, channels: 1, data: Uint8Array.of(7) });
 * assert.deepEqual([...png.subarray(1, 4)], [..."PNG"].map((c) => c.charCodeAt(0)));
 * ```
 */
export function encodePng(picture: Picture): Uint8Array {
  const { width, height, channels, colours } = picture;
  const used = colours?.list.flatMap((_, i) => colours.numbers.includes(i + 1) ? [i + 1] : []);
  const palette = used?.length ? paletteOf(colours!, used) : undefined;
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, palette ? PALETTE : channels === 1 ? GREY : RGB);
  return Buffer.concat([
    SIGNATURE,
    ...chunk("IHDR", new Uint8Array(header.buffer)),
    ...(palette ? chunk("PLTE", palette.entries) : []),
    ...chunk("IDAT", deflateSync(scanLines(picture, palette), PACKING)),
    ...chunk("IEND", new Uint8Array(0)),
  ]);
}

/** Greys and colours of a file. */
interface Palette {
  /** `[entries, 3]`. */
  readonly entries: Uint8Array;
  /** Entry of each grey. */
  readonly ofGreys: Uint8Array;
  /** Entry of each colour by its number; 0 for what is grey. */
  readonly ofColours: Uint8Array;
}

/** A palette of as many greys as the colours in use leave room for. */
function paletteOf({ list }: Colours, used: readonly number[]): Palette {
  const greys = 256 - used.length;
  const shades = Array.from({ length: greys }, (_, i) => Math.round(i * 255 / (greys - 1)));
  const parts = used.map((number) => list[number - 1]!)
    .flatMap((colour) => [colour >> 16, colour >> 8 & 255, colour & 255]);
  const ofColours = new Uint8Array(256);
  used.forEach((number, i) => ofColours[number] = greys + i);
  return {
    entries: Uint8Array.from([...shades.flatMap((grey) => [grey, grey, grey]), ...parts]),
    ofGreys: Uint8Array.from({ length: 256 }, (_, grey) => Math.round(grey * (greys - 1) / 255)),
    ofColours,
  };
}

/** Rows, each behind a byte that names its filter: none. */
function scanLines({ width, height, channels, data, colours }: Picture, palette?: Palette) {
  const rowBytes = width * channels;
  const lines = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0, at = 1; y < height; y++, at += rowBytes + 1) {
    const row = data.subarray(y * rowBytes, (y + 1) * rowBytes);
    if (palette === undefined) lines.set(row, at);
    else {
      const numbers = colours!.numbers.subarray(y * rowBytes, (y + 1) * rowBytes);
      numberRow(row, numbers, palette, lines.subarray(at, at + rowBytes));
    }
  }
  return lines;
}

function numberRow(
  row: Uint8Array,
  numbers: Uint8Array,
  { ofGreys, ofColours }: Palette,
  into: Uint8Array,
): void {
  for (let x = 0; x < row.length; x++) {
    const number = numbers[x]!;
    into[x] = number === 0 ? ofGreys[row[x]!]! : ofColours[number]!;
  }
}

/** Length, name, data and checksum of name and data. */
function chunk(name: string, data: Uint8Array): Uint8Array[] {
  const label = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
  return [bigEndian(data.length), label, data, bigEndian(crc32(data, crc32(label)))];
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
