/**
 * Stored pixels of a FITS file to float32, the bytes taken as they are in the file.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, f64, type Kernel, type Param, type Pass, u32 } from "../../job.ts";
import wgsl from "./decode.wgsl" with { type: "text" };
import wasm from "./decode.wasm.b64" with { type: "text" };

/** The kernel. */
export const DECODE: Kernel = { name: "decode", wgsl, wasm };

/** How pixels lie in a file: physical = bzero + bscale · stored. */
export interface StoredLayout {
  /** Type of the stored pixels, as BITPIX says. */
  readonly bitpix: 8 | 16 | 32 | 64 | -32 | -64;
  /** Factor of the stored value. */
  readonly bscale: number;
  /** Offset of the physical value. */
  readonly bzero: number;
  /** The stored integer that means "no value"; integers only. */
  readonly blank?: number | bigint;
}

const HAS_BLANK = 1;
const UNSIGNED = 2;
const EXACT = 4;
const SCALED = 8;

/** Bytes of a stored pixel. */
export function storedBytes({ bitpix }: StoredLayout): number {
  return Math.abs(bitpix) / 8;
}

/**
 * A pass that decodes planes of pixels.
 *
 * @param layout How they are stored, all planes alike.
 * @param slots Indices of the raw bytes and of the float32 values.
 * @param planes How many planes.
 */
export function decodePass(
  layout: StoredLayout,
  slots: readonly [raw: number, values: number],
  planes = 1,
): Pass {
  return {
    kernel: DECODE,
    entry: "decodeRows",
    slots,
    params: decodeParams(layout, planes),
    rows: "all",
  };
}

function decodeParams(layout: StoredLayout, planes: number): Param[] {
  const { bitpix, bscale } = layout;
  // 2⁶³ and a small number cancel exactly only as integers
  const unsigned = bitpix >= 16 && bscale === 1 && layout.bzero === 2 ** (bitpix - 1);
  const bzero = unsigned ? 0 : layout.bzero;
  const blank = bitpix > 0 ? layout.blank : undefined;
  const exact = blank === undefined && bscale === 1 &&
    (bitpix === 16 ? Number.isInteger(layout.bzero) && Math.abs(layout.bzero) < 2 ** 23 : !bzero);
  const flags = (blank === undefined ? 0 : HAS_BLANK) | (unsigned ? UNSIGNED : 0) |
    (exact ? EXACT : 0) | (bscale === 1 && bzero === 0 ? 0 : SCALED);
  const wide = BigInt.asUintN(64, BigInt(blank ?? 0));
  return [
    ...f64(bscale),
    ...f64(bzero),
    f32(bscale),
    f32(exact ? layout.bzero : bzero),
    u32(flags),
    u32(Number(wide & 0xffffffffn)),
    u32(Number(wide >> 32n)),
    u32(planes),
    u32(bitpix),
  ];
}

/** What {@linkcode decode} decodes. */
export interface DecodeOptions extends StoredLayout {
  /** Pixels a row. */
  readonly width: number;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/**
 * Decodes rows of pixels.
 *
 * On the cpu backend the scaling is float64, rounded once. On a GPU it is float32: integers beyond
 * 2²⁴, and scale and offset, are rounded to float32 each.
 *
 * @param compute Where.
 * @param raw Bytes as in the file, big-endian, whole rows.
 * @param values `[rows, width]` physical values, filled; NaN for BLANK and NaN.
 * @param options Layout and width.
 */
export async function decode(
  compute: Compute,
  raw: Uint8Array<ArrayBufferLike>,
  values: Float32Array<ArrayBufferLike>,
  options: DecodeOptions,
): Promise<void> {
  const { width, signal } = options;
  const bytes = bytesOf(values);
  await compute.run({
    label: `decode BITPIX ${options.bitpix}`,
    width,
    rows: values.length / width,
    slots: [
      { role: "input", rowBytes: width * storedBytes(options), bytes: raw },
      { role: "output", rowBytes: width * 4, bytes },
    ],
    passes: [{ ...decodePass(options, [0, 1]), rows: "inner" }],
  }, signal);
}
