/**
 * Writes PNG files (W3C PNG, third edition): 8 bits, grey or RGB, rows unfiltered.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { crc32, deflate, deflateSync } from "node:zlib";

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

/** More brings little: pictures of noise hardly get smaller. */
const LEVEL = 3;
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** PNG's colour types by channels. */
const COLOUR_TYPES = { 1: 0, 3: 2 } as const;

/**
 * Encodes a picture.
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
  return assemble(picture, deflateSync(scanLines(picture), { level: LEVEL }));
}

const deflateAside = promisify(
  (data: Uint8Array, done: (error: Error | null, bytes: Uint8Array) => void) =>
    deflate(data, { level: LEVEL }, done),
);

/**
 * Encodes a picture on another thread.
 *
 * @param picture Pixels; may be changed once the call has returned.
 * @returns The file's bytes.
 */
export async function encodePngAside(picture: Picture): Promise<Uint8Array> {
  return assemble(picture, await deflateAside(scanLines(picture)));
}

/** Rows, each behind a byte that names its filter: none. */
function scanLines({ height, data }: Picture): Uint8Array {
  const rowBytes = data.length / height;
  const lines = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0; y < height; y++) {
    lines.set(data.subarray(y * rowBytes, (y + 1) * rowBytes), y * (rowBytes + 1) + 1);
  }
  return lines;
}

function assemble({ width, height, channels }: Picture, deflated: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, COLOUR_TYPES[channels]);
  return Buffer.concat([
    SIGNATURE,
    ...chunk("IHDR", new Uint8Array(header.buffer)),
    ...chunk("IDAT", deflated),
    ...chunk("IEND", new Uint8Array(0)),
  ]);
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
