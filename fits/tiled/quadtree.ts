/**
 * Bit planes as trees of quarters with Huffman codes, of HCOMPRESS_1.
 *
 * @module
 */

/** The mark at the start of an H-compressed tile. */
export const H_CODE = 0xdd99;

/** A quarter of a tile whose bit planes follow. */
export interface Quarter {
  /** Its first element. */
  readonly at: number;
  /** How many rows it has. */
  readonly rows: number;
  /** Elements of a row. */
  readonly width: number;
  /** How many bit planes. */
  readonly planes: number;
}

/** The fixed code of 4-bit numbers: by length and code the number. */
const CODES: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  3: { 0: 1, 1: 2, 2: 4, 3: 8 },
  4: { 8: 3, 9: 5, 10: 10, 11: 12, 12: 15 },
  5: { 26: 6, 27: 7, 28: 9, 29: 11, 30: 13 },
  6: { 62: 0, 63: 14 },
};
/** By the next six bits: the number in the lower four bits, the length of its code above. */
const SIX_BITS = Uint8Array.from({ length: 64 }, (_, six) => {
  for (let length = 3; length <= 6; length++) {
    const number = CODES[length]![six >> (6 - length)];
    if (number !== undefined) return (length << 4) | number;
  }
  return 0;
});

/** Reads bit planes from a stream of bits, the highest of each byte first. */
export class QuadtreeBits {
  /** Whether there were bytes enough so far. */
  good = true;
  readonly #bytes: Uint8Array;
  #at: number;
  #rest = 0;
  #count = 0;

  /**
   * A stream of bits.
   *
   * @param bytes The code of the tile.
   * @param at Where the planes begin.
   */
  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The next bits as a number, at most 16. */
  take(count: number): number {
    while (this.#count < count) this.#next();
    this.#count -= count;
    this.good = this.#at - (this.#count >> 3) <= this.#bytes.length;
    return (this.#rest >> this.#count) & ((1 << count) - 1);
  }

  /** Leaves what is left of the present byte. */
  skipToByte(): void {
    this.#at -= this.#count >> 3;
    this.#count = 0;
  }

  /**
   * Reads the bit planes of a quarter, the highest first.
   *
   * @param quarter Where and how large.
   * @param width Of a row of `values`.
   * @param values Takes the planes' sum; 0 before.
   * @returns False if the stream is damaged.
   */
  addPlanes(quarter: Quarter, width: number, values: Float64Array): boolean {
    const { rows, width: columns } = quarter;
    const half = { rows: (rows + 1) >> 1, width: (columns + 1) >> 1 };
    const codes = new Uint8Array(half.rows * half.width);
    for (let plane = quarter.planes - 1; plane >= 0 && this.good; plane--) {
      const form = this.take(4);
      if (form === 0) { for (let i = 0; i < codes.length; i++) codes[i] = this.take(4); }
      else if (form === 15) this.#readTree(half, codes);
      else return false;
      addPlane(codes, quarter, width, 2 ** plane, values);
    }
    return this.good;
  }

  /** From one number for the whole to one for each 2×2 elements; each bit set has a number below. */
  #readTree(half: { readonly rows: number; readonly width: number }, codes: Uint8Array): void {
    if (codes.length === 0) return void this.#huffman();
    const levels = Math.ceil(Math.log2(Math.max(half.rows, half.width)));
    let size = { rows: 1, width: 1 };
    let above = Uint8Array.of(this.#huffman());
    for (let level = levels - 1; level >= 0; level--) {
      const next = {
        rows: Math.ceil(half.rows / 2 ** level),
        width: Math.ceil(half.width / 2 ** level),
      };
      const below = new Uint8Array(next.rows * next.width);
      for (let i = below.length - 1; i >= 0; i--) {
        const y = Math.floor(i / next.width), x = i - y * next.width;
        const code = above[(y >> 1) * size.width + (x >> 1)]!;
        if ((code >> (3 - 2 * (y & 1) - (x & 1))) & 1) below[i] = this.#huffman();
      }
      above = below, size = next;
    }
    codes.set(above);
  }

  #huffman(): number {
    while (this.#count < 6) this.#next();
    const code = SIX_BITS[(this.#rest >> (this.#count - 6)) & 63]!;
    this.#count -= code >> 4;
    this.good = this.#at - (this.#count >> 3) <= this.#bytes.length;
    return code & 15;
  }

  #next(): void {
    this.#rest = ((this.#rest & 0xffff) << 8) | (this.#bytes[this.#at++] ?? 0);
    this.#count += 8;
  }
}

function addPlane(
  codes: Uint8Array,
  { at, rows, width: columns }: Quarter,
  width: number,
  plane: number,
  values: Float64Array,
): void {
  const half = (columns + 1) >> 1;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const code = codes[(y >> 1) * half + (x >> 1)]!;
      if ((code >> (3 - 2 * (y & 1) - (x & 1))) & 1) values[at + y * width + x]! += plane;
    }
  }
}
