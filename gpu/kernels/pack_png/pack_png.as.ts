// Rows of a picture into chunks of a PNG file: 8 bits a sample, no filter, each block of rows an IDAT chunk
// with one deflate block (RFC 1951) of its own Huffman codes, so that threads pack blocks side by side.
// Repetitions of the byte before are all that is looked for: noise has no others.
//
// packRows. A row of the job is a block. Slots: 0 samples, u8 [lines, bytes]; 1 numbers of colours, as the
// samples; 2 entries of the palette, u8 [512], of samples and of numbers; 3 chunks, u8 [blocks, room];
// 4 sums, u32 [blocks, 3]: bytes of the chunk, lower and upper half of the Adler-32 of the lines.
// Parameters: see below. Working memory: scratchBytes() of pack_png.ts.

import { paramU32, slotPointer } from "../arguments.as";

const LINE_BYTES: u32 = 0;
const LINES: u32 = 1;
const BLOCK_LINES: u32 = 2; // lines of a block; the last block may have fewer
const ROOM: u32 = 3; // bytes from one chunk to the next
const NUMBERED: u32 = 4; // 1 where the samples and numbers stand for entries of a palette

export function packRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const bytes = paramU32(args, LINE_BYTES), most = paramU32(args, BLOCK_LINES);
  const entries = paramU32(args, NUMBERED) === 1 ? slotPointer(args, 2) : 0;
  for (let block = from; block < to; block++) {
    const first = block * most, lines = min(most, paramU32(args, LINES) - first);
    const at = <usize>(first * bytes);
    const chunk = slotPointer(args, 3) + <usize>block * paramU32(args, ROOM);
    const sums = slotPointer(args, 4) + <usize>block * 12;
    pack(slotPointer(args, 0) + at, slotPointer(args, 1) + at, entries, bytes, lines, chunk, sums, scratch);
  }
}

// Tables in the working memory, in front of the lines
const COUNTS: usize = 0; // u32 [288] how often a symbol occurs
const CODES: usize = 1152; // u32 [288] code, its first bit lowest, and from bit 16 on its length
const LENGTH_COUNTS: usize = 2304; // u32 [20] the same for the code of code lengths
const LENGTH_CODES: usize = 2384;
const ORDER: usize = 2464; // u32 [288] symbols by count
const WEIGHTS: usize = 3616; // u32 [576] of the nodes of a tree
const PARENTS: usize = 5920; // u32 [576]
const CRC: usize = 8224; // u32 [256]
const TEXT: usize = 9248;

const SYMBOLS: u32 = 286;
const END: u32 = 256;
const LONGEST: u32 = 258; // repetition

/**
 * Packs a block. The chunk: length, name, data, CRC. `entries`: address of the palette's entries,
 * or 0 to take the samples as they are.
 */
export function pack(
  samples: usize, numbers: usize, entries: usize, bytes: u32, lines: u32, chunk: usize, sums: usize,
  scratch: usize,
): void {
  const text = scratch + TEXT, length = lines * (bytes + 1);
  layLines(samples, numbers, entries, bytes, lines, text);
  memory.fill(scratch, 0, LENGTH_CODES);
  count(text, length, scratch + COUNTS);
  assignCodes(scratch + COUNTS, scratch + CODES, SYMBOLS, 15, scratch);
  const data = chunk + 8;
  put = data;
  held = 0;
  bits = 0;
  putCodeLengths(scratch);
  putText(text, length, scratch + CODES);
  putAligned();
  const size = <u32>(put - data);
  store<u32>(chunk, bswap<u32>(size));
  store<u32>(chunk, 0x54414449, 4); // IDAT
  store<u32>(put, bswap<u32>(crc(chunk + 4, size + 4, scratch + CRC)));
  store<u32>(sums, size + 12);
  adler(text, length, sums);
}

/** Lines, each behind a byte 0 that says it is not filtered. */
function layLines(
  samples: usize, numbers: usize, entries: usize, bytes: u32, lines: u32, text: usize,
): void {
  for (let line: u32 = 0; line < lines; line++) {
    store<u8>(text++, 0);
    if (entries === 0) {
      memory.copy(text, samples, bytes);
      samples += bytes;
      text += bytes;
      continue;
    }
    for (let x: u32 = 0; x < bytes; x++) {
      const number = load<u8>(numbers++), sample = load<u8>(samples++);
      const entry = number === 0 ? entries + sample : entries + 256 + number;
      store<u8>(text++, load<u8>(entry));
    }
  }
}

/** How often the byte before comes again from here on. */
function repeats(at: usize, end: usize): u32 {
  const value = load<u8>(at - 1);
  const last = min(end, at + LONGEST), eight = <u64>value * 0x0101010101010101;
  let next = at;
  for (; next + 8 <= last; next += 8) {
    const others = load<u64>(next) ^ eight;
    if (others !== 0) return <u32>(next - at) + (<u32>ctz(others) >> 3);
  }
  while (next < last && load<u8>(next) === value) next++;
  return <u32>(next - at);
}

/** The symbol of a repetition. */
@inline
function symbolOf(length: u32): u32 {
  if (length === LONGEST) return 285;
  const l = length - 3;
  if (l < 8) return 257 + l;
  const extra = 29 - clz<u32>(l);
  return 257 + (extra << 2) + (l >> extra);
}

@inline
function add(counts: usize, symbol: u32): void {
  const at = counts + (<usize>symbol << 2);
  store<u32>(at, load<u32>(at) + 1);
}

function count(text: usize, length: u32, counts: usize): void {
  const end = text + length;
  add(counts, load<u8>(text));
  for (let at = text + 1; at < end;) {
    if (load<u8>(at) === load<u8>(at - 1)) {
      const times = repeats(at, end);
      if (times > 2) {
        add(counts, symbolOf(times));
        at += times;
        continue;
      }
    }
    add(counts, load<u8>(at++));
  }
  add(counts, END);
}

/**
 * Huffman codes of symbols that occur, of no more than so many bits: where the rarest would get more, counts
 * are halved.
 */
function assignCodes(counts: usize, codes: usize, symbols: u32, mostBits: u32, scratch: usize): void {
  while (codeLengths(counts, codes, symbols, scratch) > mostBits) {
    for (let s: u32 = 0; s < symbols; s++) {
      const at = counts + (<usize>s << 2);
      store<u32>(at, (load<u32>(at) + 1) >> 1);
    }
  }
  let code: u32 = 0;
  for (let length: u32 = 1; length <= mostBits; length++) {
    for (let s: u32 = 0; s < symbols; s++) {
      const at = codes + (<usize>s << 2);
      if (load<u32>(at) !== length) continue;
      store<u32>(at, length << 16 | reversed(code, length));
      code++;
    }
    code <<= 1;
  }
}

function reversed(code: u32, length: u32): u32 {
  let out: u32 = 0;
  for (let k: u32 = 0; k < length; k++) out |= (code >> k & 1) << (length - 1 - k);
  return out;
}

/** Lengths of optimal codes, 0 for what does not occur; gives the longest. */
function codeLengths(counts: usize, lengths: usize, symbols: u32, scratch: usize): u32 {
  const order = scratch + ORDER, weights = scratch + WEIGHTS, parents = scratch + PARENTS;
  memory.fill(lengths, 0, <usize>symbols << 2);
  const leaves = sortByCount(counts, symbols, order);
  if (leaves === 1) { // a code needs a bit
    store<u32>(lengths + (<usize>load<u32>(order) << 2), 1);
    return 1;
  }
  for (let i: u32 = 0; i < leaves; i++) {
    const symbol = load<u32>(order + (<usize>i << 2));
    store<u32>(weights + (<usize>i << 2), load<u32>(counts + (<usize>symbol << 2)));
  }
  const nodes: u32 = (leaves << 1) - 1;
  let leaf: u32 = 0, inner = leaves; // the lightest that have no parent yet
  for (let node = leaves; node < nodes; node++) {
    let weight: u32 = 0;
    for (let child = 0; child < 2; child++) {
      const takesLeaf = leaf < leaves && (inner >= node ||
        load<u32>(weights + (<usize>leaf << 2)) <= load<u32>(weights + (<usize>inner << 2)));
      const taken = takesLeaf ? leaf++ : inner++;
      weight += load<u32>(weights + (<usize>taken << 2));
      store<u32>(parents + (<usize>taken << 2), node);
    }
    store<u32>(weights + (<usize>node << 2), weight);
  }
  // from here on the depths of the nodes stand in place of the weights
  let longest: u32 = 0;
  store<u32>(weights + (<usize>(nodes - 1) << 2), 0);
  for (let node = <i32>nodes - 2; node >= 0; node--) {
    const parent = load<u32>(parents + (<usize>node << 2));
    const depth = load<u32>(weights + (<usize>parent << 2)) + 1;
    store<u32>(weights + (<usize>node << 2), depth);
    if (<u32>node >= leaves) continue;
    store<u32>(lengths + (<usize>load<u32>(order + (<usize>node << 2)) << 2), depth);
    longest = max(longest, depth);
  }
  return longest;
}

/** The symbols that occur, the rarest first, by Shell's method; gives how many. */
function sortByCount(counts: usize, symbols: u32, order: usize): u32 {
  let found: u32 = 0;
  for (let s: u32 = 0; s < symbols; s++) {
    if (load<u32>(counts + (<usize>s << 2)) === 0) continue;
    store<u32>(order + (<usize>found << 2), s);
    found++;
  }
  for (let gap: u32 = 121; gap > 0; gap /= 3) { // 121, 40, 13, 4, 1
    for (let i = gap; i < found; i++) {
      const symbol = load<u32>(order + (<usize>i << 2));
      const own = load<u32>(counts + (<usize>symbol << 2));
      let at = i;
      for (; at >= gap; at -= gap) {
        const before = load<u32>(order + (<usize>(at - gap) << 2));
        if (load<u32>(counts + (<usize>before << 2)) <= own) break;
        store<u32>(order + (<usize>at << 2), before);
      }
      store<u32>(order + (<usize>at << 2), symbol);
    }
  }
  return found;
}

// Where the next bits go; each call of pack() begins anew
let put: usize = 0;
let held: u64 = 0;
let bits: u32 = 0;

/** At most 32 bits. */
@inline
function putBits(value: u32, number: u32): void {
  held |= <u64>value << bits;
  bits += number;
  if (bits >= 32) {
    store<u32>(put, <u32>held);
    put += 4;
    held >>= 32;
    bits -= 32;
  }
}

@inline
function putCode(codes: usize, symbol: u32): void {
  const code = load<u32>(codes + (<usize>symbol << 2));
  putBits(code & 0xffff, code >> 16);
}

/** Lengths of the codes of lengths come in the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15. */
function lengthSymbol(i: u32): u32 {
  if (i < 3) return 16 + i;
  if (i === 3) return 0;
  const step = i - 2 >> 1;
  return i & 1 ? 8 - step : 7 + step;
}

/** Says of a symbol how long its code is; the one distance, 1, comes behind the last symbol. */
@inline
function lengthOf(codes: usize, symbol: u32): u32 {
  return symbol === SYMBOLS ? 1 : load<u32>(codes + (<usize>symbol << 2)) >> 16;
}

/** The head of a block with codes of its own, which is not the last one. */
function putCodeLengths(scratch: usize): void {
  const codes = scratch + CODES, lengthCodes = scratch + LENGTH_CODES;
  eachLength(codes, scratch + LENGTH_COUNTS, 0);
  assignCodes(scratch + LENGTH_COUNTS, lengthCodes, 19, 7, scratch);
  putBits(0b100, 3); // not the last, codes of its own
  putBits(SYMBOLS - 257, 5);
  putBits(0, 5); // one distance
  putBits(19 - 4, 4);
  for (let i: u32 = 0; i < 19; i++) {
    putBits(load<u32>(lengthCodes + (<usize>lengthSymbol(i) << 2)) >> 16, 3);
  }
  eachLength(codes, 0, lengthCodes);
}

/** Counts the symbols of the code lengths, or puts them where they have codes; zeros go by their number. */
function eachLength(codes: usize, counts: usize, lengthCodes: usize): void {
  for (let s: u32 = 0; s <= SYMBOLS;) {
    const length = lengthOf(codes, s);
    let zeros: u32 = 0;
    while (zeros < 138 && s + zeros <= SYMBOLS && lengthOf(codes, s + zeros) === 0) zeros++;
    const symbol = zeros > 10 ? 18 : zeros > 2 ? 17 : length;
    s += zeros > 2 ? zeros : 1;
    if (lengthCodes === 0) {
      add(counts, symbol);
      continue;
    }
    putCode(lengthCodes, symbol);
    if (symbol === 17) putBits(zeros - 3, 3);
    else if (symbol === 18) putBits(zeros - 11, 7);
  }
}

function putText(text: usize, length: u32, codes: usize): void {
  // locals stay in registers
  let to = put, waiting = held, number = bits;
  const end = text + length;
  for (let at = text; at < end;) {
    let code = load<u32>(codes + (<usize>load<u8>(at) << 2));
    let more: u32 = 0, extra: u32 = 0, step: u32 = 1;
    if (at > text && load<u8>(at) === load<u8>(at - 1)) {
      const times = repeats(at, end);
      if (times > 2) {
        const symbol = symbolOf(times);
        code = load<u32>(codes + (<usize>symbol << 2));
        extra = symbol < 265 || symbol === 285 ? 0 : (symbol - 261) >> 2;
        more = times - 3 & (1 << extra) - 1;
        extra++; // and the code of the one distance: a 0
        step = times;
      }
    }
    at += step;
    waiting |= <u64>(code & 0xffff) << number;
    number += code >> 16;
    waiting |= <u64>more << number;
    number += extra;
    if (number >= 32) {
      store<u32>(to, <u32>waiting);
      to += 4;
      waiting >>= 32;
      number -= 32;
    }
  }
  put = to;
  held = waiting;
  bits = number;
  putCode(codes, END);
}

/** An empty block of plain bytes, which ends with a whole byte. */
function putAligned(): void {
  putBits(0, 3);
  putBits(0, (8 - (bits & 7)) & 7);
  while (bits > 0) {
    store<u8>(put++, <u8>held);
    held >>= 8;
    bits -= 8;
  }
  store<u32>(put, 0xffff0000);
  put += 4;
}

/** CRC-32 (ISO 3309). */
function crc(at: usize, length: u32, table: usize): u32 {
  for (let i: u32 = 0; i < 256; i++) {
    let value = i;
    for (let k = 0; k < 8; k++) value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
    store<u32>(table + (<usize>i << 2), value);
  }
  let sum: u32 = 0xffffffff;
  for (const end = at + length; at < end; at++) {
    sum = load<u32>(table + (<usize>((sum ^ load<u8>(at)) & 255) << 2)) ^ sum >> 8;
  }
  return ~sum;
}

/** Both halves of an Adler-32 (RFC 1950), sixteen bytes at a time. */
function adler(text: usize, length: u32, sums: usize): void {
  const weights = i8x16(16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
  let a: u32 = 1, b: u32 = 0;
  for (let from: u32 = 0; from < length;) {
    const pieces = min<u32>((length - from) >> 4, 347); // of more the sums could overflow
    let plain = i32x4.splat(0), before = plain, weighted = plain;
    for (let i: u32 = 0; i < pieces; i++, from += 16) {
      const v = v128.load(text + from);
      before = i32x4.add(before, plain);
      plain = i32x4.add(plain, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(v)));
      const low = i32x4.extadd_pairwise_i16x8_u(i16x8.extmul_low_i8x16_u(v, weights));
      const high = i32x4.extadd_pairwise_i16x8_u(i16x8.extmul_high_i8x16_u(v, weights));
      weighted = i32x4.add(weighted, i32x4.add(low, high));
    }
    b = (b + (a * pieces + total(before) << 4) + total(weighted)) % 65521;
    a = (a + total(plain)) % 65521;
    if (length - from >= 16) continue;
    for (; from < length; from++) {
      a += load<u8>(text + from);
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  store<u32>(sums, a, 4);
  store<u32>(sums, b, 8);
}

function total(sums: v128): u32 {
  return <u32>(i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3));
}
