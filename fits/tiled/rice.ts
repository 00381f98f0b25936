/**
 * Rice's code for integers, as RICE_1 of the FITS standard 4.0, section 10.4.1.
 *
 * @module
 */

/** Of each width of integer: bits that hold a block's number of low bits, and its greatest value. */
const WIDTHS: Readonly<Record<number, { readonly fsBits: number; readonly fsMax: number }>> = {
  1: { fsBits: 3, fsMax: 6 },
  2: { fsBits: 4, fsMax: 14 },
  4: { fsBits: 5, fsMax: 25 },
};

/**
 * Decodes a tile of integers.
 *
 * The differences of neighbours, folded to whole numbers, come in blocks: of each the
 * low bits as they are, the number of the high ones in unary.
 *
 * @param bytes The code.
 * @param form Bytes of an integer (1, 2 or 4) and integers in a block.
 * @param out Takes the integers, signed; of 1 byte, from 0 to 255.
 * @returns False if the code ends too early or the width is none of these.
 */
export function decodeRice(
  bytes: Uint8Array,
  form: { readonly bytePix: number; readonly blockSize: number },
  out: Int32Array,
): boolean {
  const width = WIDTHS[form.bytePix];
  if (width === undefined || !(form.blockSize > 0) || bytes.length < form.bytePix) return false;
  const bits = new BitReader(bytes, form.bytePix);
  let last = 0;
  for (let i = 0; i < form.bytePix; i++) last = (last << 8) | bytes[i]!;
  for (let at = 0; at < out.length && bits.good; at += form.blockSize) {
    const block = out.subarray(at, at + form.blockSize);
    const fs = bits.take(width.fsBits) - 1;
    if (fs > width.fsMax) return false;
    if (fs < 0) block.fill(last);
    else if (fs === width.fsMax) last = takePlain(bits, 8 * form.bytePix, last, block);
    else last = bits.takeSplit(fs, last, block);
  }
  const unused = 32 - 8 * form.bytePix;
  if (form.bytePix === 1) { for (let i = 0; i < out.length; i++) out[i] = out[i]! & 255; }
  if (form.bytePix === 2) {
    for (let i = 0; i < out.length; i++) out[i] = out[i]! << unused >> unused;
  }
  return bits.good;
}

/** A block whose differences are too wide to be split. */
function takePlain(bits: BitReader, width: number, before: number, block: Int32Array): number {
  let last = before;
  for (let i = 0; i < block.length; i++) {
    const high = width === 32 ? bits.take(16) << 16 : 0;
    const folded = high | bits.take(Math.min(width, 16));
    last = (last + unfold(folded)) | 0;
    block[i] = last;
  }
  return last;
}

/** 0, 1, 2, 3, 4 … to 0, −1, 1, −2, 2 … */
function unfold(folded: number): number {
  return (folded >>> 1) ^ -(folded & 1);
}

/** Takes bits from the highest of each byte on. */
class BitReader {
  /** Whether there were bytes enough so far. */
  good = true;
  readonly #bytes: Uint8Array;
  #at: number;
  /** Bits of a byte not taken yet; those above are 0. */
  #rest = 0;
  #count = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The next bits as a number, at most 24. */
  take(count: number): number {
    let rest = this.#rest, have = this.#count;
    while (have < count) {
      rest = (rest << 8) | this.#bytes[this.#at++]!;
      have += 8;
    }
    this.#count = have - count;
    this.#rest = rest & ((1 << this.#count) - 1);
    this.good = this.#at <= this.#bytes.length;
    return rest >>> this.#count;
  }

  /** A block of differences: the high bits in unary, ended by a 1, then `fs` low bits. */
  takeSplit(fs: number, before: number, block: Int32Array): number {
    const bytes = this.#bytes;
    let at = this.#at, rest = this.#rest, have = this.#count, last = before;
    for (let i = 0; i < block.length; i++) {
      let zeros = 0;
      while (rest === 0) {
        if (at >= bytes.length) {
          this.good = false;
          return last;
        }
        zeros += have;
        rest = bytes[at++]!;
        have = 8;
      }
      const top = 31 - Math.clz32(rest);
      zeros += have - top - 1;
      rest ^= 1 << top;
      have = top;
      while (have < fs) {
        rest = (rest << 8) | bytes[at++]!;
        have += 8;
      }
      have -= fs;
      const folded = (zeros << fs) | (rest >>> have);
      rest &= (1 << have) - 1;
      last = (last + ((folded >>> 1) ^ -(folded & 1))) | 0;
      block[i] = last;
    }
    this.good = at <= bytes.length;
    this.#at = at, this.#rest = rest, this.#count = have;
    return last;
  }
}
