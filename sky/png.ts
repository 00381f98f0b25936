/**
 * Writes PNG files (W3C PNG, third edition): 8 bits, rows unfiltered.
 *
 * @module
 */

import type { Compute } from "../gpu/compute.ts";
import {
  type PackedLines,
  packLines,
  packLinesHere,
  type PngLines,
} from "../gpu/kernels/pack_png/pack_png.ts";

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
export function encodePng(picture: Picture): Uint8Array<ArrayBuffer> {
  const palette = paletteOf(picture);
  return file(picture, palette, packLinesHere(linesOf(picture, palette)));
}

/**
 * As {@linkcode encodePng}, by the threads of a processor.
 *
 * @param compute Whose threads.
 * @param picture Pixels.
 * @returns The file's bytes.
 */
export async function encodePngBy(
  compute: Compute,
  picture: Picture,
): Promise<Uint8Array<ArrayBuffer>> {
  const palette = paletteOf(picture);
  return file(picture, palette, await packLines(compute, linesOf(picture, palette)));
}

function file(
  { width, height, channels }: Picture,
  palette: Palette | undefined,
  { chunks, adler32 }: PackedLines,
): Uint8Array<ArrayBuffer> {
  const type = palette ? PALETTE : channels === 1 ? GREY : RGB;
  return joined([
    SIGNATURE,
    chunk("IHDR", [...bigEndian(width), ...bigEndian(height), 8, type, 0, 0, 0]),
    ...(palette ? [chunk("PLTE", palette.colours)] : []),
    chunk("IDAT", [0x78, 0x01]), // a zlib stream
    ...chunks,
    chunk("IDAT", [0x03, 0x00, ...bigEndian(adler32)]), // its last block, empty, and its sum
    chunk("IEND", []),
  ]);
}

/** Greys and colours of a file. */
interface Palette {
  /** `[entries, 3]`. */
  readonly colours: readonly number[];
  /** Entry of each grey, then of each colour by its number, `[512]`. */
  readonly entries: Uint8Array;
}

/** A palette of as many greys as the colours in use leave room for; none where all is grey. */
function paletteOf({ colours }: Picture): Palette | undefined {
  const used = colours?.list.flatMap((_, i) => colours.numbers.includes(i + 1) ? [i + 1] : []);
  if (colours === undefined || !used?.length) return undefined;
  const greys = 256 - used.length;
  const shades = Array.from({ length: greys }, (_, i) => Math.round(i * 255 / (greys - 1)));
  const parts = used.map((number) => colours.list[number - 1]!)
    .flatMap((colour) => [colour >> 16, colour >> 8 & 255, colour & 255]);
  const entries = new Uint8Array(512);
  for (let grey = 0; grey < 256; grey++) entries[grey] = Math.round(grey * (greys - 1) / 255);
  used.forEach((number, i) => entries[256 + number] = greys + i);
  return { colours: [...shades.flatMap((grey) => [grey, grey, grey]), ...parts], entries };
}

function linesOf(picture: Picture, palette: Palette | undefined): PngLines {
  const { width, channels, data, colours } = picture;
  const lines = { samples: data, bytes: width * channels };
  if (palette === undefined) return lines;
  return { ...lines, palette: { numbers: colours!.numbers, entries: palette.entries } };
}

/** Length, name, data and checksum of name and data. */
function chunk(name: string, data: readonly number[]): Uint8Array {
  const named = [...Array.from(name, (letter) => letter.charCodeAt(0)), ...data];
  return Uint8Array.from([...bigEndian(data.length), ...named, ...bigEndian(crc32(named))]);
}

/** CRC-32 (ISO 3309) of a few bytes. */
function crc32(bytes: readonly number[]): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let k = 0; k < 8; k++) sum = sum & 1 ? sum >>> 1 ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

function bigEndian(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
