/**
 * CHECKSUM and DATASUM of the FITS standard 4.0, section 4.4.2.7 and appendix J.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { openForReading, readAt } from "./_disk.ts";
import { padded, walkUnits } from "./file.ts";
import type { FitsHeader } from "./header.ts";

/** Words summed before the lanes are emptied: 256 times 255 still fits 16 bits. */
const LANE_WORDS = 256;
const READ_BYTES = 1 << 20;

/**
 * Sums a stream of bytes as the standard asks: 32-bit big-endian words, ones' complement.
 *
 * The four bytes of the words are summed apart, two in one 32-bit number, so no
 * word needs its bytes exchanged.
 */
export class DataSum {
  #sum = 0;
  #bytes = 0;
  readonly #rest = new Uint8Array(4);

  /** Adds the next bytes of the stream. */
  add(bytes: Uint8Array): void {
    let at = 0;
    while (this.#bytes % 4 !== 0 && at < bytes.length) this.#addByte(bytes[at++]!);
    const words = (bytes.length - at) >>> 2;
    const start = bytes.byteOffset + at;
    if (start % 4 === 0) this.#addWords(new Uint32Array(bytes.buffer, start, words));
    else this.#addWords(new Uint32Array(bytes.slice(at, at + words * 4).buffer));
    this.#bytes += words * 4;
    at += words * 4;
    while (at < bytes.length) this.#addByte(bytes[at++]!);
  }

  /** Another one that has seen the same bytes. */
  clone(): DataSum {
    const other = new DataSum();
    other.#sum = this.#sum;
    other.#bytes = this.#bytes;
    other.#rest.set(this.#rest);
    return other;
  }

  /** Adds the sum of the next bytes, whole words that follow on whole words. */
  addSum(sum: number, bytes: number): void {
    if ((this.#bytes | bytes) % 4 !== 0) throw new RangeError(`${bytes} bytes are no whole words`);
    this.#sum = fold(this.#sum + sum);
    this.#bytes += bytes;
  }

  /** The sum so far, as if the stream went on with zeros; 0 to 2³²−1. */
  get value(): number {
    const rest = this.#bytes % 4;
    const last = this.#rest.slice();
    last.fill(0, rest);
    const tail = rest === 0 ? 0 : new Uint32Array(last.buffer)[0]!;
    return fold(this.#sum + swapped(tail));
  }

  #addWords(words: Uint32Array): void {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (let from = 0; from < words.length; from += LANE_WORDS) {
      const to = Math.min(words.length, from + LANE_WORDS);
      let even = 0;
      let odd = 0;
      for (let i = from; i < to; i++) {
        const word = words[i]!;
        even = (even + (word & 0xff00ff)) | 0;
        odd = (odd + ((word >>> 8) & 0xff00ff)) | 0;
      }
      s0 += even & 0xffff;
      s1 += odd & 0xffff;
      s2 += even >>> 16;
      s3 += odd >>> 16;
    }
    for (const lane of [s0 * 16777216, s1 * 65536, s2 * 256, s3]) {
      this.#sum = fold(this.#sum + lane);
    }
  }

  #addByte(byte: number): void {
    this.#rest[this.#bytes % 4] = byte;
    this.#bytes++;
    if (this.#bytes % 4 === 0) this.#addWords(new Uint32Array(this.#rest.slice().buffer));
  }
}

function swapped(v: number): number {
  return ((v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24)) >>> 0;
}

/** Brings the carries of a sum back in, until it fits 32 bits. */
function fold(sum: number): number {
  let value = sum;
  while (value > 0xffffffff) value = (value % 4294967296) + Math.floor(value / 4294967296);
  return value;
}

/**
 * The ones' complement sum of bytes, for DATASUM.
 *
 * @param bytes Data of a unit; zeros may be left out at the end.
 */
export function datasum(bytes: Uint8Array): number {
  const sum = new DataSum();
  sum.add(bytes);
  return sum.value;
}

/**
 * The text of a CHECKSUM card that makes the sum over header and data all ones.
 *
 * @param sum Sum over the whole unit with CHECKSUM set to sixteen zeros.
 * @returns Sixteen letters and digits.
 */
export function checksumCard(sum: number): string {
  const complement = ~sum >>> 0;
  const letters = new Uint8Array(16);
  for (let byte = 0; byte < 4; byte++) {
    const value = (complement >>> (24 - 8 * byte)) & 0xff;
    const parts = [0, 1, 2, 3].map(() => Math.floor(value / 4) + 0x30);
    parts[0]! += value % 4;
    for (let pair = 0; pair < 4; pair += 2) avoidPunctuation(parts, pair);
    parts.forEach((part, i) => letters[4 * i + byte] = part);
  }
  const text = String.fromCharCode(...letters);
  return text.slice(15) + text.slice(0, 15);
}

/** Moves a pair of characters apart, sum unchanged, until both are letters or digits. */
function avoidPunctuation(parts: number[], pair: number): void {
  const bad = (code: number) => (code > 0x39 && code < 0x41) || (code > 0x5a && code < 0x61);
  while (bad(parts[pair]!) || bad(parts[pair + 1]!)) {
    parts[pair]! += 1;
    parts[pair + 1]! -= 1;
  }
}

/**
 * Puts DATASUM and CHECKSUM into a header and encodes it.
 *
 * @param header Changed: the two cards are set.
 * @param dataSum Sum over the data.
 * @returns The encoded header; its length does not depend on the sum.
 */
export function encodeWithChecksum(header: FitsHeader, dataSum: number): Uint8Array<ArrayBuffer> {
  header.set("CHECKSUM", "0".repeat(16), "HDU checksum");
  header.set("DATASUM", String(dataSum), "data unit checksum");
  const total = fold(datasum(header.encode()) + dataSum);
  header.set("CHECKSUM", checksumCard(total));
  return header.encode();
}

/** What {@linkcode verifyChecksums} found in one unit; `null` where the card is absent. */
export interface ChecksumResult {
  /** Unit of the file, 0 for the primary one. */
  readonly hdu: number;
  /** Whether the sum over the whole unit is all ones. */
  readonly checksum: boolean | null;
  /** Whether the sum over the data is the one stated. */
  readonly datasum: boolean | null;
}

/**
 * Checks CHECKSUM and DATASUM of every unit of a file.
 *
 * @throws {DataError} If the file is truncated or no FITS file.
 */
export async function verifyChecksums(path: string): Promise<ChecksumResult[]> {
  using file = await openForReading(path);
  const results: ChecksumResult[] = [];
  for await (const unit of walkUnits(file, path)) {
    const head = await sumBytes(file, path, unit.headerOffset, unit.dataOffset);
    const end = unit.dataOffset + padded(unit.dataBytes);
    const data = await sumBytes(file, path, unit.dataOffset, end);
    const total = fold(head + data);
    const stated = unit.header.number("DATASUM");
    results.push({
      hdu: unit.index,
      checksum: unit.header.has("CHECKSUM") ? total === 0 || total === 0xffffffff : null,
      datasum: stated === undefined ? null : stated === data,
    });
  }
  return results;
}

async function sumBytes(
  file: Deno.FsFile,
  path: string,
  from: number,
  to: number,
): Promise<number> {
  const sum = new DataSum();
  const buffer = new Uint8Array(Math.min(READ_BYTES, to - from));
  for (let at = from; at < to; at += buffer.length) {
    const wanted = buffer.subarray(0, Math.min(buffer.length, to - at));
    const count = await readAt(file, wanted, at);
    if (count < wanted.length) {
      throw new DataError(`Cannot sum '${path}': ${to} bytes expected and ${at + count} found`, {
        details: { file: path, expectedBytes: to, actualBytes: at + count },
      });
    }
    sum.add(wanted);
  }
  return sum.value;
}
