/**
 * Pixels between their form in a FITS file (big-endian, scaled) and typed arrays.
 *
 * Everything goes through typed arrays of the machine's order with the bytes
 * exchanged by shifts; all machines that Deno runs on are little-endian.
 *
 * @module
 */

/** The types of pixel that FITS has, as BITPIX says. */
export type Bitpix = 8 | 16 | 32 | 64 | -32 | -64;

/** How pixels lie in a file: physical = bzero + bscale · stored. */
export interface PixelLayout {
  /** Type of the stored pixels. */
  readonly bitpix: Bitpix;
  /** Factor of the stored value. */
  readonly bscale: number;
  /** Offset of the physical value. */
  readonly bzero: number;
  /** The stored integer that means "no value"; integers only. */
  readonly blank?: number | bigint;
}

/** Bytes of one pixel. */
export function pixelBytes(bitpix: Bitpix): number {
  return Math.abs(bitpix) / 8;
}

/** Exchanges the bytes of 32-bit words in place. */
export function swap32(words: Uint32Array): void {
  for (let i = 0; i < words.length; i++) {
    const v = words[i]!;
    words[i] = (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);
  }
}

/** Exchanges the bytes of 64-bit words in place; the array holds their halves. */
export function swap64(halves: Uint32Array): void {
  swap32(halves);
  for (let i = 0; i < halves.length; i += 2) {
    const first = halves[i]!;
    halves[i] = halves[i + 1]!;
    halves[i + 1] = first;
  }
}

/**
 * Turns stored pixels into physical values.
 *
 * @param raw Bytes as in the file, at an offset divisible by 8; overwritten.
 * @param out Physical values, as many as there are pixels; BLANK becomes NaN. It may lie on the
 * bytes of `raw` where BITPIX is −32.
 */
export function decodePixels(raw: Uint8Array, layout: PixelLayout, out: Float32Array): void {
  switch (layout.bitpix) {
    case 8:
      return decode8(raw, layout, out);
    case 16:
      return decode16(new Uint16Array(raw.buffer, raw.byteOffset, out.length), layout, out);
    case 32:
      return decode32(new Uint32Array(raw.buffer, raw.byteOffset, out.length), layout, out);
    case 64:
      return decode64(new Uint32Array(raw.buffer, raw.byteOffset, out.length * 2), layout, out);
    case -32:
      swap32(new Uint32Array(raw.buffer, raw.byteOffset, out.length));
      return copyReal(new Float32Array(raw.buffer, raw.byteOffset, out.length), layout, out);
    case -64:
      swap64(new Uint32Array(raw.buffer, raw.byteOffset, out.length * 2));
      return copyReal(new Float64Array(raw.buffer, raw.byteOffset, out.length), layout, out);
  }
}

function decode8(raw: Uint8Array, { bscale, bzero, blank }: PixelLayout, out: Float32Array): void {
  const missing = blank === undefined ? NaN : Number(blank);
  for (let i = 0; i < out.length; i++) {
    const v = raw[i]!;
    out[i] = v === missing ? NaN : v * bscale + bzero;
  }
}

function decode16(raw: Uint16Array, layout: PixelLayout, out: Float32Array): void {
  const { bscale, bzero, blank } = layout;
  if (blank === undefined) {
    for (let i = 0; i < out.length; i++) {
      const v = raw[i]!;
      out[i] = (((v << 24) | ((v & 0xff00) << 8)) >> 16) * bscale + bzero;
    }
    return;
  }
  const missing = Number(blank);
  for (let i = 0; i < out.length; i++) {
    const v = raw[i]!;
    const stored = ((v << 24) | ((v & 0xff00) << 8)) >> 16;
    out[i] = stored === missing ? NaN : stored * bscale + bzero;
  }
}

function decode32(raw: Uint32Array, layout: PixelLayout, out: Float32Array): void {
  const { bscale, bzero, blank } = layout;
  const missing = blank === undefined ? NaN : Number(blank);
  for (let i = 0; i < out.length; i++) {
    const v = raw[i]!;
    const stored = (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);
    out[i] = stored === missing ? NaN : stored * bscale + bzero;
  }
}

/** Adds BZERO to the upper half first: 2⁶³ and a small number then cancel exactly. */
function decode64(halves: Uint32Array, layout: PixelLayout, out: Float32Array): void {
  const { bscale, bzero, blank } = layout;
  swap64(halves);
  const wanted = blank === undefined ? undefined : BigInt.asUintN(64, BigInt(blank));
  const blankLow = wanted === undefined ? -1 : Number(wanted & 0xffffffffn);
  const blankHigh = wanted === undefined ? -1 : Number(wanted >> 32n);
  for (let i = 0; i < out.length; i++) {
    const low = halves[2 * i]!;
    const high = halves[2 * i + 1]!;
    out[i] = low === blankLow && high === blankHigh
      ? NaN
      : ((high | 0) * 4294967296 * bscale + bzero) + low * bscale;
  }
}

function copyReal(
  values: Float32Array | Float64Array,
  { bscale, bzero }: PixelLayout,
  out: Float32Array,
): void {
  if (bscale === 1 && bzero === 0) {
    if (values.buffer !== out.buffer || values.byteOffset !== out.byteOffset) out.set(values);
    return;
  }
  for (let i = 0; i < out.length; i++) out[i] = values[i]! * bscale + bzero;
}

/**
 * Turns stored unsigned 16-bit pixels (BITPIX 16, BZERO 32768), or bytes, into counts.
 *
 * @param raw Bytes as in the file, at an even offset.
 */
export function decodeUint16(raw: Uint8Array, bitpix: 8 | 16, out: Uint16Array): void {
  if (bitpix === 8) return out.set(raw);
  const stored = new Uint16Array(raw.buffer, raw.byteOffset, out.length);
  for (let i = 0; i < out.length; i++) {
    const v = stored[i]!;
    out[i] = ((v << 8) | (v >>> 8)) ^ 0x8000;
  }
}
