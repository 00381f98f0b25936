/**
 * A tile's row of the table to the bytes that its pixels would have in a plain image.
 *
 * @module
 */

import { type Bitpix, pixelBytes, swap32, swap64 } from "../pixels.ts";
import { ALGORITHMS, gunzip } from "./algorithms.ts";
import { type Quantization, restoreReals } from "./quantized.ts";
import type { TileForm } from "./tile_form.ts";

/** Where the bytes of a tile come from. */
export interface TileSource {
  /** Number of the tile, from 0. */
  readonly index: number;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly rows: number;
  /** The column that holds it. */
  readonly column: "COMPRESSED_DATA" | "GZIP_COMPRESSED_DATA" | "UNCOMPRESSED_DATA";
  /** What the column holds. */
  readonly bytes: Uint8Array;
  /** A number of the tile's own; undefined where there is no such column. */
  readonly number: (column: "ZSCALE" | "ZZERO" | "ZBLANK") => number | undefined;
}

/**
 * Decodes a tile.
 *
 * @param source Its bytes and numbers.
 * @param form Of the image.
 * @returns Pixels as a plain image of that BITPIX has them, big-endian; undefined if damaged.
 */
export function decodeTile(source: TileSource, form: TileForm): Uint8Array | undefined {
  const pixels = source.width * source.rows;
  const size = pixelBytes(form.bitpix);
  const asStored = (bytes: Uint8Array | undefined) =>
    bytes?.length === pixels * size ? bytes : undefined;
  if (source.column === "UNCOMPRESSED_DATA") return asStored(source.bytes);
  if (source.column === "GZIP_COMPRESSED_DATA") return asStored(gunzip(source.bytes));
  const { width, rows } = source;
  const decoded = ALGORITHMS[form.algorithm]!(source.bytes, {
    width,
    rows,
    settings: form.settings,
  });
  if (form.dither !== undefined) {
    const integers = decoded instanceof Uint8Array ? wideIntegers(decoded, pixels) : decoded;
    return integers && realBytes(integers, quantizationOf(source, form), form.bitpix);
  }
  if (!(decoded instanceof Int32Array)) return asStored(decoded) ?? widened(decoded, pixels, form);
  return integerBytes(decoded, form);
}

function quantizationOf(source: TileSource, form: TileForm): Quantization {
  return {
    scale: source.number("ZSCALE") ?? form.scale?.[0] ?? 1,
    zero: source.number("ZZERO") ?? form.scale?.[1] ?? 0,
    blank: source.number("ZBLANK") ?? form.blank,
    dither: form.dither ?? 0,
    seed: source.index + form.seed,
  };
}

/** Integers of another width than the image's, as some writers leave them. */
function widened(
  bytes: Uint8Array | undefined,
  pixels: number,
  form: TileForm,
): Uint8Array | undefined {
  const integers = form.bitpix > 0 ? wideIntegers(bytes, pixels) : undefined;
  return integers && integerBytes(integers, form);
}

/** Big-endian integers of 1, 2 or 4 bytes. */
function wideIntegers(bytes: Uint8Array | undefined, pixels: number): Int32Array | undefined {
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (bytes.length / pixels) {
    case 1:
      return new Int32Array(bytes);
    case 2:
      return Int32Array.from({ length: pixels }, (_, i) => view.getInt16(2 * i));
    case 4: {
      const words = new Uint32Array(bytes.slice().buffer);
      swap32(words);
      return new Int32Array(words.buffer);
    }
    default:
      return undefined;
  }
}

function realBytes(integers: Int32Array, how: Quantization, bitpix: Bitpix): Uint8Array {
  const out = bitpix === -32
    ? new Float32Array(integers.length)
    : new Float64Array(integers.length);
  restoreReals(integers, how, out);
  const words = new Uint32Array(out.buffer);
  if (bitpix === -32) swap32(words);
  else swap64(words);
  return new Uint8Array(out.buffer);
}

function integerBytes(integers: Int32Array, form: TileForm): Uint8Array | undefined {
  switch (form.bitpix) {
    case 8:
      return new Uint8Array(integers);
    case 16: {
      const out = new Uint16Array(integers.length);
      for (let i = 0; i < out.length; i++) {
        const v = integers[i]! - form.raised;
        out[i] = (v << 8) | ((v >> 8) & 0xff);
      }
      return new Uint8Array(out.buffer);
    }
    case 32: {
      const out = new Uint32Array(integers);
      swap32(out);
      return new Uint8Array(out.buffer);
    }
    default:
      return undefined;
  }
}
