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
}

/** Pictures of noise hold nothing that comes again: runs and the frequency of values are all there is to save. */
const PACKING = { level: 1, strategy: constants.Z_RLE };
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** PNG's colour types. */
const GREY = 0, RGB = 2, PALETTE = 3;

/** What a file holds, a byte or three a pixel. */
interface Coded {
  readonly type: typeof GREY | typeof RGB | typeof PALETTE;
  readonly bytes: Uint8Array;
  /** `[colours, 3]` where `bytes` number them. */
  readonly palette?: Uint8Array;
}

/**
 * Encodes a picture. Where few of its colours are no greys they are numbered together with the greys,
 * of which the nearest are taken.
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
  const { width, height, channels, data } = picture;
  const coded: Coded = channels === 1 ? { type: GREY, bytes: data } : numberColours(data);
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, coded.type);
  return Buffer.concat([
    SIGNATURE,
    ...chunk("IHDR", new Uint8Array(header.buffer)),
    ...(coded.palette ? chunk("PLTE", coded.palette) : []),
    ...chunk("IDAT", deflateSync(scanLines(coded.bytes, height), PACKING)),
    ...chunk("IEND", new Uint8Array(0)),
  ]);
}

/** More colours besides greys would cost too many of these. */
const MOST_COLOURS = 8;

/** Numbers the colours of a picture if there are few; grey where there is none but grey. */
function numberColours(rgb: Uint8Array): Coded {
  const colours: number[] = [];
  const bytes = new Uint8Array(rgb.length / 3);
  const holes: number[] = [];
  for (let i = 0, k = 0; i < bytes.length; i++, k += 3) {
    const red = rgb[k]!, green = rgb[k + 1]!, blue = rgb[k + 2]!;
    bytes[i] = red;
    if (red === green && red === blue) continue;
    const colour = red << 16 | green << 8 | blue;
    let number = colours.indexOf(colour);
    if (number < 0) number = colours.push(colour) - 1;
    if (number >= MOST_COLOURS) return { type: RGB, bytes: rgb };
    holes.push(i, number);
  }
  if (colours.length === 0) return { type: GREY, bytes };
  const greys = 256 - colours.length;
  const shades = Uint8Array.from(
    { length: 256 },
    (_, grey) => Math.round(grey * (greys - 1) / 255),
  );
  for (let i = 0; i < bytes.length; i++) bytes[i] = shades[bytes[i]!]!;
  for (let k = 0; k < holes.length; k += 2) bytes[holes[k]!] = greys + holes[k + 1]!;
  const entries = Array.from({ length: greys }, (_, shade) => {
    const grey = Math.round(shade * 255 / (greys - 1));
    return [grey, grey, grey];
  });
  const others = colours.map((colour) => [colour >> 16, colour >> 8 & 255, colour & 255]);
  return { type: PALETTE, bytes, palette: Uint8Array.from([...entries, ...others].flat()) };
}

/** Rows, each behind a byte that names its filter: none. */
function scanLines(bytes: Uint8Array, height: number): Uint8Array {
  const rowBytes = bytes.length / height;
  const lines = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0; y < height; y++) {
    lines.set(bytes.subarray(y * rowBytes, (y + 1) * rowBytes), y * (rowBytes + 1) + 1);
  }
  return lines;
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
