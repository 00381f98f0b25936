/**
 * The ways in which a tile may be compressed, by the name that ZCMPTYPE has.
 *
 * @module
 */

import { decodeHcompress } from "./hcompress.ts";
import { decodePlio } from "./plio.ts";
import { decodeRice } from "./rice.ts";

/** A tile to be decoded. */
export interface Tile {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly rows: number;
  /** ZNAMEn and ZVALn. */
  readonly settings: ReadonlyMap<string, number>;
}

/**
 * Decodes a tile.
 *
 * @returns Its integers, or the bytes of its pixels, big-endian; undefined if the code is damaged.
 */
export type TileDecoder = (bytes: Uint8Array, tile: Tile) => Int32Array | Uint8Array | undefined;

/** By ZCMPTYPE. */
export const ALGORITHMS: Readonly<Record<string, TileDecoder>> = {
  RICE_1: rice,
  RICE_ONE: rice,
  GZIP_1: gunzip,
  GZIP_2: (bytes, tile) => unshuffled(gunzip(bytes), tile),
  PLIO_1: (bytes, tile) => integers(tile, (out) => decodePlio(bytes, out)),
  HCOMPRESS_1: (bytes, tile) => integers(tile, (out) => decodeHcompress(bytes, tile, out)),
  NOCOMPRESS: (bytes) => bytes,
};

let zlib: typeof import("node:zlib") | undefined;

/** Loads what {@linkcode gunzip} needs: it takes a while, and few runs meet packed images. */
export async function prepareGunzip(): Promise<void> {
  zlib ??= await import("node:zlib");
}

/**
 * Unpacks what gzip has packed; {@linkcode prepareGunzip} comes before.
 *
 * @returns The bytes; undefined if they are damaged.
 */
export function gunzip(bytes: Uint8Array): Uint8Array | undefined {
  if (zlib === undefined) throw new Error("prepareGunzip() was not called");
  try {
    const { buffer, byteOffset, byteLength } = zlib.gunzipSync(bytes);
    return new Uint8Array(buffer, byteOffset, byteLength); // not a Buffer, whose slice() does not copy
  } catch {
    return undefined; // told as a damaged tile, with its number
  }
}

function integers(tile: Tile, decode: (out: Int32Array) => boolean): Int32Array | undefined {
  const out = new Int32Array(tile.width * tile.rows);
  return decode(out) ? out : undefined;
}

function rice(bytes: Uint8Array, tile: Tile): Int32Array | undefined {
  const bytePix = tile.settings.get("BYTEPIX") ?? 4;
  const blockSize = tile.settings.get("BLOCKSIZE") ?? 32;
  return integers(tile, (out) => decodeRice(bytes, { bytePix, blockSize }, out));
}

/** GZIP_2 packs first the highest bytes of all pixels, then the next ones. */
function unshuffled(bytes: Uint8Array | undefined, tile: Tile): Uint8Array | undefined {
  const pixels = tile.width * tile.rows;
  const size = bytes === undefined ? 0 : bytes.length / pixels;
  if (bytes === undefined || !Number.isInteger(size)) return undefined;
  const out = new Uint8Array(bytes.length);
  for (let byte = 0; byte < size; byte++) {
    for (let i = 0, at = byte * pixels; i < pixels; i++) out[i * size + byte] = bytes[at + i]!;
  }
  return out;
}
